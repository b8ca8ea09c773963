package fault

import (
	"fmt"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	immisv1 "immis/api/immis/v1"
)

// standing of a subject in the model.
type standing uint8

const (
	absent standing = iota
	live
	deleted
	erased
)

func (s standing) String() string {
	return [...]string{"absent", "live", "deleted", "erased"}[s]
}

// kind of a change; the text is the kind of its ledger entry.
type kind string

const (
	enroll kind = "enroll"
	add    kind = "add-encounter"
	drop   kind = "delete-encounter"
	del    kind = "delete-subject"
	erase  kind = "erase"
	put    kind = "put-in-gallery"
	take   kind = "take-from-gallery"
)

// step is one change of a subject that was asked for.
type step struct {
	kind      kind
	request   string // request identifier
	message   proto.Message
	encounter *immisv1.Encounter // of enroll and add
	visit     int
	dropped   string // encounter of drop
	gallery   string // of put and take
	checked   bool   // a duplicate check was asked for
	// answer is set once the change was acknowledged; entry is its ledger entry.
	answer proto.Message
	entry  uint64
}

// subject is one subject identifier and everything that was asked about it, in
// order. It belongs to one caller, who asks one thing at a time: at most the
// last step is without an answer.
type subject struct {
	id      string
	person  int
	steps   []*step
	touched bool // since it was looked at last
}

// encounter is what the model expects of a stored encounter.
type encounter struct {
	sent    *immisv1.Encounter
	visit   int
	checked bool
}

// state is what a subject should look like.
type state struct {
	status     standing
	encounters []encounter
	galleries  []string // sorted
}

// apply is the model's idea of one change.
func (st state) apply(s *step) state {
	next := state{status: st.status, encounters: slices.Clone(st.encounters), galleries: slices.Clone(st.galleries)}
	switch s.kind {
	case enroll:
		next = state{status: live, encounters: []encounter{{s.encounter, s.visit, s.checked}}, galleries: slices.Clone(s.encounter.GetGalleries())}
	case add:
		next.encounters = append(next.encounters, encounter{s.encounter, s.visit, s.checked})
	case drop:
		next.encounters = slices.DeleteFunc(next.encounters, func(e encounter) bool { return e.sent.GetEncounterId() == s.dropped })
	case del:
		next = state{status: deleted}
	case erase:
		next = state{status: erased}
	case put:
		if !slices.Contains(next.galleries, s.gallery) {
			next.galleries = append(next.galleries, s.gallery)
		}
	case take:
		next.galleries = slices.DeleteFunc(next.galleries, func(g string) bool { return g == s.gallery })
	}
	slices.Sort(next.galleries)
	return next
}

// after is the state after the first n steps.
func (s *subject) after(n int) state {
	var st state
	for _, x := range s.steps[:n] {
		st = st.apply(x)
	}
	return st
}

// now is the state after all steps.
func (s *subject) now() state { return s.after(len(s.steps)) }

// cut returns the step without an answer, or nil.
func (s *subject) cut() *step {
	if n := len(s.steps); n > 0 && s.steps[n-1].answer == nil {
		return s.steps[n-1]
	}
	return nil
}

// differs says how what is stored differs from the model; "" when it does not.
// found is nil when the server knows no such subject.
func (st state) differs(found *immisv1.GetSubjectResponse) string {
	if st.status != live {
		if found != nil {
			return fmt.Sprintf("is %v and was found", st.status)
		}
		return ""
	}
	if found == nil {
		return "is live and was not found"
	}
	if got := slices.Sorted(slices.Values(found.GetGalleries())); !slices.Equal(got, st.galleries) {
		return fmt.Sprintf("is in galleries %v, want %v", got, st.galleries)
	}
	if len(found.GetEncounters()) != len(st.encounters) {
		return fmt.Sprintf("has %d encounters, want %d", len(found.GetEncounters()), len(st.encounters))
	}
	for i, want := range st.encounters {
		if d := sameEncounter(found.GetEncounters()[i], want.sent); d != "" {
			return fmt.Sprintf("encounter %d: %s", i, d)
		}
	}
	return ""
}

// world is the model of one store.
type world struct {
	// callers own their subjects; a slot is touched by its caller only.
	callers [][]*subject

	mu sync.Mutex
	// galleries that were acknowledged, and those whose creation was cut.
	galleries map[string]bool
	// entries are the numbers of acknowledged changes: each has its own.
	entries map[uint64]string
	next    int // person
	names   int // for identifiers
}

func newWorld(callers int) *world {
	return &world{callers: make([][]*subject, callers), galleries: map[string]bool{}, entries: map[uint64]string{}}
}

// person returns somebody who was not seen in this store before.
func (w *world) person() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next++
	return w.next - 1
}

// name makes an identifier that is used once.
func (w *world) name(prefix string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.names++
	return fmt.Sprintf("%s-%d", prefix, w.names)
}

// entry notes the ledger entry of an acknowledged change and returns what it
// had been given to before.
func (w *world) entry(n uint64, what string) (before string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before = w.entries[n]
	w.entries[n] = what
	return before
}

// all returns every subject; only while no caller runs.
func (w *world) all() []*subject {
	var out []*subject
	for _, c := range w.callers {
		out = append(out, c...)
	}
	return out
}
