package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"immis/store"
	"immis/templates"
)

// everyone names all subjects the principal may see; it is no gallery.
const everyone = "ALL"

// CreateGallery makes a gallery. Its readers are fixed at creation.
func (e *Engine) CreateGallery(ctx context.Context, c Caller, requestID string, g Gallery) (uint64, error) {
	if err := e.checkWrite(c, requestID); err != nil {
		return 0, err
	}
	if err := checkGalleryID("gallery.gallery_id", g.ID); err != nil {
		return 0, err
	}
	if g.ID == everyone {
		return 0, templates.Bad(ReasonIdentifier, "gallery.gallery_id", everyone, "a name other than the one that means everyone")
	}
	if err := checkText("gallery.description", g.Description, 512); err != nil {
		return 0, err
	}
	if err := checkCount("gallery.readers", len(g.Readers), 256); err != nil {
		return 0, err
	}
	for i, r := range g.Readers {
		if err := checkIdentifier(fmt.Sprintf("gallery.readers[%d]", i), r, true); err != nil {
			return 0, err
		}
	}
	g.Subjects = 0
	plain := encodeGallery(&g)
	request := e.request(c, requestID, append([]byte("create-gallery"), plain...))
	if n, known, err := e.repeatedChange(request); known || err != nil {
		return n, err
	}
	id := e.galleryID(g.ID)
	row := store.Row{Table: tableGallery, Key: id}
	key := e.store.StoreKey()
	ops := []store.Op{store.Put(row, key.Ref(), key.Seal(e.store.Context(row), plain), store.Absent)}
	return e.change(ctx, c, request, KindCreateGallery, id, ops, func() error {
		e.register.publishGallery(id, g)
		return nil
	})
}

// ListGalleries lists the galleries the principal may read, by name.
func (e *Engine) ListGalleries(_ context.Context, c Caller) ([]Gallery, error) {
	if err := e.checkReady(c); err != nil {
		return nil, err
	}
	var out []Gallery
	e.register.mu.RLock()
	for _, g := range e.register.galleries {
		if g.readable(c.Principal) {
			d := *g.data.Load()
			d.Subjects = uint64(g.size.Load())
			out = append(out, d)
		}
	}
	e.register.mu.RUnlock()
	slices.SortFunc(out, func(a, b Gallery) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

// PutInGallery puts a subject into a gallery; it may be there already.
func (e *Engine) PutInGallery(ctx context.Context, c Caller, requestID, galleryID, subject string) (uint64, error) {
	return e.member(ctx, c, requestID, galleryID, subject, true)
}

// TakeFromGallery takes a subject out of a gallery; ErrNotFound when it is not in it.
func (e *Engine) TakeFromGallery(ctx context.Context, c Caller, requestID, galleryID, subject string) (uint64, error) {
	return e.member(ctx, c, requestID, galleryID, subject, false)
}

func (e *Engine) member(ctx context.Context, c Caller, requestID, galleryID, subject string, in bool) (uint64, error) {
	if err := e.checkWrite(c, requestID); err != nil {
		return 0, err
	}
	if err := checkSubject(subject); err != nil {
		return 0, err
	}
	request := e.request(c, requestID, changeValue("member", galleryID, subject, fmt.Sprint(in)))
	if n, known, err := e.repeatedChange(request); known || err != nil {
		return n, err
	}
	g, err := e.readableGallery(c, galleryID)
	if err != nil {
		return 0, err
	}
	defer e.register.serialize(e.subjectID(subject))()
	s, st, err := e.visible(c, subject)
	if err != nil {
		return 0, err
	}
	if err := st.keepsVisibility(st.with(g, in)); err != nil {
		return 0, err
	}
	row := store.Row{Table: tableMember, Subject: s.id, Key: g.id}
	kind, op := KindTakeFromGallery, store.Delete(row, store.Present)
	if in {
		sub, err := e.store.Subject(s.id)
		if err != nil {
			return 0, fromStore(err, "subject")
		}
		kind, op = KindPutInGallery, store.Put(row, sub.Ref, nil, store.Any)
	}
	return e.change(ctx, c, request, kind, s.id, []store.Op{op}, func() error {
		e.register.setMember(g.id, s.id, in)
		return nil
	})
}

// readableGallery finds a gallery the principal may read; unknown and forbidden
// get one answer.
func (e *Engine) readableGallery(c Caller, id string) (*gallery, error) {
	if err := checkGalleryID("gallery_id", id); err != nil {
		return nil, err
	}
	if g := e.register.gallery(e.galleryID(id)); g != nil && g.readable(c.Principal) {
		return g, nil
	}
	return nil, &Error{Reason: ReasonNotFound, Err: ErrNotFound, What: "gallery", Got: "an identifier that is unknown here", Want: "one that exists and that you may read"}
}
