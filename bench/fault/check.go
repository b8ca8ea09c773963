package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	immisv1 "immis/api/immis/v1"
)

// checkers is how many look at the same time.
const checkers = 8

// repeats is how many acknowledged requests are sent again after each life.
const repeats = 12

// check compares a server that nobody else uses with the model: what was
// acknowledged is there, what was withdrawn is not, what was cut is wholly there
// or wholly not. Cut requests are then sent again, so that the model is exact.
// With everything set every subject is looked at, else those touched since the
// last check and a sample of the others.
func (a *attack) check(ctx context.Context, c *api, everything bool) error {
	all := a.world.all()
	if err := a.each(ctx, all, func(ctx context.Context, s *subject) error {
		if s.cut() == nil {
			return nil
		}
		return a.settle(ctx, c, s)
	}); err != nil {
		return err
	}
	if err := a.settleGalleries(ctx, c); err != nil {
		return err
	}
	if err := a.checks(ctx, c); err != nil {
		return err
	}
	known := map[string]state{}
	for _, s := range all {
		known[s.id] = s.now()
	}
	if err := a.list(ctx, c, known); err != nil {
		return err
	}
	chosen := a.choose(all, everything)
	if err := a.each(ctx, chosen, func(ctx context.Context, s *subject) error { return a.inspect(ctx, c, s, known) }); err != nil {
		return err
	}
	for _, s := range chosen {
		s.touched = false
	}
	return a.repeat(ctx, c, all)
}

func (a *attack) choose(all []*subject, everything bool) []*subject {
	var chosen, rest []*subject
	for _, s := range all {
		if s.touched || everything {
			chosen = append(chosen, s)
		} else {
			rest = append(rest, s)
		}
	}
	a.rng.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	return append(chosen, rest[:min(len(rest), a.Sample)]...)
}

func (a *attack) each(ctx context.Context, list []*subject, fn func(context.Context, *subject) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(checkers)
	for _, s := range list {
		g.Go(func() error { return fn(ctx, s) })
	}
	return g.Wait()
}

// settle finds out what became of the change whose answer was cut, and asks for
// it again.
func (a *attack) settle(ctx context.Context, c *api, s *subject) error {
	found, err := c.get(ctx, s.id)
	if err != nil {
		return a.unexpected("get of "+s.id, err)
	}
	n := len(s.steps)
	before, after := s.after(n-1), s.after(n)
	notThere, there := before.differs(found), after.differs(found)
	a.f.count(&a.f.r.Cut, 1)
	if notThere != "" && there != "" {
		a.f.add(before.classify(found != nil), "get after a cut: subject %s (%s) is neither as before (%s) nor as after (%s)", s.id, s.story(), notThere, there)
		return nil
	}
	present := notThere != ""
	if present {
		a.f.count(&a.f.r.CutPresent, 1)
	}
	x := s.cut()
	answer, entry, err := c.ask(ctx, x.message)
	if status.Code(err) == codes.NotFound && x.kind == erase && there == "" {
		// The key was destroyed, the entry was not written, and the start finished the
		// erasure in its own name, as the ledger must then say; nothing knows the request.
		x.answer = &immisv1.EraseSubjectResponse{}
		return nil
	}
	if err != nil {
		return a.unexpected(fmt.Sprintf("repeat of the cut %s of %s (found whole: %v)", x.kind, s.id, present), err)
	}
	x.answer, x.entry = answer, entry
	a.acknowledged(entry, string(x.kind)+" of "+s.id)
	return nil
}

