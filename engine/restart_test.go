package engine

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"immis/bench/synth"
	"immis/templates"
)

// deed is one step of a history that is told twice.
type deed struct {
	what            string
	subject, person int
	visit           int
	finger, checked bool
	gallery         string
	restart         bool // in the second telling, before the step
}

var deedKinds = []string{"enroll", "enroll", "enroll", "add", "delete", "erase", "drop", "put", "take"}

func drawDeeds(rt *rapid.T) []deed {
	return rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) deed {
		return deed{
			what:    rapid.SampledFrom(deedKinds).Draw(rt, "what"),
			subject: rapid.IntRange(0, 5).Draw(rt, "subject"), person: rapid.IntRange(0, 4).Draw(rt, "person"),
			visit: rapid.IntRange(0, 3).Draw(rt, "visit"), finger: rapid.Bool().Draw(rt, "finger"), checked: rapid.Bool().Draw(rt, "checked"),
			gallery: rapid.SampledFrom([]string{"g", "h"}).Draw(rt, "gallery"), restart: rapid.IntRange(0, 5).Draw(rt, "restart") == 0,
		}
	}), 4, 24).Draw(rt, "deeds")
}

// tell does the deeds and returns what searches say then, byte for byte: exact
// and fast, of everybody and of one gallery, by sample and by stored subject.
func tell(t *testing.T, w *synth.World, fingers []Sample, deeds []deed, restarts bool) ([]byte, error) {
	p := plan{fs: vfs.NewMem(), engine: func(o *Options) {
		// Rows come from files where there are restarts, and from nowhere else where not.
		if o.Files.OnDisk = len(deeds)%2 == 0; !restarts {
			o.Files = Files{}
		}
	}}
	h, err := build(context.Background(), p)
	if err != nil {
		return nil, err
	}
	defer func() { _ = h.close() }()
	ctx := context.Background()
	for _, g := range []string{"g", "h"} {
		if _, err := h.engine.CreateGallery(ctx, clerk, "", Gallery{ID: g}); err != nil {
			return nil, err
		}
	}
	var told bytes.Buffer
	for i, d := range deeds {
		if restarts && d.restart {
			if err := h.close(); err != nil {
				return nil, err
			}
			if h, err = build(ctx, p); err != nil {
				return nil, err
			}
		}
		// Refusals (exists already, not found) are part of the history.
		fmt.Fprintln(&told, i, reasonOf(h.do(ctx, w, fingers, d)))
	}
	if restarts {
		if err := h.close(); err != nil {
			return nil, err
		}
		if h, err = build(ctx, p); err != nil {
			return nil, err
		}
	}
	out := gob.NewEncoder(&told)
	for _, probe := range probes(w, fingers) {
		for _, mode := range []SearchMode{ModeExact, ModeFast} {
			for _, galleries := range [][]string{nil, {"g"}} {
				r, err := h.engine.Identify(ctx, IdentifyRequest{Caller: clerk, Probe: probe, Galleries: galleries, Mode: mode, MaxCandidates: 4})
				fmt.Fprintln(&told, reasonOf(err), r.Outcome, r.Subjects)
				// gob writes floats bit by bit.
				if err := out.Encode(r.Candidates); err != nil {
					return nil, err
				}
			}
		}
	}
	return told.Bytes(), nil
}

func probes(w *synth.World, fingers []Sample) []ProbeSource {
	var out []ProbeSource
	for p := range 3 {
		out = append(out, ProbeSource{Samples: []Sample{faceSample(w, p, 9)}}, ProbeSource{Samples: []Sample{faceSample(w, p, 8), fingers[p]}})
	}
	return append(out, ProbeSource{Samples: []Sample{fingers[0]}}, ProbeSource{Subject: "s-0"}, ProbeSource{Subject: "s-3"})
}

