// Package store is the ledger: one append-only sequence of entries written by
// one committer, and the state that follows from it. It keeps sealed rows,
// sealed blobs and the proof that nothing was changed or lost, on Pebble.
// It knows bytes, not biometrics: it never looks into a sealed value, never
// accepts a plaintext one, and refuses to open a directory that is damaged,
// older than its anchor or from a newer format.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"golang.org/x/mod/sumdb/note"

	"immis/store/seal"
)

// ID is a pseudonym of 16 bytes; the zero ID means "the store itself".
type ID = seal.ID

// Ref names a data key of the key table.
type Ref = seal.Ref

// Store is an open ledger. Its methods are safe for concurrent use. Open starts
// no goroutine of the store's own; Run owns the committer.
type Store struct {
	opt     Options
	dir     string
	id      ID
	log     *slog.Logger
	metrics *metrics

	lock   io.Closer
	table  *seal.Table
	db     *pebble.DB
	anchor *anchor
	macs   macs
	signer note.Signer
	verify note.Verifier
	vkey   string
	health *health
	disk   *diskGuard
	blobs  *blobStore
	report Report

	newKeys newKeys

	// tree and meta belong to the committer: nobody else touches them after Open.
	tree frontier
	meta meta

	queue chan *pending
	tasks chan func()

	// view is what readers see: the last state that is durable and anchored.
	viewMu  sync.RWMutex
	view    *view
	readers sync.WaitGroup

	running  atomic.Bool
	stopping atomic.Bool
	quit     chan struct{} // closed by Close: Run ends
	stopped  chan struct{} // closed when Run has ended
	closed   sync.Once
	closeErr error

	epochMu      sync.Mutex
	checkpointMu sync.Mutex
	checkMu      sync.Mutex
	rollForward  []ID
	clockBehind  bool // the committer has said so
}

// Report says what Open found and did, in sentences for the operator. An empty
// list of Warnings means that nothing was out of order.
type Report struct {
	// Created is set when Open made the store.
	Created bool
	// Entries is the number of ledger entries whose headers and hashes were verified.
	Entries uint64
	// Verify is the time the verification of entries took.
	Verify time.Duration
	// Warnings lists what was damaged and repaired, or is out of order but harmless.
	Warnings []string
	// Erasures counts interrupted erasures that Run rolls forward.
	Erasures int
}

func (r *Report) warn(log *slog.Logger, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.Warnings = append(r.Warnings, text)
	log.Warn("store open: " + text)
}

// Report tells what Open found.
func (s *Store) Report() Report { return s.report }

// StoreID is the identifier under which the ledger signs its heads.
func (s *Store) StoreID() ID { return s.id }

// StoreKey is the key of data that belongs to no subject.
func (s *Store) StoreKey() *seal.Key { return s.table.StoreKey() }

// FileKeys seals the keys of files beside the ledger until the key epoch ends.
func (s *Store) FileKeys() *seal.FileKeys { return s.table.FileKeys() }

// SubjectKey returns the data key of a live or deleted subject. Errors:
// ErrNotFound, ErrErased, ErrCorrupt.
func (s *Store) SubjectKey(subject ID) (*seal.Key, error) {
	sub, err := s.Subject(subject)
	if err != nil {
		return nil, err
	}
	if sub.Status == SubjectErased {
		return nil, fmt.Errorf("key of a subject: %w", ErrErased)
	}
	k, err := s.table.Key(sub.Ref)
	if err != nil {
		return nil, fmt.Errorf("key of a subject: %w", err)
	}
	return k, nil
}

// Context is what a row's sealed value is bound to: store, subject, table, key
// and the version of the row format.
func (s *Store) Context(row Row) seal.Context {
	return seal.Context{Store: s.id, Subject: row.Subject, Key: row.Key, Table: row.Table, Version: rowVersion}
}

// writable tells whether writes are accepted at all.
func (s *Store) writable() error {
	if err := s.health.err(); err != nil {
		return err
	}
	if s.stopping.Load() {
		return fmt.Errorf("store is shutting down: %w", ErrStopped)
	}
	return nil
}

// Failed returns the error that made the store refuse writes, or nil.
func (s *Store) Failed() error { return s.health.err() }

// closeWait bounds how long Close waits for a database whose background work
// was stopped by a failed disk.
const closeWait = 500 * time.Millisecond

// Close ends the store: it ends Run if that still runs, which commits what is
// queued, waits for readers, then closes Pebble, the anchor, the key table and the
// lock. Calls that follow get ErrStopped.
func (s *Store) Close() error {
	s.closed.Do(func() {
		s.stopping.Store(true)
		close(s.quit)
		if s.running.Load() {
			<-s.stopped
		}
		s.closeErr = s.release()
	})
	return s.closeErr
}

func (s *Store) release() error {
	s.viewMu.Lock()
	last := s.view
	s.view = nil
	s.viewMu.Unlock()
	s.readers.Wait()
	var errs []error
	if last != nil {
		errs = append(errs, last.release())
	}
	if s.db != nil {
		if s.health.err() != nil {
			// Pebble may wait for ever for work that the failure has ended; the
			// process has to be restarted anyway.
			done := make(chan struct{})
			go func() {
				defer close(done)
				_ = guarded(func() error { return s.db.Close() })
			}()
			select {
			case <-done:
			case <-time.After(closeWait):
				s.log.Warn("store close: database left open after a failed write")
			}
		} else {
			errs = append(errs, guarded(func() error { return s.db.Close() }))
		}
	}
	if s.anchor != nil {
		errs = append(errs, s.anchor.close())
	}
	if s.table != nil {
		errs = append(errs, s.table.Close())
	}
	if s.metrics != nil {
		s.metrics.unregister()
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

// CopyKeys copies the key table to dir, which must lie on other media than the
// backups of the ledger: whoever holds both and the key-encryption key can read
// the data, and a copy that outlives an erasure undoes it.
func (s *Store) CopyKeys(ctx context.Context, dir string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.table.CopyTo(s.opt.FS, dir); err != nil {
		return fmt.Errorf("copy key table to %s: %w", dir, err)
	}
	return nil
}
