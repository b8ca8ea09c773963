package store

import (
	"fmt"
	"slices"
	"time"

	"immis/store/seal"
)

// reader is the state that apply works on.
type reader interface {
	// get returns a copy of the value of key, false when there is none.
	get(key []byte) ([]byte, bool, error)
	// each calls fn with all pairs whose key begins with prefix, in key order;
	// the slices are valid during the call only.
	each(prefix []byte, fn func(key, value []byte) error) error
}

// change is one write to the state; a nil value deletes the key.
type change struct {
	key   string
	value []byte
}

// effects is what a mutation does beside its entry.
type effects struct {
	changes []change
	meta    meta
	// destroy are the data keys whose subjects are erased.
	destroy []Ref
	// unused are blob files that no row names any more.
	unused []BlobID
}

// apply is the one function that turns an entry into a change of the state. It
// is deterministic: same state, same entry, same effects, on every machine, at
// the first time as in a replay; it reads no clock, no randomness and no key.
// An error leaves nothing behind.
func apply(r reader, m meta, number uint64, at time.Time, b *body) (*effects, error) {
	a := &applier{under: r, fx: &effects{meta: m}, number: number, changed: map[string]int{}}
	for i := range b.ops {
		if err := a.op(&b.ops[i]); err != nil {
			return nil, err
		}
	}
	if b.request != nil {
		if err := a.request(b.request, at); err != nil {
			return nil, err
		}
	}
	a.fx.meta.count = number + 1
	a.fx.meta.last = at.UnixNano()
	return a.fx, nil
}

// applier collects changes on top of a state that it only reads.
type applier struct {
	under   reader
	fx      *effects
	number  uint64
	changed map[string]int // key -> index in fx.changes
}

func (a *applier) get(key []byte) ([]byte, bool, error) {
	if i, ok := a.changed[string(key)]; ok {
		v := a.fx.changes[i].value
		return v, v != nil, nil
	}
	return a.under.get(key)
}

// set writes value (nil: delete) over old (nil: none) and keeps the digest.
func (a *applier) set(key, old, value []byte) {
	if old != nil {
		a.fx.meta.state.sub(pairHash(key, old))
	}
	if value != nil {
		a.fx.meta.state.add(pairHash(key, value))
	}
	if i, ok := a.changed[string(key)]; ok {
		a.fx.changes[i].value = value
		return
	}
	a.changed[string(key)] = len(a.fx.changes)
	a.fx.changes = append(a.fx.changes, change{string(key), value})
}

