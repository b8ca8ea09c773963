package fault

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	immisv1 "immis/api/immis/v1"
)

// callTimeout bounds one call; a server that hangs is a finding.
const callTimeout = 30 * time.Second

// errCut: the answer did not come because the process is gone.
var errCut = errors.New("answer was cut")

// api is a connection to one life of the server.
type api struct {
	enrollment  immisv1.EnrollmentServiceClient
	galleries   immisv1.GalleryServiceClient
	recognition immisv1.RecognitionServiceClient
	ledger      immisv1.LedgerServiceClient
	admin       immisv1.AdminServiceClient
}

func newAPI(conn *grpc.ClientConn) *api {
	return &api{immisv1.NewEnrollmentServiceClient(conn), immisv1.NewGalleryServiceClient(conn),
		immisv1.NewRecognitionServiceClient(conn), immisv1.NewLedgerServiceClient(conn), immisv1.NewAdminServiceClient(conn)}
}

func purpose() *immisv1.RequestContext {
	return &immisv1.RequestContext{Purpose: immisv1.Purpose_PURPOSE_TEST}
}

// call makes one call; errCut when the process went away meanwhile.
func call[A, B any](ctx context.Context, method func(context.Context, *A, ...grpc.CallOption) (*B, error), in *A) (*B, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := method(ctx, in)
	if status.Code(err) == codes.Unavailable || status.Code(err) == codes.Canceled {
		return nil, fmt.Errorf("%w: %w", errCut, err)
	}
	return out, err
}

// ask sends a change of any kind; entry is the number of its ledger entry.
func (a *api) ask(ctx context.Context, m proto.Message) (answer proto.Message, entry uint64, err error) {
	switch in := m.(type) {
	case *immisv1.EnrollRequest:
		out, err := call(ctx, a.enrollment.Enroll, in)
		return out, out.GetLedgerEntry(), err
	case *immisv1.AddEncounterRequest:
		out, err := call(ctx, a.enrollment.AddEncounter, in)
		return out, out.GetLedgerEntry(), err
	case *immisv1.DeleteEncounterRequest:
		out, err := call(ctx, a.enrollment.DeleteEncounter, in)
		return out, out.GetLedgerEntry(), err
	case *immisv1.DeleteSubjectRequest:
		out, err := call(ctx, a.enrollment.DeleteSubject, in)
		return out, out.GetLedgerEntry(), err
	case *immisv1.EraseSubjectRequest:
		out, err := call(ctx, a.enrollment.EraseSubject, in)
		// The epoch to wait for may be another one when the request is repeated.
		return &immisv1.EraseSubjectResponse{LedgerEntry: out.GetLedgerEntry()}, out.GetLedgerEntry(), err
	case *immisv1.CreateGalleryRequest:
		out, err := call(ctx, a.galleries.CreateGallery, in)
		return out, out.GetLedgerEntry(), err
	case *immisv1.PutInGalleryRequest:
		out, err := call(ctx, a.galleries.PutInGallery, in)
		return out, out.GetLedgerEntry(), err
	case *immisv1.TakeFromGalleryRequest:
		out, err := call(ctx, a.galleries.TakeFromGallery, in)
		return out, out.GetLedgerEntry(), err
	}
	return nil, 0, fmt.Errorf("message %T is no change", m)
}

// caller is one station: it owns subjects and asks one thing at a time.
type caller struct {
	*attack
	api  *api
	slot int
	rng  *rand.Rand
}

// work acts until the process is gone.
func (c *caller) work(ctx context.Context) {
	for ctx.Err() == nil {
		if err := c.act(ctx); err != nil {
			if !errors.Is(err, errCut) {
				c.f.add(other, "caller %d: %s", c.slot, short(err.Error()))
			}
			return
		}
	}
}

// act does one random thing. An error ends the caller.
func (c *caller) act(ctx context.Context) error {
	mine := c.world.callers[c.slot]
	n := c.rng.IntN(100)
	if n < 30 || len(mine) == 0 {
		return c.enroll(ctx, &subject{id: c.world.name("s"), person: c.world.person()}, true)
	}
	s := mine[c.rng.IntN(len(mine))]
	st := s.now()
	if st.status != live {
		switch {
		case n < 45: // come back under the same identifier
			return c.enroll(ctx, s, false)
		case n < 60 && st.status == deleted:
			return c.change(ctx, s, &step{kind: erase})
		}
		return c.look(ctx, s)
	}
	switch {
	case n < 40:
		return c.addEncounter(ctx, s)
	case n < 46 && len(st.encounters) > 1:
		return c.change(ctx, s, &step{kind: drop, dropped: st.encounters[c.rng.IntN(len(st.encounters))].sent.GetEncounterId()})
	case n < 54:
		return c.change(ctx, s, &step{kind: del})
	case n < 62:
		return c.change(ctx, s, &step{kind: erase})
	case n < 70:
		return c.member(ctx, s, st)
	case n < 72:
		return c.createGallery(ctx)
	}
	return c.look(ctx, s)
}

