package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"immis/store/seal"
)

// Severity of a finding.
type Severity uint8

const (
	// Note: out of order, nothing is lost and nothing has to be done.
	Note Severity = 1
	// Warning: one of two copies is damaged; a restart repairs it.
	Warning Severity = 2
	// Damage: data is lost or was changed; restore from a checkpoint.
	Damage Severity = 3
)

// String is the word for a severity.
func (s Severity) String() string {
	switch s {
	case Note:
		return "note"
	case Warning:
		return "warning"
	}
	return "damage"
}

// Finding is one thing that Check found. It names no person: subjects appear by pseudonym.
type Finding struct {
	Severity Severity
	// Where is the part: entries, bodies, state, rows, blobs, keys, anchor, ledger.
	Where string
	What  string
}

// CheckResult counts what Check has read.
type CheckResult struct {
	Entries, Bodies, Replayed    uint64
	Rows, Opened, Erased, Sealed uint64 // Sealed: rows whose key is not there though it should
	Blobs                        uint64
	Findings                     int
}

// Check reads everything: headers and hashes against the anchor, bodies against
// their hashes, the state against its digest, the state against a replay of all
// bodies when none was dropped, every sealed row with its key, every blob to its
// end, both files of the key table, both slots of the anchor, and all levels of
// Pebble. It changes nothing but a scratch directory and runs beside reads and commits. Data whose key was
// erased is erased, not damaged. report gets each finding; progress (may be nil)
// the name of each step. The error is about the check, not about what it found.
func (s *Store) Check(ctx context.Context, progress func(step string), report func(Finding)) (CheckResult, error) {
	s.checkMu.Lock() // one scratch directory
	defer s.checkMu.Unlock()
	v, err := s.acquire()
	if err != nil {
		return CheckResult{}, err
	}
	defer s.releaseView(v)
	c := &checker{s: s, v: v, ctx: ctx, report: report}
	steps := []struct {
		name string
		fn   func() error
	}{
		{"anchor", c.anchor}, {"entries", c.entries}, {"bodies", c.bodies}, {"state", c.state}, {"replay", c.replay},
		{"rows", c.rows}, {"blobs", c.blobFiles}, {"keys", c.keys}, {"ledger", c.levels},
	}
	for _, step := range steps {
		if progress != nil {
			progress(step.name)
		}
		err := guarded(step.fn)
		if ctx.Err() != nil {
			return c.result, ctx.Err()
		}
		if err != nil {
			c.find(Damage, step.name, "%v", err)
		}
	}
	return c.result, nil
}

type checker struct {
	s      *Store
	v      *view
	ctx    context.Context
	report func(Finding)
	result CheckResult
}

func (c *checker) find(sev Severity, where, format string, args ...any) {
	c.result.Findings++
	if c.report != nil {
		c.report(Finding{sev, where, fmt.Sprintf(format, args...)})
	}
}

