package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	immisv1 "immis/api/immis/v1"
)

// journal is the file in which an import remembers what the server has acknowledged,
// so that a repetition need not ask again. It is a shortcut, not the proof: an entry
// that is missing costs one request, which the server answers as a repetition.
//
//	immis import journal 1 OWNER
//	KEY "NAME"
//	...
//
// KEY is the front of the SHA-256 of the whole request, in hexadecimal: a record whose
// content or options changed has another key and is asked about. OWNER names the ledger
// and the job. Lines are appended and synced in groups; an end that was torn off by a
// crash is cut away.
type journal struct {
	mu   sync.Mutex
	file *os.File

	// The old entries are read as the import comes to them: both go in the same order,
	// give or take the requests under way, so a window of them suffices.
	old    *bufio.Reader
	window map[journalKey]struct{}
	ring   []journalKey // of the window, in the order of the file; entries met are not removed
	oldest int

	pending []byte
	lines   int
	synced  time.Time
	syncing bool
}

// journalKey is the front of the hash of a request.
type journalKey [16]byte

const (
	journalMagic = "immis import journal 1 "
	// journalWindow bounds the old entries held in memory: 40 bytes each.
	journalWindow = 1 << 17
	// A group is synced after so many lines or so much time.
	journalGroup = 4096
	journalEvery = time.Second
)

// journalOwner names the ledger that an import goes to, with the job. The key of the
// ledger's heads tells two servers apart; where this principal may not read it, the job
// has to do.
func (im *importer) journalOwner(ctx context.Context) (string, error) {
	ledger := "any"
	err := im.patiently(ctx, func(ctx context.Context) error {
		h, err := immisv1.NewLedgerServiceClient(im.conn).GetHead(ctx, &immisv1.GetHeadRequest{Context: im.rc})
		if err == nil {
			ledger, _, _ = strings.Cut(h.GetVerifierKey(), "+")
		}
		return err
	})
	if status.Code(err) == codes.PermissionDenied {
		err = nil
	}
	return ledger + " " + im.job, err
}

func openJournal(path, owner string) (_ *journal, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, usage("journal %s: %v", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	size, err := wholeLines(f)
	if err != nil {
		return nil, fmt.Errorf("read journal %s: %w", path, err)
	}
	if ours, err := isJournal(f); err != nil {
		return nil, fmt.Errorf("read journal %s: %w", path, err)
	} else if !ours {
		return nil, usage("journal %s is another kind of file", path)
	}
	if err := f.Truncate(size); err != nil {
		return nil, fmt.Errorf("cut the torn end of journal %s: %w", path, err)
	}
	j := &journal{file: f, window: map[journalKey]struct{}{}, synced: time.Now()}
	if size == 0 {
		return j, j.write([]byte(journalMagic + owner + "\n"))
	}
	j.old = bufio.NewReader(io.NewSectionReader(f, 0, size))
	head, err := j.old.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("read journal %s: %w", path, err)
	}
	if got := strings.TrimSpace(strings.TrimPrefix(head, journalMagic)); got != owner {
		return nil, usage("journal %s belongs to %q, want %q: it is of another ledger or another import; give a new file", path, got, owner)
	}
	for range journalWindow / 2 { // the other half is what the import has passed
		j.advance()
	}
	return j, nil
}

// isJournal tells whether the file begins as a journal does, torn in its first line or
// empty at the least: nothing else is written to.
func isJournal(f *os.File) (bool, error) {
	head := make([]byte, len(journalMagic))
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return string(head[:n]) == journalMagic[:n], nil
}

// wholeLines is the length of the file up to its last end of line.
func wholeLines(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, errors.New("not a regular file")
	}
	size := info.Size()
	const part = 64 << 10
	buf := make([]byte, part)
	for size > 0 {
		n := min(size, part)
		if _, err := f.ReadAt(buf[:n], size-n); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			return size - n + int64(i) + 1, nil
		}
		size -= n
	}
	return 0, nil
}

// advance takes the next old entry into the window. Lines that are none are skipped:
// what they stood for is asked about.
func (j *journal) advance() {
	for j.old != nil {
		line, err := j.old.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			j.old = nil
			return
		}
		var k journalKey
		if len(line) < 2*len(k) {
			continue
		}
		if _, err := hex.Decode(k[:], line[:2*len(k)]); err != nil {
			continue
		}
		j.window[k] = struct{}{}
		if len(j.ring) < journalWindow {
			j.ring = append(j.ring, k)
			return
		}
		delete(j.window, j.ring[j.oldest])
		j.ring[j.oldest] = k
		j.oldest = (j.oldest + 1) % journalWindow
		return
	}
}

// has tells whether a request is known to be done. A nil journal knows nothing.
func (j *journal) has(k journalKey) bool {
	if j == nil {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	_, ok := j.window[k]
	if ok {
		j.advance()
	}
	return ok
}

// add remembers a request that the server has acknowledged.
func (j *journal) add(k journalKey, name string) error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	j.pending = hex.AppendEncode(j.pending, k[:])
	j.pending = append(j.pending, ' ')
	j.pending = strconv.AppendQuote(j.pending, name)
	j.pending = append(j.pending, '\n')
	j.lines++
	if j.syncing || j.lines < journalGroup && time.Since(j.synced) < journalEvery {
		j.mu.Unlock()
		return nil
	}
	// The others go on while this caller writes and syncs what has gathered.
	group := j.pending
	j.pending, j.lines, j.syncing = nil, 0, true
	j.mu.Unlock()
	err := j.write(group)
	j.mu.Lock()
	j.syncing, j.synced = false, time.Now()
	j.mu.Unlock()
	return err
}

func (j *journal) write(lines []byte) error {
	if _, err := j.file.Write(lines); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return nil
}

// close writes what is left; nobody may add any more.
func (j *journal) close() error {
	if j == nil {
		return nil
	}
	return errors.Join(j.write(j.pending), j.file.Close())
}
