package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"immis/store/seal"
)

// person is what the model knows of one subject: the slow obvious twin of the
// ledger's state.
type person struct {
	status SubjectStatus // 0: never there
	rows   map[ID]string // table 1, by key
	blobs  map[ID]string // content of the blob each row names, "" none
}

func (p person) clone() person {
	p.rows, p.blobs = maps.Clone(p.rows), maps.Clone(p.blobs)
	return p
}

// slot is one subject of the workload. One worker at a time changes it.
type slot struct {
	acked person
	// next is the state if the mutation under way gets through; nil: none under way.
	next *person
	// receipts of acknowledged mutations, and the last request, sent or answered.
	receipts []Receipt
	lastReq  *sentRequest
	// dead holds keys of acknowledged erasures with bytes sealed under them.
	dead []deadKey
}

type sentRequest struct {
	id     ID
	value  [32]byte
	number uint64
	acked  bool
}

type deadKey struct {
	ref    Ref
	row    Row
	sealed []byte
}

// world is the model of a store under a random load. mu is held while a crash
// is simulated, so that the model and the copy of the disk are of one moment.
type world struct {
	mu    sync.Mutex
	slots []*slot
	reqs  int
	dirs  int
}

func newWorld(subjects int) *world {
	w := &world{}
	for range subjects {
		w.slots = append(w.slots, &slot{acked: person{rows: map[ID]string{}, blobs: map[ID]string{}}})
	}
	return w
}

// copy is the model at this moment; w.mu must be held.
func (w *world) copy() *world {
	c := &world{reqs: w.reqs, dirs: w.dirs}
	for _, s := range w.slots {
		d := *s
		d.acked = s.acked.clone()
		if s.next != nil {
			n := s.next.clone()
			d.next = &n
		}
		d.receipts, d.dead = append([]Receipt(nil), s.receipts...), append([]deadKey(nil), s.dead...)
		if s.lastReq != nil {
			q := *s.lastReq
			d.lastReq = &q
		}
		c.slots = append(c.slots, &d)
	}
	return c
}

// run drives the store with so many operations over its share of the subjects.
// It returns nil when the store stops underneath it.
func (w *world) run(r *running, rng *rand.Rand, worker, workers, ops int, done func() bool) error {
	for range ops {
		if done() {
			return nil
		}
		n := worker + workers*rng.IntN(len(w.slots)/workers)
		err := w.step(r, rng, n)
		if errors.Is(err, ErrStopped) || errors.Is(err, context.Canceled) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("subject %d: %w", n, err)
		}
	}
	return nil
}

// step makes one random mutation of one subject, or now and then an epoch or a
// checkpoint.
func (w *world) step(r *running, rng *rand.Rand, n int) error {
	w.mu.Lock()
	s := w.slots[n]
	state := s.acked.clone()
	w.mu.Unlock()
	subject := id(1000 + n)
	m := Mutation{Principal: "load", Kind: kindTest, Object: subject}
	var dead *deadKey
	if state.status != SubjectLive {
		key, err := r.SubjectKey(subject)
		if state.status != SubjectDeleted {
			key, err = r.NewKey()
		}
		if err != nil {
			return err
		}
		m.Ops = append(m.Ops, NewSubject(subject, key.Ref()))
		state.status, state.rows, state.blobs = SubjectLive, map[ID]string{}, map[ID]string{}
		if err := w.put(r, rng, &m, key, subject, &state); err != nil {
			return err
		}
		return w.send(r, rng, n, m, state, nil)
	}
	key, err := r.SubjectKey(subject)
	if err != nil {
		return err
	}
	switch k := rng.IntN(100); {
	case k < 50:
		for range 1 + rng.IntN(3) {
			if err := w.put(r, rng, &m, key, subject, &state); err != nil {
				return err
			}
		}
	case k < 70:
		for row := range state.rows {
			m.Ops = append(m.Ops, Delete(Row{Table: 1, Subject: subject, Key: row}, Present))
			delete(state.rows, row)
			delete(state.blobs, row)
			break
		}
	case k < 80:
		m.Ops = append(m.Ops, DropSubject(subject, false))
		state = person{status: SubjectDeleted}
	case k < 94:
		row := Row{Table: 1, Subject: subject, Key: id(0)}
		dead = &deadKey{key.Ref(), row, key.Seal(r.Context(row), []byte("secret"))}
		m.Ops = append(m.Ops, DropSubject(subject, true))
		state = person{status: SubjectErased}
	case k < 97:
		err := endEpoch(r.Store, context.Background(), nil)
		if errors.Is(err, seal.ErrRotating) {
			err = nil
		}
		return err
	default:
		w.mu.Lock()
		w.dirs++
		dir := fmt.Sprintf("backup/%d", w.dirs)
		w.mu.Unlock()
		return checkpoint(r.Store, context.Background(), dir, nil)
	}
	return w.send(r, rng, n, m, state, dead)
}

