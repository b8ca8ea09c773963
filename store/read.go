package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// view is one immutable state for readers: a snapshot taken when its last entry
// was durable and anchored. Pebble itself shows a batch before its sync has
// ended; an answer read from there could be lost by a power cut after it was given.
type view struct {
	snap *pebble.Snapshot
	head Head
	meta meta
	refs atomic.Int64 // readers, and one for being the current view
}

func (v *view) release() error {
	if v.refs.Add(-1) > 0 {
		return nil
	}
	return v.snap.Close()
}

// acquire returns the current view; every acquire needs one releaseView.
func (s *Store) acquire() (*view, error) {
	s.viewMu.RLock()
	defer s.viewMu.RUnlock()
	if s.view == nil {
		return nil, fmt.Errorf("store is closed: %w", ErrStopped)
	}
	s.readers.Add(1)
	s.view.refs.Add(1)
	return s.view, nil
}

func (s *Store) releaseView(v *view) {
	if err := v.release(); err != nil {
		s.log.Error("release snapshot", "cause", err)
	}
	s.readers.Done()
}

// publishView makes the present state of the database what readers see.
func (s *Store) publishView(head Head) {
	v := &view{snap: s.db.NewSnapshot(), head: head, meta: s.meta}
	v.refs.Store(1)
	s.viewMu.Lock()
	old := s.view
	s.view = v
	s.viewMu.Unlock()
	if old != nil {
		if err := old.release(); err != nil {
			s.log.Error("release snapshot", "cause", err)
		}
	}
}

// dbReader reads the state through any Pebble reader.
type dbReader struct{ r pebble.Reader }

// get goes by an iterator, because Pebble's Get does not ask the filters of the
// last level, where nearly everything is; and most gets of an enrolment are for keys
// that are not there. The filters are over whole keys.
func (d dbReader) get(key []byte) (out []byte, ok bool, err error) {
	it, err := d.r.NewIter(&pebble.IterOptions{UseL6Filters: true, KeyTypes: pebble.IterKeyTypePointsOnly})
	if err != nil {
		return nil, false, fmt.Errorf("read key %q: %w", key[:1], err)
	}
	if it.SeekPrefixGE(key) {
		var v []byte
		if v, err = it.ValueAndErr(); err == nil {
			out, ok = append(make([]byte, 0, len(v)), v...), true
		}
	}
	if cerr := it.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, false, fmt.Errorf("read key %q: %w", key[:1], err)
	}
	return out, ok, nil
}

func (d dbReader) each(prefix []byte, fn func(key, value []byte) error) error {
	return d.eachFrom(prefix, prefix, fn)
}

// eachFrom is each, from the key first on, which begins with prefix.
func (d dbReader) eachFrom(prefix, first []byte, fn func(key, value []byte) error) (err error) {
	it, err := d.r.NewIter(&pebble.IterOptions{LowerBound: first, UpperBound: after(prefix)})
	if err != nil {
		return fmt.Errorf("iterate %q: %w", prefix[:1], err)
	}
	defer func() {
		if cerr := it.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("iterate %q: %w", prefix[:1], cerr)
		}
	}()
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("iterate %q: %w", prefix[:1], err)
		}
		if err := fn(it.Key(), v); err != nil {
			return err
		}
	}
	return it.Error()
}

func (s *Store) lookup(row Row) (rowValue, error) {
	v, err := s.acquire()
	if err != nil {
		return rowValue{}, err
	}
	defer s.releaseView(v)
	raw, ok, err := dbReader{v.snap}.get(rowKey(row))
	if err != nil {
		return rowValue{}, err
	}
	if !ok {
		return rowValue{}, fmt.Errorf("row in table %d: %w", row.Table, ErrNotFound)
	}
	return decodeRow(raw)
}

// Get returns the sealed value of a row. Error: ErrNotFound.
func (s *Store) Get(row Row) ([]byte, error) {
	v, err := s.lookup(row)
	return v.sealed, err
}

// RowBlobs returns the blobs a row names. Error: ErrNotFound.
func (s *Store) RowBlobs(row Row) ([]BlobID, error) {
	v, err := s.lookup(row)
	return v.blobs, err
}

// Scan calls fn with the rows of a table, of one subject or (nil) of all, in the
// order of subject and key, from one state. The sealed bytes are valid during the
// call only. fn's error ends the scan and is returned.
func (s *Store) Scan(ctx context.Context, table byte, subject *ID, fn func(Row, []byte) error) error {
	v, err := s.acquire()
	if err != nil {
		return err
	}
	defer s.releaseView(v)
	n := 0
	return dbReader{v.snap}.each(rowPrefix(table, subject), func(k, raw []byte) error {
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		row, ok := parseRowKey(k)
		if !ok {
			return damaged("row key of %d bytes in table %d", len(k), table)
		}
		val, err := decodeRow(raw)
		if err != nil {
			return err
		}
		return fn(row, val.sealed)
	})
}