func (h *house) do(ctx context.Context, w *synth.World, fingers []Sample, d deed) error {
	id, enc := fmt.Sprintf("s-%d", d.subject), fmt.Sprintf("e-%d", d.visit)
	req := EnrollRequest{Caller: clerk, Subject: id, CheckDuplicates: d.checked, Encounter: Encounter{ID: enc, Galleries: []string{d.gallery}, Samples: []Sample{faceSample(w, d.person, d.visit)}}}
	if d.finger {
		req.Encounter.Samples = append(req.Encounter.Samples, fingers[d.person])
	}
	var err error
	switch d.what {
	case "enroll":
		_, err = h.engine.Enroll(ctx, req)
	case "add":
		_, err = h.engine.AddEncounter(ctx, req)
	case "delete":
		_, err = h.engine.DeleteSubject(ctx, clerk, "", id)
	case "erase":
		_, err = h.engine.EraseSubject(ctx, clerk, "", id)
	case "drop":
		_, err = h.engine.DeleteEncounter(ctx, clerk, "", EncounterRef{id, enc})
	case "put":
		_, err = h.engine.PutInGallery(ctx, clerk, "", d.gallery, id)
	case "take":
		_, err = h.engine.TakeFromGallery(ctx, clerk, "", d.gallery, id)
	}
	return err
}

// TestRestartChangesNothing: the same history with restarts in the middle, and
// with another number of processors, gives the same candidate lists, byte for byte.
func TestRestartChangesNothing(t *testing.T) {
	w := crowd(t)
	fingers := make([]Sample, 5)
	for p := range fingers {
		fingers[p] = fingerSample(t, w, p, 0, templates.RightIndex)
	}
	rapid.Check(t, func(rt *rapid.T) {
		deeds := drawDeeds(rt)
		want, err := tell(t, w, fingers, deeds, false)
		if err != nil {
			rt.Fatal(err)
		}
		got, err := tell(t, w, fingers, deeds, true)
		if err != nil {
			rt.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			rt.Fatalf("with restarts:\n%q\nwant\n%q", got, want)
		}
		if len(deeds)%4 != 0 {
			return // a telling costs most of the time
		}
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		if got, err = tell(t, w, fingers, deeds, true); err != nil || !bytes.Equal(got, want) {
			rt.Fatalf("on one processor (%v):\n%q\nwant\n%q", err, got, want)
		}
	})
}

// TestSearchBesideChanges: searches beside enrolments and withdrawals never fail,
// never name somebody twice, and always find who stays.
func TestSearchBesideChanges(t *testing.T) {
	ctx := context.Background()
	h, w := open(t, plan{engine: func(o *Options) { o.SearchWorkers = 4 }}), crowd(t)
	for i := range 8 {
		mustEnroll(t, h, enrollFace(w, fmt.Sprintf("stays-%d", i), i, 0))
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	errs := make(chan error, 16)
	for c := range 3 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprintf("goes-%d-%d", c, n)
				// The same people, so that those who come and go rank among the first.
				if _, err := h.engine.Enroll(ctx, enrollFace(w, id, n%8, 1)); err != nil {
					errs <- err
					return
				}
				if _, err := h.engine.EraseSubject(ctx, clerk, "", id); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	for n := range 1500 {
		r, err := h.engine.Identify(ctx, IdentifyRequest{Caller: clerk, MaxCandidates: 20, Probe: ProbeSource{Samples: []Sample{faceSample(w, n%8, 2)}}})
		if err != nil {
			t.Errorf("search %d: %v", n, err)
			break
		}
		got := names(r.Candidates)
		if !slices.Contains(got, fmt.Sprintf("stays-%d", n%8)) {
			t.Errorf("search %d: %v lacks who stays", n, got)
			break
		}
		slices.Sort(got)
		if len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("search %d names somebody twice: %v", n, got)
			break
		}
		for _, c := range r.Candidates {
			if len(c.Scores) == 0 {
				t.Errorf("search %d puts forward %s without any comparison", n, c.Subject)
			}
		}
	}
	close(stop)
	wg.Wait()
	close(errs)
	for err := range errs {
		if !errors.Is(err, ErrOverloaded) {
			t.Error(err)
		}
	}
}
