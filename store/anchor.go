package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/mod/sumdb/note"

	"immis/internal/mutant"
)

// The anchor is the newest signed head, outside the Pebble directory: one
// flipped bit in a log or manifest makes Pebble silently open an older state, and
// the anchor is what notices. Two slots are written in turns, so that a write cut
// off by a crash leaves the other one.
//
// Slot, 4,096 bytes, big endian:
//
//	0    8  sequence; the slot is sequence modulo 2
//	8    4  length of the note
//	12   .  note, then zeros
//	4092 4  CRC-32C of all before
const (
	anchorSlot = 4096
	anchorFile = "anchor"
)

func crc32c(b []byte) uint32 { return crcUpdate(0, b) }

func crcUpdate(sum uint32, b []byte) uint32 {
	return crc32.Update(sum, crc32.MakeTable(crc32.Castagnoli), b)
}

type anchor struct {
	file vfs.File
	seq  uint64
	head Head
}

func encodeAnchorSlot(seq uint64, msg []byte) []byte {
	b := make([]byte, 0, anchorSlot)
	b = binary.BigEndian.AppendUint64(b, seq)
	b = binary.BigEndian.AppendUint32(b, uint32(len(msg)))
	b = append(b, msg...)
	return appendCRC(b[: anchorSlot-4 : anchorSlot])
}

// decodeAnchorSlot reads slot i; an error says what is wrong with it.
func decodeAnchorSlot(i int, b []byte, verifier note.Verifier) (uint64, Head, error) {
	if len(b) != anchorSlot {
		return 0, Head{}, fmt.Errorf("anchor slot %d: %d bytes, want %d", i, len(b), anchorSlot)
	}
	if got, want := crc32c(b[:anchorSlot-4]), binary.BigEndian.Uint32(b[anchorSlot-4:]); got != want {
		return 0, Head{}, fmt.Errorf("anchor slot %d: checksum %08x, want %08x", i, got, want)
	}
	seq, n := binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:])
	if seq == 0 && n == 0 {
		return 0, Head{}, nil // never written
	}
	if n > maxNote {
		return 0, Head{}, fmt.Errorf("anchor slot %d: note of %d bytes, want at most %d", i, n, maxNote)
	}
	if int(seq%2) != i {
		return 0, Head{}, fmt.Errorf("anchor slot %d: sequence %d belongs to slot %d", i, seq, seq%2)
	}
	h, err := OpenHead(b[12:12+n], verifier)
	if err != nil {
		return 0, Head{}, fmt.Errorf("anchor slot %d: %w", i, err)
	}
	return seq, h, nil
}

// anchorState is what was found in an anchor file.
type anchorState struct {
	seq     uint64
	head    Head
	damaged []error // one per slot that does not read; never both
}

// readAnchor reads both slots. It fails when neither holds a head: without an
// anchor nobody can tell whether the ledger is whole.
func readAnchor(fs vfs.FS, path string, verifier note.Verifier) (anchorState, error) {
	var st anchorState
	raw, err := readSmall(fs, path, 2*anchorSlot)
	if err != nil {
		return st, err
	}
	if len(raw) != 2*anchorSlot {
		st.damaged = append(st.damaged, fmt.Errorf("anchor: %d bytes, want %d", len(raw), 2*anchorSlot))
		raw = append(raw, make([]byte, 2*anchorSlot)...)[:2*anchorSlot]
	}
	for i := range 2 {
		seq, h, err := decodeAnchorSlot(i, raw[i*anchorSlot:(i+1)*anchorSlot], verifier)
		if err != nil {
			st.damaged = append(st.damaged, err)
			continue
		}
		if h.Note != nil && seq > st.seq {
			st.seq, st.head = seq, h
		}
	}
	if st.head.Note == nil {
		return st, damaged("anchor holds no signed head: %v", st.damaged)
	}
	return st, nil
}

// createAnchor writes a new anchor file with one head.
func createAnchor(fs vfs.FS, path string, head Head) error {
	b := append(encodeAnchorSlot(0, nil), encodeAnchorSlot(1, head.Note)...)
	return writeSmall(fs, path, b)
}

func openAnchor(fs vfs.FS, path string, st anchorState) (*anchor, error) {
	f, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, fmt.Errorf("open anchor: %w", err)
	}
	return &anchor{file: f, seq: st.seq, head: st.head}, nil
}

// write makes head the anchor and returns when it is on disk. After an error the
// file's content is unknown: the store must stop.
func (a *anchor) write(head Head) error {
	if mutant.On(mutant.SkipAnchor) {
		return nil
	}
	seq := a.seq + 1
	if _, err := a.file.WriteAt(encodeAnchorSlot(seq, head.Note), int64(seq%2)*anchorSlot); err != nil {
		return fmt.Errorf("write anchor: %w", err)
	}
	if err := a.file.SyncData(); err != nil {
		return fmt.Errorf("sync anchor: %w", err)
	}
	a.seq, a.head = seq, head
	return nil
}

func (a *anchor) close() error { return a.file.Close() }

// readSmall reads a whole file of at most limit bytes.
func readSmall(fs vfs.FS, path string, limit int64) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", fs.PathBase(path), err)
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", fs.PathBase(path), err)
	}
	if int64(len(b)) > limit {
		return nil, damaged("%s has more than %d bytes", fs.PathBase(path), limit)
	}
	return b, nil
}

// writeSmall writes a file so that after a crash it is there whole or not at
// all: under another name, synced, renamed, directory synced.
func writeSmall(fs vfs.FS, path string, data []byte) error {
	tmp := path + ".tmp"
	f, err := fs.Create(tmp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("create %s: %w", fs.PathBase(tmp), err)
	}
	_, err = f.Write(append([]byte(nil), data...))
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", fs.PathBase(tmp), err)
	}
	if err := fs.Rename(tmp, path); err != nil {
		return fmt.Errorf("rename to %s: %w", fs.PathBase(path), err)
	}
	return syncDir(fs, fs.PathDir(path))
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("open directory %s: %w", dir, err)
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	return nil
}