// Request returns what is remembered of a request: its value and the receipt it
// got, with Repeated set. Only committed and anchored requests are found.
func (s *Store) Request(id ID) (value [32]byte, r Receipt, ok bool, err error) {
	v, err := s.acquire()
	if err != nil {
		return value, r, false, err
	}
	defer s.releaseView(v)
	raw, ok, err := dbReader{v.snap}.get(idKey(prefixRequest, id))
	if err != nil || !ok {
		return value, r, false, err
	}
	q, err := decodeRequest(raw)
	if err != nil {
		return value, r, false, err
	}
	return q.value, q.receipt(), true, nil
}

func (v *requestValue) receipt() Receipt {
	return Receipt{Number: v.number, Time: v.time, Repeated: true, Answer: v.answer}
}

// Subject returns what is kept about a subject, live or not. Error: ErrNotFound.
func (s *Store) Subject(id ID) (Subject, error) {
	v, err := s.acquire()
	if err != nil {
		return Subject{}, err
	}
	defer s.releaseView(v)
	raw, ok, err := dbReader{v.snap}.get(idKey(prefixSubject, id))
	if err != nil {
		return Subject{}, err
	}
	if !ok {
		return Subject{}, fmt.Errorf("subject: %w", ErrNotFound)
	}
	row, err := decodeSubject(raw)
	return row.Subject, err
}

// maxEntries bounds one answer of Entries and History.
const maxEntries = 10000

// Entries returns up to n (at most 10,000) headers from number from on.
func (s *Store) Entries(ctx context.Context, from uint64, n int) ([]Entry, error) {
	v, err := s.acquire()
	if err != nil {
		return nil, err
	}
	defer s.releaseView(v)
	var out []Entry
	for i := from; i < v.meta.count && len(out) < min(n, maxEntries); i++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e, err := readEntry(v.snap, i)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// History returns up to n (at most 10,000) headers about one object, from number
// from on, oldest first.
func (s *Store) History(ctx context.Context, object ID, from uint64, n int) ([]Entry, error) {
	v, err := s.acquire()
	if err != nil {
		return nil, err
	}
	defer s.releaseView(v)
	var out []Entry
	stop := errors.New("enough")
	prefix := idKey(prefixHistory, object)
	// Seek to the page: a walk from the start makes all pages together quadratic.
	first := binary.BigEndian.AppendUint64(slices.Clone(prefix), from)
	err = dbReader{v.snap}.eachFrom(prefix, first, func(k, _ []byte) error {
		if len(k) != 25 {
			return damaged("history key of %d bytes, want 25", len(k))
		}
		number := binary.BigEndian.Uint64(k[17:])
		if len(out) >= min(n, maxEntries) {
			return stop
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		e, err := readEntry(v.snap, number)
		out = append(out, e)
		return err
	})
	if err != nil && !errors.Is(err, stop) {
		return nil, err
	}
	return out, nil
}

// Detail returns the sealed detail of an entry: nil when it has none, ErrNotFound
// when its body was dropped after a checkpoint.
func (s *Store) Detail(number uint64) ([]byte, error) {
	v, err := s.acquire()
	if err != nil {
		return nil, err
	}
	defer s.releaseView(v)
	raw, ok, err := dbReader{v.snap}.get(numberKey(prefixBody, number))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("body of entry %d: %w", number, ErrNotFound)
	}
	b, err := decodeBody(raw)
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w", number, err)
	}
	return slices.Clone(b.detail), nil
}

// Stats counts what the store holds, from one state.
func (s *Store) Stats() (Stats, error) {
	v, err := s.acquire()
	if err != nil {
		return Stats{}, err
	}
	defer s.releaseView(v)
	st := v.meta.stats()
	st.KeyEpoch = s.table.Epoch()
	st.LedgerBytes = s.db.Metrics().DiskSpaceUsage()
	if free, err := s.opt.FreeSpace(); err == nil {
		st.FreeBytes = free
	}
	return st, nil
}

func readEntry(r pebble.Reader, number uint64) (Entry, error) {
	raw, ok, err := dbReader{r}.get(numberKey(prefixEntry, number))
	if err != nil {
		return Entry{}, err
	}
	if !ok {
		return Entry{}, damaged("entry %d is missing", number)
	}
	e, err := DecodeEntry(raw)
	if err != nil {
		return Entry{}, damaged("entry %d: %w", number, err)
	}
	if e.Number != number {
		return Entry{}, damaged("entry %d has number %d", number, e.Number)
	}
	return e, nil
}
