package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"immis/templates"
)

// TestBeyondCapacity: with all workers busy and the queue full a search is refused
// at once, nothing is started for it, and the waiting ones are served.
func TestBeyondCapacity(t *testing.T) {
	ctx := context.Background()
	const workers, queue = 2, 3
	h := open(t, plan{idle: true, engine: func(o *Options) { o.SearchWorkers, o.SearchQueue = workers, queue }})
	w := crowd(t)
	mustEnroll(t, h, enrollFace(w, "anna", 1, 0))
	var leave []func()
	for range workers {
		l, err := h.engine.admit.enter(ctx)
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, l)
	}
	search := func(ctx context.Context) error {
		_, err := h.engine.Identify(ctx, IdentifyRequest{Caller: clerk, Probe: ProbeSource{Samples: []Sample{faceSample(w, 1, 1)}}})
		return err
	}
	var wg sync.WaitGroup
	waiting := make([]error, queue)
	for i := range waiting {
		wg.Go(func() { waiting[i] = search(ctx) })
	}
	for h.engine.admit.waiting.Load() < queue {
		time.Sleep(time.Millisecond)
	}
	before, known := runtime.NumGoroutine(), goleak.IgnoreCurrent()
	var slowest time.Duration
	for range 500 {
		begun := time.Now()
		if err := search(ctx); !errors.Is(err, ErrOverloaded) || reasonOf(err) != ReasonOverloaded {
			t.Fatalf("search beyond capacity: %v, want %v", err, ErrOverloaded)
		}
		slowest = max(slowest, time.Since(begun))
	}
	if slowest > 100*time.Millisecond {
		t.Errorf("a refusal took %v, want at once", slowest)
	}
	if n := runtime.NumGoroutine(); n > before+10 {
		t.Errorf("%d goroutines after 500 refusals, want about %d", n, before)
	}
	if err := goleak.Find(known); err != nil {
		t.Error(err)
	}
	if n := h.engine.admit.waiting.Load(); n != queue {
		t.Errorf("%d wait, want %d", n, queue)
	}
	// A waiting search whose caller goes away gives its place back.
	for _, l := range leave {
		l()
	}
	wg.Wait()
	if err := errors.Join(waiting...); err != nil {
		t.Errorf("searches that waited: %v", err)
	}
	if n := h.engine.admit.waiting.Load(); n != 0 {
		t.Errorf("%d wait after all, want none", n)
	}
}

// TestWaitingEndsWithItsCaller: whoever waits for a worker leaves with its context.
func TestWaitingEndsWithItsCaller(t *testing.T) {
	a := newAdmission("test", 1, 1)
	leave, err := a.enter(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	if _, err := a.enter(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("waiting with a deadline: %v", err)
	}
	leave()
	if leave, err = a.enter(context.Background()); err != nil {
		t.Fatalf("after the waiting one left: %v", err)
	}
	leave()
	if a.waiting.Load() != 0 || len(a.workers) != 0 {
		t.Errorf("%d wait and %d work, want none", a.waiting.Load(), len(a.workers))
	}
}

// cancelWithin is how soon a search must end after its caller has given up.
const cancelWithin = 20 * time.Millisecond

// TestCancelLongSearch: searches end within 20 ms of their cancellation, wherever
// they are: decoding, comparing, or writing out candidates. The median of many
// moments counts strictly, the worst generously, since the machine is shared.
func TestCancelLongSearch(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time")
	}
	h := open(t, plan{idle: true})
	w := crowd(t)
	// People of ten fingers in several encounters; the probe's fingers have no
	// position, so each is compared with all of them.
	const people = 12
	tens := make([][]Sample, 6)
	for i := range tens {
		for p := templates.RightThumb; p <= templates.LeftLittle; p++ {
			s := fingerSample(t, w, i, 0, p)
			s.Position = templates.PositionUnknown
			s.Data = unpositioned(s.Data)
			tens[i] = append(tens[i], s)
		}
	}
	for i := range people {
		mustEnroll(t, h, EnrollRequest{Caller: clerk, Subject: fmt.Sprintf("p-%d", i), Encounter: Encounter{ID: "e", Samples: slices.Concat(tens[i%5], tens[(i+1)%5])}})
	}
	search := func(ctx context.Context) error {
		_, err := h.engine.Identify(ctx, IdentifyRequest{Caller: clerk, MaxCandidates: 50, Mode: ModeExact, Probe: ProbeSource{Samples: slices.Concat(tens[5], tens[0])}})
		return err
	}
	begun := time.Now()
	if err := search(context.Background()); err != nil {
		t.Fatal(err)
	}
	whole := time.Since(begun)
	var late []time.Duration
	const moments = 12
	for i := range moments {
		ctx, cancel := context.WithCancel(context.Background())
		var given time.Time
		stop := time.AfterFunc(whole*time.Duration(i+1)/(moments+4), func() { given = time.Now(); cancel() })
		err := search(ctx)
		if !stop.Stop() && errors.Is(err, context.Canceled) {
			late = append(late, time.Since(given))
		}
		cancel()
	}
	if len(late) < moments/2 {
		t.Fatalf("%d of %d searches of %v were cut, want more", len(late), moments, whole)
	}
	slices.Sort(late)
	t.Logf("a search of %v cut at %d moments: ended after %v (median), %v (worst)", whole, len(late), late[len(late)/2], late[len(late)-1])
	if late[len(late)/2] > cancelWithin || late[len(late)-1] > 10*cancelWithin {
		t.Errorf("searches ended %v (median) and %v (worst) after their cancellation, want %v", late[len(late)/2], late[len(late)-1], cancelWithin)
	}
}

// unpositioned is a record of one view without its finger position.
func unpositioned(b []byte) []byte {
	b = slices.Clone(b)
	b[24] = 0
	return b
}