// put adds a row, sometimes with a blob, to the mutation and the model.
func (w *world) put(r *running, rng *rand.Rand, m *Mutation, key *seal.Key, subject ID, state *person) error {
	row := Row{Table: 1, Subject: subject, Key: id(rng.IntN(6))}
	value := fmt.Sprintf("value %d", rng.IntN(1e9))
	var blobs []BlobID
	content := ""
	if rng.IntN(8) == 0 {
		content = strings.Repeat("picture", 1+rng.IntN(3))
		b, _, err := r.PutBlob(context.Background(), key, subject, bytes.NewReader([]byte(content)))
		if err != nil {
			return err
		}
		blobs = append(blobs, b)
	}
	m.Ops = append(m.Ops, r.sealPut(key, row, value, Any, blobs...))
	state.rows[row.Key], state.blobs[row.Key] = value, content
	return nil
}

func (w *world) send(r *running, rng *rand.Rand, n int, m Mutation, next person, dead *deadKey) error {
	w.mu.Lock()
	s := w.slots[n]
	s.next = &next
	var q *sentRequest
	if rng.IntN(2) == 0 {
		w.reqs++
		q = &sentRequest{id: id(500000 + n*1000 + w.reqs), value: r.ValueMAC([]byte(fmt.Sprint(w.reqs)))}
		s.lastReq = q
		m.Request = &Request{ID: q.id, Value: q.value}
	}
	w.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	rec, err := r.Commit(ctx, m)
	w.mu.Lock()
	defer w.mu.Unlock()
	if errors.Is(err, ErrStale) {
		s.next = nil // a blob was dropped between its put and the commit
		if q != nil {
			s.lastReq = nil
		}
		return nil
	}
	if err != nil {
		return err // s.next stays: nobody knows whether it got through
	}
	s.acked, s.next = next, nil
	s.receipts = append(s.receipts, rec)
	if q != nil {
		q.acked, q.number = true, rec.Number
	}
	if dead != nil {
		s.dead = append(s.dead, *dead)
	}
	return nil
}

// compare looks at every subject and says what contradicts the model. Where a
// mutation was under way, its whole effect or none of it is right; what is found
// becomes the model.
func (w *world) compare(r *running) error {
	// A first commit: by then interrupted erasures are finished.
	if _, err := r.commit(mutation(id(1))); err != nil {
		return fmt.Errorf("first commit after restart: %w", err)
	}
	for n, s := range w.slots {
		subject := id(1000 + n)
		got, err := observe(r, subject)
		if err != nil {
			return fmt.Errorf("subject %d: %w", n, err)
		}
		switch {
		case got == s.acked.String():
		case s.next != nil && got == s.next.String():
			s.acked = *s.next
		default:
			want := s.acked.String()
			if s.next != nil {
				want += " or " + s.next.String()
			}
			return fmt.Errorf("subject %d is %s, want %s", n, got, want)
		}
		s.next = nil
		if s.acked.rows == nil {
			s.acked.rows, s.acked.blobs = map[ID]string{}, map[ID]string{}
		}
		for _, rec := range s.receipts {
			e, err := r.Entries(context.Background(), rec.Number, 1)
			if err != nil || len(e) != 1 || e[0].Object != subject || !e[0].Time.Equal(rec.Time) {
				return fmt.Errorf("subject %d: acknowledged entry %d is %+v, %v", n, rec.Number, e, err)
			}
		}
		if q := s.lastReq; q != nil {
			value, rec, ok, err := r.Request(q.id)
			if err != nil || (q.acked && !ok) || (ok && value != q.value) || (q.acked && rec.Number != q.number) {
				return fmt.Errorf("subject %d: request acknowledged %t as %d is known %t as %d, %v", n, q.acked, q.number, ok, rec.Number, err)
			}
		}
		for _, d := range s.dead {
			if key, err := r.table.Key(d.ref); err == nil {
				if _, err := key.Open(r.Context(d.row), d.sealed); err == nil {
					return fmt.Errorf("subject %d: erased data opens again with key %v", n, d.ref)
				}
			} else if !errors.Is(err, ErrErased) {
				return fmt.Errorf("subject %d: erased key %v: %w", n, d.ref, err)
			}
		}
	}
	return r.sound()
}

func (p person) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "status %d", p.status)
	for k := range 6 {
		if v, ok := p.rows[id(k)]; ok {
			fmt.Fprintf(&b, " row %d %q blob %q", k, v, p.blobs[id(k)])
		}
	}
	return b.String()
}

// observe reads a subject as the store shows it.
func observe(r *running, subject ID) (string, error) {
	sub, err := r.Subject(subject)
	if errors.Is(err, ErrNotFound) {
		return person{}.String(), nil
	}
	if err != nil {
		return "", err
	}
	p := person{status: sub.Status, rows: map[ID]string{}, blobs: map[ID]string{}}
	var rows []Row
	if err := r.Scan(context.Background(), 1, &subject, func(row Row, _ []byte) error {
		rows = append(rows, row)
		return nil
	}); err != nil {
		return "", err
	}
	for _, row := range rows {
		if p.rows[row.Key], err = r.open(row); err != nil {
			return "", fmt.Errorf("row %x: %w", row.Key, err)
		}
		blobs, err := r.RowBlobs(row)
		if err != nil {
			return "", err
		}
		key, err := r.SubjectKey(subject)
		if err != nil {
			return "", err
		}
		for _, b := range blobs {
			if p.blobs[row.Key], err = r.readBlob(key, subject, b); err != nil {
				return "", fmt.Errorf("blob %s: %w", b, err)
			}
		}
	}
	return p.String(), nil
}
