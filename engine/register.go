package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"immis/index"
	"immis/internal/offheap"
	"immis/store"
	"immis/templates"
)

// register is what is held in memory: who is enrolled, in which galleries, and
// the templates that searches compare. It is written by the committer's publish
// calls, in the order of the ledger, and read by searches that never wait for
// more than a pointer.
type register struct {
	mu sync.RWMutex
	// memberships makes changes of one subject's galleries wait for each other, from
	// the look at the present ones to the commit. One of a few locks serves many subjects.
	memberships [64]sync.Mutex
	subjects    map[store.ID]*subject
	list        []*subject // in order of publication; appended to, never overwritten
	gone        int        // subjects of list that are withdrawn
	galleries   map[store.ID]*gallery
	models      map[string]*model
	byOrder     map[uint64]*encounter
	files       *rowFiles // nil: there are none
	restoring   bool      // rows may be in files

	nextOrder  atomic.Uint64
	nextPerson uint64 // under mu
	memory     *offheap.Budget
	version    atomic.Uint64 // newest ledger entry that changed what searches see
	closed     atomic.Int64  // galleries with readers
	published  atomic.Int64  // encounters ever published, for the idle work
	encounters atomic.Int64
	fingers    atomic.Int64
	fingerSize atomic.Int64
}

// subject is one enrolled person record.
type subject struct {
	id       store.ID
	person   uint64 // its number in the indexes
	external string
	state    atomic.Pointer[subjectState] // nil: withdrawn
}

// subjectState is replaced as a whole, so a search sees one moment of a subject.
type subjectState struct {
	encounters []*encounter // by order
	galleries  []*gallery
}

// encounter is what a search needs of one encounter.
type encounter struct {
	id       store.ID
	external string
	order    uint64
	subject  *subject
	// attributes are what searches can be narrowed by; quality is one of each view.
	attributes index.Attributes
	origin     uint64 // of its rows, 0 where there are no files
	faces      []faceRow
	fingers    []fingerView
}

type faceRow struct {
	model   *model
	key     uint64
	quality uint8 // as the index has it
	// vector is set until the row is in the index.
	vector []float32
}

type gallery struct {
	id     store.ID
	number index.Gallery // its number in the indexes, 1 or more
	data   atomic.Pointer[Gallery]
	size   atomic.Int64
}

// model is the index of one face model. It lives while rows or requests need it,
// so that a model nobody is enrolled with does not fix a dimension for ever.
type model struct {
	name  string
	index *index.Index
	users int // under register.mu

	// files tells that rows are copied to files in a folder, under keys of an epoch
	// (under Engine.saving). claimed rows came from the files that were restored.
	files    bool
	folder   string
	epoch    uint32
	restored index.Restored
	claimed  atomic.Int64
}

// noGallery stands in the indexes for being in no gallery.
const noGallery index.Gallery = 0

func newRegister(memory int64) *register {
	return &register{
		memory:    offheap.NewBudget(memory),
		subjects:  map[store.ID]*subject{},
		galleries: map[store.ID]*gallery{},
		models:    map[string]*model{},
		byOrder:   map[uint64]*encounter{},
	}
}

// viewBits is how many bits of a row key number the views of an encounter; the
// rest is the order of the encounter, so that equal scores rank by enrolment.
const viewBits = 8

func rowKey(order uint64, view int) uint64 { return order<<viewBits | uint64(view) }

// acquireModel reserves a model and room in its index for one row, and checks the
// dimension. A new model is refused when there are maxModels already.
func (r *register) acquireModel(ctx context.Context, name string, dim int) (*model, error) {
	m, err := r.useModel(ctx, name, dim, maxModels)
	if err != nil {
		return nil, err
	}
	if err := m.index.Reserve(1); err != nil {
		r.mu.Lock()
		retired := r.releaseModelLocked(m, nil)
		r.mu.Unlock()
		r.discard(retired)
		return nil, outOfMemory(err)
	}
	return m, nil
}

// useModel reserves a model without room, for rows that are there already.
func (r *register) useModel(ctx context.Context, name string, dim, most int) (*model, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.models[name]
	if m == nil {
		if len(r.models) >= most {
			return nil, &Error{Reason: ReasonTooManyModels, Err: ErrPrecondition, What: "face model", Got: fmt.Sprintf("a new one beside %d in use", len(r.models)), Want: fmt.Sprintf("one of those in use; at most %d", most)}
		}
		files, epoch := r.files.of(name, r.restoring)
		x, err := index.New(dim, index.Options{Budget: r.memory, Files: files})
		if err != nil {
			return nil, err
		}
		m = &model{name: name, index: x, files: files != nil, epoch: epoch}
		if m.files {
			m.folder = files.Dir
			if r.restoring {
				m.restore(ctx, r.files.log)
			}
		}
	}
	if m.index.Dim() != dim {
		return nil, templates.Bad(templates.ReasonDimension, "face vector of a known model", fmt.Sprintf("%d dimensions", dim), m.index.Dim())
	}
	r.models[name] = m
	m.users++
	return m, nil
}