// anchor reads both slots; the committer may be writing one of them, so a slot
// that does not read is looked at twice.
func (c *checker) anchor() error {
	var st anchorState
	var err error
	for range 3 {
		st, err = readAnchor(c.s.opt.FS, c.s.path(anchorFile), c.s.verify)
		if err == nil && len(st.damaged) == 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	for _, d := range st.damaged {
		c.find(Warning, "anchor", "%v", d)
	}
	if st.head.Size < c.v.head.Size {
		return fmt.Errorf("anchor is of %d entries, want at least %d", st.head.Size, c.v.head.Size)
	}
	return nil
}

func (c *checker) entries() error {
	found, err := verifyEntries(c.ctx, c.v.snap, c.v.head)
	c.result.Entries = found.tree.size
	return err
}

func (c *checker) bodies() error {
	n := uint64(0)
	next := c.v.meta.bodiesFrom
	err := dbReader{c.v.snap}.each([]byte{prefixBody}, func(k, v []byte) error {
		if n++; n%256 == 0 && c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		number, ok := numberOf(k)
		if !ok {
			return damaged("body key of %d bytes", len(k))
		}
		for ; next < number; next++ {
			c.find(Damage, "bodies", "body of entry %d is missing", next)
		}
		next = number + 1
		e, err := readEntry(c.v.snap, number)
		if err != nil {
			return err
		}
		if uint32(len(v)) != e.BodySize || hashBody(v) != e.BodyHash {
			c.find(Damage, "bodies", "body of entry %d does not have the hash its header says", number)
		} else if _, err := decodeBody(v); err != nil {
			c.find(Damage, "bodies", "body of entry %d: %v", number, err)
		}
		return nil
	})
	c.result.Bodies = n
	for ; err == nil && next < c.v.meta.count; next++ {
		c.find(Damage, "bodies", "body of entry %d is missing", next)
	}
	return err
}

func (c *checker) state() error { return verifyState(c.ctx, c.v.snap, &c.v.meta, nil) }

// rows opens every sealed value.
func (c *checker) rows() error {
	var subject ID
	var row subjectRow
	var key *seal.Key
	var keyErr error
	return dbReader{c.v.snap}.each([]byte{prefixRow}, func(k, raw []byte) error {
		if c.result.Rows++; c.result.Rows%256 == 0 && c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		r, ok := parseRowKey(k)
		if !ok {
			return damaged("row key of %d bytes", len(k))
		}
		v, err := decodeRow(raw)
		if err != nil {
			c.find(Damage, "rows", "table %d of subject %s: %v", r.Table, r.Subject, err)
			return nil
		}
		if r.Subject == (ID{}) {
			key, keyErr = c.s.StoreKey(), nil
		} else if r.Subject != subject || key == nil || key.Ref() != v.ref {
			var known bool
			if row, known, err = c.subject(r.Subject); err != nil {
				return err
			}
			if !known || row.Status != SubjectLive || row.Ref != v.ref {
				c.find(Damage, "rows", "table %d of subject %s has a row that does not belong to a live subject", r.Table, r.Subject)
			}
			key, keyErr = c.s.table.Key(v.ref)
		}
		subject = r.Subject
		switch {
		case errors.Is(keyErr, ErrErased):
			c.result.Erased++ // interrupted or running erasure
		case keyErr != nil:
			c.result.Sealed++
			c.find(Damage, "keys", "key %v of subject %s: %v", v.ref, r.Subject, keyErr)
		case len(v.sealed) > 0:
			if _, err := key.Open(c.s.Context(r), v.sealed); err != nil {
				c.find(Damage, "rows", "table %d of subject %s: %v", r.Table, r.Subject, err)
				return nil
			}
			c.result.Opened++
		}
		return nil
	})
}

func (c *checker) subject(id ID) (subjectRow, bool, error) {
	raw, ok, err := dbReader{c.v.snap}.get(idKey(prefixSubject, id))
	if err != nil || !ok {
		return subjectRow{}, false, err
	}
	row, err := decodeSubject(raw)
	return row, true, err
}

// blobFiles reads every blob that the state names to its end.
func (c *checker) blobFiles() error {
	return dbReader{c.v.snap}.each([]byte{prefixBlob}, func(k, raw []byte) error {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		c.result.Blobs++
		id := BlobID(k[1:])
		use, err := decodeBlob(raw)
		if err != nil {
			return err
		}
		key := c.s.StoreKey()
		if use.subject != (ID{}) {
			row, _, err := c.subject(use.subject)
			if err != nil {
				return err
			}
			if key, err = c.s.table.Key(row.Ref); errors.Is(err, ErrErased) {
				return nil
			} else if err != nil {
				c.find(Damage, "blobs", "%s: %v", id, err)
				return nil
			}
		}
		if err := c.readBlob(key, use.subject, id); err != nil {
			// A commit since this check began may have dropped the blob.
			if _, used, gerr := (dbReader{c.s.db}).get(k); gerr == nil && !used {
				return nil
			}
			c.find(Damage, "blobs", "%v", err)
		}
		return nil
	})
}

func (c *checker) readBlob(key *seal.Key, subject ID, id BlobID) error {
	r, err := c.s.OpenBlob(key, subject, id)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	return errors.Join(err, r.Close())
}

func (c *checker) keys() error {
	return c.s.table.Check(c.ctx, func(f seal.Finding) {
		sev := Warning
		if f.Lost {
			sev = Damage
		}
		c.find(sev, "keys", "%s", f)
	})
}

func (c *checker) levels() error {
	var stats pebble.CheckLevelsStats
	return c.s.db.CheckLevels(&stats)
}