// settleGalleries asks again for every gallery whose answer was cut and looks at
// the list: all are there, with as many subjects as the model says.
func (a *attack) settleGalleries(ctx context.Context, c *api) error {
	if len(a.world.galleries) == 0 {
		a.world.galleries["main"] = false
	}
	for _, name := range sortedKeys(a.world.galleries) {
		if a.world.galleries[name] {
			continue
		}
		_, entry, err := c.ask(ctx, galleryRequest(name))
		if err != nil {
			return a.unexpected("create gallery "+name, err)
		}
		a.acknowledged(entry, "gallery "+name)
		a.world.galleries[name] = true
	}
	want := map[string]uint64{}
	for _, s := range a.world.all() {
		for _, g := range s.now().galleries {
			want[g]++
		}
	}
	out, err := call(ctx, c.galleries.ListGalleries, &immisv1.ListGalleriesRequest{Context: purpose()})
	if err != nil {
		return a.unexpected("list galleries", err)
	}
	got := map[string]bool{}
	for _, g := range out.GetGalleries() {
		got[g.GetGalleryId()] = true
		if _, asked := a.world.galleries[g.GetGalleryId()]; !asked {
			a.f.add(other, "gallery %s was never created", g.GetGalleryId())
		}
		if g.GetSubjects() != want[g.GetGalleryId()] {
			a.f.add(other, "gallery %s has %d subjects, want %d", g.GetGalleryId(), g.GetSubjects(), want[g.GetGalleryId()])
		}
	}
	for name := range a.world.galleries {
		if !got[name] {
			a.f.add(lost, "gallery %s is not listed", name)
		}
	}
	return nil
}

// checksTimeout bounds the wait for the duplicate checks that a kill left over.
const checksTimeout = 60 * time.Second