// releaseModel gives back what acquireModel reserved.
func (r *register) releaseModel(m *model) {
	r.mu.Lock()
	m.index.Unreserve(1)
	retired := r.releaseModelLocked(m, nil)
	r.mu.Unlock()
	r.discard(retired)
}

// releaseModelLocked adds the model to those that are to be discarded, if nobody uses it
// any more.
func (r *register) releaseModelLocked(m *model, retired []*model) []*model {
	if m.users--; m.users == 0 && r.models[m.name] == m {
		delete(r.models, m.name)
		retired = append(retired, m)
	}
	return retired
}

// model returns the index of a face model, nil if nobody is enrolled with it.
func (r *register) model(name string) *model {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.models[name]
}

// subject returns a subject that is enrolled, or nil.
func (r *register) subject(id store.ID) *subject {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.subjects[id]
}

func (r *register) gallery(id store.ID) *gallery {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.galleries[id]
}

// others counts the subjects that are enrolled, apart from one (or nil).
func (r *register) others(s *subject) uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	n := uint64(len(r.subjects))
	if s != nil && r.subjects[s.id] == s {
		n--
	}
	return n
}

// all returns the subjects in order of publication; some may be withdrawn.
func (r *register) all() []*subject {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.list
}

// encounterOf returns the encounter a row key belongs to.
func (r *register) encounterOf(key uint64) *encounter {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.byOrder[key>>viewBits]
}