func (c *caller) enroll(ctx context.Context, s *subject, first bool) error {
	visit := len(s.steps)
	var galleries []string
	if g := c.gallery(); g != "" && c.rng.IntN(3) == 0 {
		galleries = []string{g}
	}
	e, err := c.people.encounter(c.world.name("e"), s.person, visit, galleries)
	if err != nil {
		return err
	}
	if first {
		c.world.callers[c.slot] = append(c.world.callers[c.slot], s)
	}
	return c.change(ctx, s, &step{kind: enroll, encounter: e, visit: visit, checked: c.rng.IntN(2) == 0})
}

func (c *caller) addEncounter(ctx context.Context, s *subject) error {
	visit := len(s.steps)
	e, err := c.people.encounter(c.world.name("e"), s.person, visit, nil)
	if err != nil {
		return err
	}
	return c.change(ctx, s, &step{kind: add, encounter: e, visit: visit, checked: c.rng.IntN(2) == 0})
}

// member puts a subject into a gallery or takes it out of one.
func (c *caller) member(ctx context.Context, s *subject, st state) error {
	if len(st.galleries) > 0 && c.rng.IntN(2) == 0 {
		return c.change(ctx, s, &step{kind: take, gallery: st.galleries[c.rng.IntN(len(st.galleries))]})
	}
	g := c.gallery()
	if g == "" || slices.Contains(st.galleries, g) {
		return c.look(ctx, s)
	}
	return c.change(ctx, s, &step{kind: put, gallery: g})
}

// gallery picks one that was acknowledged.
func (c *caller) gallery() string {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	for g, there := range c.world.galleries {
		if there {
			return g
		}
	}
	return ""
}

func (c *caller) createGallery(ctx context.Context) error {
	name := c.world.name("g")
	c.world.mu.Lock()
	c.world.galleries[name] = false
	c.world.mu.Unlock()
	_, entry, err := c.api.ask(ctx, galleryRequest(name))
	if err != nil {
		return err
	}
	c.acknowledged(entry, "gallery "+name)
	c.world.mu.Lock()
	c.world.galleries[name] = true
	c.world.mu.Unlock()
	return nil
}

func galleryRequest(name string) *immisv1.CreateGalleryRequest {
	return &immisv1.CreateGalleryRequest{Context: purpose(), RequestId: "create-" + name, Gallery: &immisv1.Gallery{GalleryId: name}}
}

// change asks for one change of a subject and notes what was answered.
func (c *caller) change(ctx context.Context, s *subject, x *step) error {
	x.request = c.world.name("r")
	x.message = x.form(s.id)
	s.steps = append(s.steps, x)
	s.touched = true
	answer, entry, err := c.api.ask(ctx, x.message)
	if err != nil {
		return fmt.Errorf("%s of %s (%v before): %w", x.kind, s.id, s.after(len(s.steps)-1).status, err)
	}
	x.answer, x.entry = answer, entry
	c.acknowledged(entry, string(x.kind)+" of "+s.id)
	if c.rng.IntN(2) == 0 {
		return c.look(ctx, s)
	}
	return nil
}

// acknowledged: every acknowledged change has a ledger entry of its own.
func (a *attack) acknowledged(entry uint64, what string) {
	a.f.count(&a.f.r.Acknowledged, 1)
	if before := a.world.entry(entry, what); before != "" && before != what {
		a.f.add(other, "ledger entry %d stands for %s and for %s", entry, before, what)
	}
}

// form makes the message of a step.
func (x *step) form(id string) proto.Message {
	switch x.kind {
	case enroll:
		return &immisv1.EnrollRequest{Context: purpose(), RequestId: x.request, SubjectId: id, Encounter: x.encounter, CheckDuplicates: x.checked}
	case add:
		return &immisv1.AddEncounterRequest{Context: purpose(), RequestId: x.request, SubjectId: id, Encounter: x.encounter, CheckDuplicates: x.checked}
	case drop:
		return &immisv1.DeleteEncounterRequest{Context: purpose(), RequestId: x.request, SubjectId: id, EncounterId: x.dropped}
	case del:
		return &immisv1.DeleteSubjectRequest{Context: purpose(), RequestId: x.request, SubjectId: id}
	case erase:
		return &immisv1.EraseSubjectRequest{Context: purpose(), RequestId: x.request, SubjectId: id}
	case put:
		return &immisv1.PutInGalleryRequest{Context: purpose(), RequestId: x.request, GalleryId: x.gallery, SubjectId: id}
	default:
		return &immisv1.TakeFromGalleryRequest{Context: purpose(), RequestId: x.request, GalleryId: x.gallery, SubjectId: id}
	}
}

// look compares what searches, comparisons and reads say of a subject of the
// caller's own with the model. Nobody else changes it meanwhile.
func (c *caller) look(ctx context.Context, s *subject) error {
	st := s.now()
	switch c.rng.IntN(4) {
	case 0:
		return c.see(ctx, c.api, s, st)
	case 1:
		return c.verify(ctx, c.api, s, st)
	}
	return c.identify(ctx, c.api, s, st, nil)
}
