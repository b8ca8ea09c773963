package store

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// An entries file holds headers only: everything an auditor without keys can
// check, and nothing that is sealed. Layout, big endian:
//
//	0  8  "immisent"
//	8  1  version (1)
//	9  16 store
//	   .  per entry: 2 length of header, 1..65,535; header
//	   2  zero
//	   8  number of entries
//	   4  CRC-32C of all before
const (
	exportMagic   = "immisent"
	exportVersion = 1
)

// ExportEntries writes all headers to w, from entry 0 to the present head, whose
// size it returns. Keep the signed head beside the file, not only in it.
func (s *Store) ExportEntries(ctx context.Context, w io.Writer) (uint64, error) {
	v, err := s.acquire()
	if err != nil {
		return 0, err
	}
	defer s.releaseView(v)
	n, err := exportEntries(ctx, v, s.id, w)
	if err != nil {
		return n, fmt.Errorf("export entries: %w", err)
	}
	return n, nil
}

func exportEntries(ctx context.Context, v *view, id ID, w io.Writer) (uint64, error) {
	buf := bufio.NewWriterSize(w, 1<<16)
	var sum crcWriter
	out := io.MultiWriter(buf, &sum)
	head := append([]byte(exportMagic), exportVersion)
	if _, err := out.Write(append(head, id[:]...)); err != nil {
		return 0, err
	}
	var n uint64
	err := dbReader{v.snap}.each([]byte{prefixEntry}, func(_, raw []byte) error {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		n++
		if _, err := out.Write(binary.BigEndian.AppendUint16(nil, uint16(len(raw)))); err != nil {
			return err
		}
		_, err := out.Write(raw)
		return err
	})
	if err != nil {
		return n, err
	}
	if n != v.meta.count {
		return n, damaged("%d entries, want %d", n, v.meta.count)
	}
	if _, err := out.Write(binary.BigEndian.AppendUint64([]byte{0, 0}, n)); err != nil {
		return n, err
	}
	if _, err := buf.Write(binary.BigEndian.AppendUint32(nil, sum.sum)); err != nil {
		return n, err
	}
	return n, buf.Flush()
}

type crcWriter struct{ sum uint32 }

func (c *crcWriter) Write(p []byte) (int, error) {
	c.sum = crcUpdate(c.sum, p)
	return len(p), nil
}

// readExport reads an entries file in constant memory and calls fn with each
// header's bytes, valid during the call only.
func readExport(r io.Reader, fn func(raw []byte) error) (ID, error) {
	var id ID
	var sum crcWriter
	buf := bufio.NewReaderSize(r, 1<<16)
	in := io.TeeReader(buf, &sum)
	var head [25]byte
	if err := readFull(in, head[:]); err != nil {
		return id, fmt.Errorf("head: %w", err)
	}
	if !bytes.Equal(head[:8], []byte(exportMagic)) {
		return id, fmt.Errorf("begins with %q, want %q", head[:8], exportMagic)
	}
	if head[8] != exportVersion {
		return id, fmt.Errorf("version %d, want %d", head[8], exportVersion)
	}
	copy(id[:], head[9:])
	raw := make([]byte, 0, maxEntryBytes)
	var count uint64
	for {
		var length [2]byte
		if err := readFull(in, length[:]); err != nil {
			return id, fmt.Errorf("entry %d: %w", count, err)
		}
		n := int(binary.BigEndian.Uint16(length[:]))
		if n == 0 {
			break
		}
		if n > maxEntryBytes {
			return id, fmt.Errorf("entry %d: %d bytes, want at most %d", count, n, maxEntryBytes)
		}
		if err := readFull(in, raw[:n]); err != nil {
			return id, fmt.Errorf("entry %d: %w", count, err)
		}
		if err := fn(raw[:n]); err != nil {
			return id, err
		}
		count++
	}
	var tail [8]byte
	if err := readFull(in, tail[:]); err != nil {
		return id, fmt.Errorf("count: %w", err)
	}
	if n := binary.BigEndian.Uint64(tail[:]); n != count {
		return id, fmt.Errorf("%d entries, its count says %d", count, n)
	}
	want := sum.sum
	if err := readFull(buf, tail[:4]); err != nil {
		return id, fmt.Errorf("checksum: %w", err)
	}
	if got := binary.BigEndian.Uint32(tail[:4]); got != want {
		return id, fmt.Errorf("checksum %08x, want %08x", got, want)
	}
	if _, err := buf.ReadByte(); !errors.Is(err, io.EOF) {
		return id, fmt.Errorf("trailing bytes, want none")
	}
	return id, nil
}

func readFull(r io.Reader, b []byte) error {
	_, err := io.ReadFull(r, b)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}