// checks waits until no duplicate check is pending.
func (a *attack) checks(ctx context.Context, c *api) error {
	late := time.Now().Add(checksTimeout)
	for {
		st, err := call(ctx, c.admin.GetStatistics, &immisv1.GetStatisticsRequest{Context: purpose()})
		if err != nil {
			return a.unexpected("statistics", err)
		}
		if st.GetPendingDuplicateChecks() == 0 {
			return nil
		}
		if time.Now().After(late) {
			a.f.add(other, "%d duplicate checks are still pending after %v", st.GetPendingDuplicateChecks(), checksTimeout)
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// list compares the list of all subjects with the model.
func (a *attack) list(ctx context.Context, c *api, known map[string]state) error {
	listed := map[string]bool{}
	token := ""
	for {
		out, err := call(ctx, c.enrollment.ListSubjects, &immisv1.ListSubjectsRequest{Context: purpose(), PageSize: 1000, PageToken: token})
		if err != nil {
			return a.unexpected("list subjects", err)
		}
		for _, id := range out.GetSubjectIds() {
			if listed[id] {
				a.f.add(other, "list: subject %s twice", id)
			}
			listed[id] = true
			if st := known[id]; st.status != live {
				a.f.add(resurrected, "list: subject %s is %v and listed", id, st.status)
			}
		}
		if token = out.GetNextPageToken(); token == "" {
			break
		}
	}
	encounters, subjects := 0, 0
	for id, st := range known {
		if st.status != live {
			continue
		}
		subjects++
		encounters += len(st.encounters)
		if !listed[id] {
			a.f.add(lost, "list: subject %s is live and not listed", id)
		}
	}
	st, err := call(ctx, c.admin.GetStatistics, &immisv1.GetStatisticsRequest{Context: purpose()})
	if err != nil {
		return a.unexpected("statistics", err)
	}
	if st.GetSubjects() != uint64(subjects) || st.GetEncounters() != uint64(encounters) {
		a.f.add(other, "statistics: %d subjects with %d encounters, want %d with %d", st.GetSubjects(), st.GetEncounters(), subjects, encounters)
	}
	return nil
}

// inspect looks at one subject in every way there is.
func (a *attack) inspect(ctx context.Context, c *api, s *subject, known map[string]state) error {
	st := known[s.id]
	if err := a.see(ctx, c, s, st); err != nil {
		return err
	}
	if err := a.identify(ctx, c, s, st, known); err != nil {
		return err
	}
	if err := a.verify(ctx, c, s, st); err != nil {
		return err
	}
	for _, e := range st.encounters {
		if !e.checked {
			continue
		}
		out, err := call(ctx, c.enrollment.GetDuplicateCheck, &immisv1.GetDuplicateCheckRequest{Context: purpose(), SubjectId: s.id, EncounterId: e.sent.GetEncounterId()})
		if err != nil {
			if err := a.unexpected("duplicate check of "+s.id, err); err != nil {
				return err
			}
			continue
		}
		if state := out.GetCheck().GetState(); state < immisv1.DuplicateState_DUPLICATE_STATE_NEW {
			a.f.add(lost, "duplicate check of subject %s is %v", s.id, state)
		}
	}
	return a.history(ctx, c, s)
}

// history compares the ledger's entries about a subject with what was asked: one
// entry for each change, in order, under the number that was answered.
func (a *attack) history(ctx context.Context, c *api, s *subject) error {
	var entries []*immisv1.LedgerEntry
	from := uint64(0)
	for {
		out, err := call(ctx, c.ledger.ListEntries, &immisv1.ListEntriesRequest{Context: purpose(), From: from, PageSize: 1000, SubjectId: s.id})
		if err != nil {
			return a.unexpected("ledger entries of "+s.id, err)
		}
		entries = append(entries, out.GetEntries()...)
		if from = out.GetNext(); from == 0 {
			break
		}
	}
	var asked, got []string
	checked, results, ordered := 0, 0, 0
	for _, x := range s.steps {
		if x.entry == 0 { // finished by the start itself
			asked = append(asked, "erasure-resumed")
		} else {
			asked = append(asked, fmt.Sprintf("%s at %d", x.kind, x.entry))
		}
		if x.checked {
			checked++
		}
	}
	for _, e := range entries {
		switch e.GetKind() {
		case "duplicate-result":
			results++
		case "erase-ordered":
			ordered++
			continue
		case "erasure-resumed", string(erase):
			if ordered--; ordered < 0 {
				a.f.add(other, "ledger about subject %s: entry %d erases what nobody ordered", s.id, e.GetNumber())
			}
		}
		switch e.GetKind() {
		case "erasure-resumed":
			got = append(got, e.GetKind())
		case string(enroll), string(add), string(drop), string(del), string(erase), string(put), string(take):
			got = append(got, fmt.Sprintf("%s at %d", e.GetKind(), e.GetNumber()))
		}
	}
	if !slices.Equal(asked, got) {
		a.f.add(other, "ledger about subject %s: %v, want %v", s.id, got, asked)
	}
	withdrawn := slices.ContainsFunc(s.steps, func(x *step) bool { return x.kind == del || x.kind == erase || x.kind == drop })
	if results > checked || results < checked && !withdrawn {
		a.f.add(other, "ledger about subject %s: %d results of duplicate checks, want %d", s.id, results, checked)
	}
	return nil
}

// repeat sends acknowledged requests again: the answers are the same; and one
// with another value, which is refused.
func (a *attack) repeat(ctx context.Context, c *api, all []*subject) error {
	var mu sync.Mutex
	chosen := make([]*subject, 0, repeats)
	for range min(repeats, len(all)) {
		if s := all[a.rng.IntN(len(all))]; len(s.steps) > 0 && !slices.Contains(chosen, s) {
			chosen = append(chosen, s)
		}
	}
	return a.each(ctx, chosen, func(ctx context.Context, s *subject) error {
		mu.Lock()
		at := a.rng.IntN(len(s.steps))
		mu.Unlock()
		x := s.steps[at]
		if x.entry == 0 {
			return nil
		}
		answer, _, err := c.ask(ctx, x.message)
		a.f.count(&a.f.r.Repeated, 1)
		gone := slices.ContainsFunc(s.steps[at:], func(x *step) bool { return x.kind == erase })
		switch {
		case errors.Is(err, errCut):
			return err
		case gone && (x.kind == enroll || x.kind == add):
			// The sealed answer went with the key.
			if status.Code(err) != codes.FailedPrecondition {
				a.f.add(other, "repeated %s of %s, erased since: %v, want FailedPrecondition", x.kind, s.id, err)
			}
		case err != nil:
			a.f.add(other, "repeated %s of %s: %s", x.kind, s.id, short(err.Error()))
		case !proto.Equal(answer, x.answer):
			a.f.add(other, "repeated %s of %s: answer %v, want %v", x.kind, s.id, answer, x.answer)
		}
		_, _, err = c.ask(ctx, &immisv1.DeleteSubjectRequest{Context: purpose(), RequestId: x.request, SubjectId: s.id + "-other"})
		if errors.Is(err, errCut) {
			return err
		}
		if status.Code(err) != codes.Aborted {
			a.f.add(other, "request identifier of the %s of %s with another value: %v, want Aborted", x.kind, s.id, err)
		}
		return nil
	})
}

func sortedKeys(m map[string]bool) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