// rowsOf lists the rows of one subject in one table, own changes included.
func (a *applier) rowsOf(prefix []byte) ([]change, error) {
	var out []change
	err := a.under.each(prefix, func(k, v []byte) error {
		if _, ok := a.changed[string(k)]; !ok {
			out = append(out, change{string(k), slices.Clone(v)})
		}
		return nil
	})
	for _, c := range a.fx.changes {
		if c.value != nil && len(c.key) >= len(prefix) && c.key[:len(prefix)] == string(prefix) {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(x, y change) int { return slices.Compare([]byte(x.key), []byte(y.key)) })
	return out, err
}

func (a *applier) subject(id ID) (subjectRow, []byte, error) {
	raw, ok, err := a.get(idKey(prefixSubject, id))
	if err != nil || !ok {
		return subjectRow{}, nil, err
	}
	s, err := decodeSubject(raw)
	return s, raw, err
}

// touch writes a subject back with its entry counted once.
func (a *applier) touch(id ID, s subjectRow, old []byte) {
	if s.Entries == 0 || s.Last != a.number {
		if s.Entries == 0 {
			s.First = a.number
		}
		s.Entries++
		s.Last = a.number
	}
	a.set(idKey(prefixSubject, id), old, s.encode())
}

func (a *applier) op(o *Op) error {
	switch o.Code {
	case OpNewSubject:
		return a.newSubject(o)
	case OpDropSubject:
		return a.dropSubject(o)
	case OpPut:
		return a.put(o)
	case OpDelete:
		return a.delete(o)
	}
	return invalid("unknown operation %d", o.Code)
}

func (a *applier) newSubject(o *Op) error {
	s, old, err := a.subject(o.Subject)
	if err != nil {
		return err
	}
	m := &a.fx.meta
	switch {
	case old == nil:
	case s.Status == SubjectLive:
		return fmt.Errorf("new subject: %w", ErrExists)
	case s.Status == SubjectDeleted && s.Ref != o.Ref:
		return fmt.Errorf("new subject over a deleted one: key %v, want %v: %w", o.Ref, s.Ref, ErrStale)
	case s.Status == SubjectErased && s.Ref == o.Ref:
		return fmt.Errorf("new subject over an erased one: key %v was destroyed: %w", o.Ref, ErrErased)
	}
	if old != nil {
		m.subjects[s.Status]--
	}
	m.subjects[SubjectLive]++
	s.Status, s.Ref, s.tables = SubjectLive, o.Ref, nil
	if m.nextSlot <= o.Ref.Slot {
		m.nextSlot = o.Ref.Slot + 1
	}
	a.touch(o.Subject, s, old)
	return nil
}

func (a *applier) dropSubject(o *Op) error {
	s, old, err := a.subject(o.Subject)
	if err != nil {
		return err
	}
	if old == nil || s.Status == SubjectErased || (s.Status == SubjectDeleted && !o.Erase) {
		return fmt.Errorf("drop subject: %w", ErrNotFound)
	}
	for _, t := range s.tables {
		rows, err := a.rowsOf(rowPrefix(t.table, &o.Subject))
		if err != nil {
			return err
		}
		if uint64(len(rows)) != t.rows {
			return damaged("drop subject: %d rows in table %d, want %d", len(rows), t.table, t.rows)
		}
		for _, row := range rows {
			if err := a.unlink(row.value); err != nil {
				return err
			}
			a.set([]byte(row.key), row.value, nil)
		}
		a.fx.meta.rows[t.table] -= t.rows
	}
	a.fx.meta.subjects[s.Status]--
	s.Status, s.tables = SubjectDeleted, nil
	if o.Erase {
		s.Status = SubjectErased
		a.fx.destroy = append(a.fx.destroy, s.Ref)
	}
	a.fx.meta.subjects[s.Status]++
	a.touch(o.Subject, s, old)
	return nil
}

// owner checks that a row may be written under ref.
func (a *applier) owner(row Row, ref Ref) (subjectRow, []byte, error) {
	s, old, err := a.subject(row.Subject)
	if err != nil {
		return s, nil, err
	}
	if old == nil || s.Status != SubjectLive || s.Ref != ref {
		return s, nil, fmt.Errorf("put: subject of the row: %w", ErrNotFound)
	}
	return s, old, nil
}

func (a *applier) put(o *Op) error {
	var s subjectRow
	var subjectOld []byte
	owned := o.Row.Subject != (ID{})
	if owned {
		var err error
		if s, subjectOld, err = a.owner(o.Row, o.Ref); err != nil {
			return err
		}
	}
	key := rowKey(o.Row)
	var old []byte
	var exists bool
	// A table in which the subject has no rows needs no look: that spares an
	// enrollment half of its reads.
	if !owned || s.has(o.Row.Table) {
		var err error
		if old, exists, err = a.get(key); err != nil {
			return err
		}
	}
	switch {
	case o.Cond == Absent && exists:
		return fmt.Errorf("put in table %d: %w", o.Row.Table, ErrExists)
	case o.Cond == Present && !exists:
		return fmt.Errorf("put in table %d: %w", o.Row.Table, ErrNotFound)
	}
	// Link before unlink: a blob that the old and the new value share stays.
	for _, id := range o.Blobs {
		if err := a.link(id, o.Row.Subject); err != nil {
			return err
		}
	}
	if exists {
		if err := a.unlink(old); err != nil {
			return err
		}
	} else {
		old = nil
		a.fx.meta.rows[o.Row.Table]++
		if owned {
			s.count(o.Row.Table, 1)
		}
	}
	v := rowValue{ref: o.Ref, blobs: o.Blobs, sealed: o.Sealed}
	a.set(key, old, v.encode())
	if owned {
		a.touch(o.Row.Subject, s, subjectOld)
	}
	return nil
}

func (a *applier) delete(o *Op) error {
	key := rowKey(o.Row)
	old, exists, err := a.get(key)
	if err != nil {
		return err
	}
	if !exists {
		if o.Cond == Present {
			return fmt.Errorf("delete in table %d: %w", o.Row.Table, ErrNotFound)
		}
		return nil
	}
	if err := a.unlink(old); err != nil {
		return err
	}
	a.set(key, old, nil)
	a.fx.meta.rows[o.Row.Table]--
	if o.Row.Subject == (ID{}) {
		return nil
	}
	s, subjectOld, err := a.subject(o.Row.Subject)
	if err != nil {
		return err
	}
	if subjectOld == nil || s.Status != SubjectLive {
		return damaged("delete: a row without a live subject")
	}
	s.count(o.Row.Table, -1)
	a.touch(o.Row.Subject, s, subjectOld)
	return nil
}

// link counts one more row that names a blob.
func (a *applier) link(id BlobID, subject ID) error {
	key := idKey(prefixBlob, ID(id))
	old, exists, err := a.get(key)
	if err != nil {
		return err
	}
	v := blobValue{subject: subject}
	if exists {
		if v, err = decodeBlob(old); err != nil {
			return err
		}
		if v.subject != subject {
			return fmt.Errorf("put: blob %s of another subject: %w", id, ErrNotFound)
		}
	} else {
		old = nil
		a.fx.meta.blobs++
		a.fx.unused = slices.DeleteFunc(a.fx.unused, func(x BlobID) bool { return x == id })
	}
	v.uses++
	a.set(key, old, v.encode())
	return nil
}

// unlink takes the blobs of a row's old value out of the count.
func (a *applier) unlink(row []byte) error {
	v, err := decodeRow(row)
	if err != nil {
		return err
	}
	for _, id := range v.blobs {
		key := idKey(prefixBlob, ID(id))
		old, exists, err := a.get(key)
		if err != nil {
			return err
		}
		if !exists {
			return damaged("blob %s is named by a row and not counted", id)
		}
		use, err := decodeBlob(old)
		if err != nil {
			return err
		}
		use.uses--
		if use.uses > 0 {
			a.set(key, old, use.encode())
			continue
		}
		a.set(key, old, nil)
		a.fx.meta.blobs--
		a.fx.unused = append(a.fx.unused, id)
	}
	return nil
}

// request remembers a request. The committer has looked before whether it is
// known; in a replay a known one is a contradiction.
func (a *applier) request(q *Request, at time.Time) error {
	key := idKey(prefixRequest, q.ID)
	_, exists, err := a.get(key)
	if err != nil {
		return err
	}
	if exists {
		return fmt.Errorf("request: %w", ErrExists)
	}
	if len(q.Answer) > 0 {
		if err := a.answerKey(q); err != nil {
			return err
		}
	}
	v := requestValue{value: q.Value, number: a.number, time: at, subject: q.Subject, answer: q.Answer}
	a.set(key, nil, v.encode())
	a.fx.meta.requests++
	return nil
}

// answerKey checks that an answer is sealed with the store's key or the one its
// subject has after the operations.
func (a *applier) answerKey(q *Request) error {
	ref, err := seal.SealedRef(q.Answer)
	if err != nil {
		return invalid("answer: %w", err)
	}
	if ref.Slot == 0 {
		return nil
	}
	s, old, err := a.subject(q.Subject)
	if err != nil {
		return err
	}
	if old == nil || s.Status == SubjectErased || s.Ref != ref {
		return fmt.Errorf("answer: subject it is sealed for: %w", ErrNotFound)
	}
	return nil
}