// publishEncounter makes an encounter visible to searches, and its subject when
// that is new. It is called by the committer or, at start, by the loader.
func (r *register) publishEncounter(enc *encounter, id store.ID, external string, galleries []store.ID) error {
	s, rows := r.expect(id, external, galleries)
	for i := range enc.faces {
		f := &enc.faces[i]
		if err := f.model.index.AppendReserved(enc.row(f, s, rows)); err != nil {
			return fmt.Errorf("publish encounter: %w", err)
		}
		f.vector = nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.enter(enc, s, galleries, rows)
	return nil
}

// row is a row of an encounter as the index gets it.
func (enc *encounter) row(f *faceRow, s *subject, galleries []index.Gallery) index.Row {
	return index.Row{Key: f.key, Person: s.person, Vector: f.vector, Origin: enc.origin, Attributes: enc.with(f.quality), Galleries: galleries}
}

// publishLoaded makes encounters of a start visible: their rows are claimed from files,
// or else appended. Their subjects are in no gallery yet.
func (r *register) publishLoaded(list []loaded) error {
	r.mu.Lock()
	for i := range list {
		list[i].enc.subject = r.publishSubjectLocked(list[i].subject, list[i].external)
	}
	r.mu.Unlock()
	rows := map[*model][]index.Row{}
	outside := numbers(nil)
	for _, l := range list {
		for i := range l.enc.faces {
			f := &l.enc.faces[i]
			rows[f.model] = append(rows[f.model], l.enc.row(f, l.enc.subject, outside))
			f.vector = nil
		}
	}
	for m, all := range rows {
		if m.files {
			missing := m.index.Claim(all...)
			m.claimed.Add(int64(len(all) - len(missing)))
			for to, from := range missing {
				all[to] = all[from]
			}
			all = all[:len(missing)]
		}
		if err := m.index.Append(all...); err != nil {
			return fmt.Errorf("publish encounters: %w", outOfMemory(err))
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range list {
		r.enter(l.enc, l.enc.subject, nil, outside)
	}
	return nil
}

// enter adds an encounter, whose rows are in the galleries of rows, to its subject.
func (r *register) enter(enc *encounter, s *subject, galleries []store.ID, rows []index.Gallery) {
	enc.subject = s
	old := s.state.Load()
	next := &subjectState{encounters: append(slices.Clone(old.encounters), enc), galleries: slices.Clone(old.galleries)}
	slices.SortFunc(next.encounters, func(a, b *encounter) int {
		if a.order < b.order {
			return -1
		}
		return 1
	})
	for _, g := range galleries {
		if gal := r.galleries[g]; gal != nil && !slices.Contains(next.galleries, gal) {
			next.galleries = append(next.galleries, gal)
			gal.size.Add(1)
		}
	}
	r.byOrder[enc.order] = enc
	s.state.Store(next)
	// The other encounters join the galleries; and another encounter or a membership may
	// have come since the rows were made.
	if now := numbers(next.galleries); !slices.Equal(now, rows) || len(next.galleries) != len(old.galleries) {
		s.setRows(next, now, rows...)
	}
	r.encounters.Add(1)
	r.published.Add(1)
	r.countFingers(enc, 1)
}

// publishSubject adds a subject without encounters.
func (r *register) publishSubject(id store.ID, external string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.publishSubjectLocked(id, external)
}

func (r *register) publishSubjectLocked(id store.ID, external string) *subject {
	s := r.subjects[id]
	if s == nil {
		r.nextPerson++
		s = &subject{id: id, external: external, person: r.nextPerson}
		s.state.Store(&subjectState{})
		r.subjects[id] = s
		r.list = append(r.list, s)
	}
	return s
}

// expect returns the subject of an encounter to come and the galleries of its rows as
// far as is known.
func (r *register) expect(id store.ID, external string, galleries []store.ID) (*subject, []index.Gallery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.publishSubjectLocked(id, external)
	all := slices.Clone(s.state.Load().galleries)
	for _, g := range galleries {
		if gal := r.galleries[g]; gal != nil && !slices.Contains(all, gal) {
			all = append(all, gal)
		}
	}
	return s, numbers(all)
}

// numbers are the galleries of a subject as its rows have them.
func numbers(galleries []*gallery) []index.Gallery {
	if len(galleries) == 0 {
		return []index.Gallery{noGallery}
	}
	out := make([]index.Gallery, len(galleries))
	for i, g := range galleries {
		out[i] = g.number
	}
	return out
}

// setRows puts all rows of a subject into the galleries of in, and takes them out of
// those of out and of noGallery that are not among them.
func (s *subject) setRows(st *subjectState, in []index.Gallery, out ...index.Gallery) {
	out = append(slices.Clone(out), noGallery)
	for _, enc := range st.encounters {
		for _, f := range enc.faces {
			for _, g := range in {
				f.model.index.SetMember(g, true, f.key)
			}
			for _, g := range out {
				if !slices.Contains(in, g) {
					f.model.index.SetMember(g, false, f.key)
				}
			}
		}
	}
}

func (r *register) countFingers(enc *encounter, sign int64) {
	for _, f := range enc.fingers {
		r.fingers.Add(sign)
		f.count(&r.fingerSize, sign > 0)
	}
}

// withdrawEncounter removes an encounter from every search.
func (r *register) withdrawEncounter(subject, id store.ID) {
	var retired []*model
	defer func() { r.discard(retired) }()
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.subjects[subject]
	if s == nil {
		return
	}
	old := s.state.Load()
	at := slices.IndexFunc(old.encounters, func(e *encounter) bool { return e.id == id })
	if at < 0 {
		return
	}
	enc := old.encounters[at]
	s.state.Store(&subjectState{encounters: slices.Delete(slices.Clone(old.encounters), at, at+1), galleries: old.galleries})
	retired = r.drop(enc, nil)
}

// drop removes an encounter; models that nobody uses any more are added to retired.
func (r *register) drop(enc *encounter, retired []*model) []*model {
	for _, f := range enc.faces {
		f.model.index.Delete(f.key)
		retired = r.releaseModelLocked(f.model, retired)
	}
	delete(r.byOrder, enc.order)
	r.encounters.Add(-1)
	r.countFingers(enc, -1)
	return retired
}

// withdrawSubject removes a subject from every search.
func (r *register) withdrawSubject(id store.ID) {
	var retired []*model
	defer func() { r.discard(retired) }()
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.subjects[id]
	if s == nil {
		return
	}
	old := s.state.Swap(nil)
	for _, enc := range old.encounters {
		retired = r.drop(enc, retired)
	}
	for _, g := range old.galleries {
		g.size.Add(-1)
	}
	delete(r.subjects, id)
	if r.gone++; r.gone > 1024 && r.gone > len(r.list)/2 {
		kept := make([]*subject, 0, len(r.list)-r.gone)
		for _, s := range r.list {
			if s.state.Load() != nil {
				kept = append(kept, s)
			}
		}
		r.list, r.gone = kept, 0
	}
}

func (r *register) publishGallery(id store.ID, g Gallery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	gal := r.galleries[id]
	if gal == nil {
		gal = &gallery{id: id, number: index.Gallery(len(r.galleries) + 1)}
		r.galleries[id] = gal
		if len(g.Readers) > 0 {
			r.closed.Add(1)
		}
	}
	gal.data.Store(&g)
}

// setMember puts a subject into a gallery or takes it out.
func (r *register) setMember(galleryID, subjectID store.ID, in bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, g := r.subjects[subjectID], r.galleries[galleryID]
	if s == nil || g == nil {
		return
	}
	old := s.state.Load()
	at := slices.Index(old.galleries, g)
	if in == (at >= 0) {
		return
	}
	next := &subjectState{encounters: old.encounters, galleries: slices.Clone(old.galleries)}
	if in {
		next.galleries = append(next.galleries, g)
		g.size.Add(1)
	} else {
		next.galleries = slices.Delete(next.galleries, at, at+1)
		g.size.Add(-1)
	}
	s.state.Store(next)
	s.setRows(next, numbers(next.galleries), g.number)
}

func (st *subjectState) first() uint64 {
	if len(st.encounters) == 0 {
		return 0
	}
	return st.encounters[0].order
}
