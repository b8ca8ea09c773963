package engine

import (
	"errors"
	"slices"

	"immis/index"
	"immis/store"
	"immis/templates"
)

// Who may know of whom. A gallery may name its readers; it is closed then. A
// subject is open when it is in no gallery or in an open one, else it exists only
// for the readers of its galleries. Whether a subject is open is settled when it is
// enrolled: no later change of galleries may hide a person from everybody or show
// a hidden one to all.

// readable tells whether a principal may see the subjects of a gallery.
func (g *gallery) readable(principal string) bool {
	d := g.data.Load()
	return len(d.Readers) == 0 || slices.Contains(d.Readers, principal)
}

// readable are the galleries whose subjects a principal may see, and whether those
// are all.
func (r *register) readable(principal string) (numbers []index.Gallery, all bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, g := range r.galleries {
		if g.readable(principal) {
			numbers = append(numbers, g.number)
		}
	}
	return numbers, len(numbers) == len(r.galleries)
}

// readsAll tells whether a principal may see the subjects of every gallery.
func (r *register) readsAll(principal string) bool {
	_, all := r.readable(principal)
	return all
}

// visible tells whether a principal may know of a subject: one in no gallery is
// visible to all, one that is only in galleries others read does not exist for it.
func (st *subjectState) visible(principal string) bool {
	if len(st.galleries) == 0 {
		return true
	}
	for _, g := range st.galleries {
		if g.readable(principal) {
			return true
		}
	}
	return false
}

// isOpen tells whether everybody may know of a subject in these galleries.
func isOpen(galleries []*gallery) bool {
	return len(galleries) == 0 || slices.ContainsFunc(galleries, func(g *gallery) bool { return len(g.data.Load().Readers) == 0 })
}

// with is the list of galleries after a change.
func (st *subjectState) with(g *gallery, in bool) []*gallery {
	next := slices.DeleteFunc(slices.Clone(st.galleries), func(x *gallery) bool { return x == g })
	if in {
		next = append(next, g)
	}
	return next
}

// keepsVisibility refuses a change that would make an open subject closed or a
// closed one open.
func (st *subjectState) keepsVisibility(next []*gallery) error {
	before, after := isOpen(st.galleries), isOpen(next)
	switch {
	case before == after:
		return nil
	case before:
		return &Error{Reason: ReasonVisibility, Err: ErrPrecondition, What: "gallery", Got: "a change that would hide a person from those who may see them now", Want: "an open gallery too, or enrolment into the closed one"}
	}
	return &Error{Reason: ReasonVisibility, Err: ErrPrecondition, What: "gallery", Got: "a change that would show a hidden person to everybody", Want: "another closed gallery to remain"}
}

// serialize makes changes of one subject's galleries wait for each other; the
// caller must call what it returns.
func (r *register) serialize(id store.ID) (done func()) {
	m := &r.memberships[int(id[0])%len(r.memberships)]
	m.Lock()
	return m.Unlock
}

// tombstone is the row that stays when a subject is gone.
func tombstone(id store.ID) store.Row { return store.Row{Table: tableTombstone, Key: id} }

// putTombstone remembers who could see a subject that is withdrawn: nobody else
// may erase it or read its history. It names galleries by pseudonym only.
func (e *Engine) putTombstone(id store.ID, st *subjectState) store.Op {
	w := &encoder{}
	w.u8(recordVersion)
	if isOpen(st.galleries) {
		w.u32(0)
	} else {
		w.u32(uint32(len(st.galleries)))
		for _, g := range st.galleries {
			w.b = append(w.b, g.id[:]...)
		}
	}
	key, row := e.store.StoreKey(), tombstone(id)
	return store.Put(row, key.Ref(), key.Seal(e.store.Context(row), w.b), store.Any)
}

func decodeTombstone(b []byte) (galleries []store.ID, err error) {
	r := &decoder{b: b, what: "tombstone"}
	if v := r.u8(); v != recordVersion {
		return nil, templates.Bad(templates.ReasonWrongVersion, "tombstone version", v, recordVersion)
	}
	for range r.count(len(store.ID{})) {
		var id store.ID
		copy(id[:], r.take(len(id)))
		galleries = append(galleries, id)
	}
	return galleries, r.end()
}

// goneVisibly tells whether a subject that is gone was visible to a principal. An
// erasure that a crash cut and the start finished left no tombstone: who could see
// the subject is not known any more, so that only who may see everybody's may know of
// it. With a damaged tombstone nobody does.
func (e *Engine) goneVisibly(c Caller, id store.ID) bool {
	row := tombstone(id)
	sealed, err := e.store.Get(row)
	if errors.Is(err, store.ErrNotFound) {
		sub, err := e.store.Subject(id)
		return err == nil && sub.Status == store.SubjectErased && e.register.readsAll(c.Principal)
	}
	if err != nil {
		return false
	}
	plain, err := e.store.StoreKey().Open(e.store.Context(row), sealed)
	if err != nil {
		return false
	}
	galleries, err := decodeTombstone(plain)
	if err != nil {
		return false
	}
	return len(galleries) == 0 || slices.ContainsFunc(galleries, func(id store.ID) bool {
		g := e.register.gallery(id)
		return g != nil && g.readable(c.Principal)
	})
}

// deletedVisibly tells whether a subject is deleted, not erased, and was visible.
func (e *Engine) deletedVisibly(c Caller, id store.ID) bool {
	sub, err := e.store.Subject(id)
	return err == nil && sub.Status == store.SubjectDeleted && e.goneVisibly(c, id)
}

// historyVisible tells whether a principal may read the history of a subject,
// enrolled or gone.
func (e *Engine) historyVisible(c Caller, external string) bool {
	_, _, err := e.visible(c, external)
	return err == nil || errors.Is(err, ErrNotFound) && e.register.subject(e.subjectID(external)) == nil && e.goneVisibly(c, e.subjectID(external))
}
