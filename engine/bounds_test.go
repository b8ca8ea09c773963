package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"immis/matcher/finger"
	"immis/store"
	"immis/templates"
	"immis/templates/imaging"
	"immis/templates/iso19794"
)

// denseSample is a record of views with as many minutiae as a record may hold.
func denseSample(t testing.TB, seed uint64, views int) Sample {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	r := iso19794.Record{Width: 500, Height: 500, ResolutionX: 197, ResolutionY: 197}
	for v := range views {
		var ms []iso19794.Minutia
		for range 255 {
			ms = append(ms, iso19794.Minutia{X: uint16(rng.IntN(500)), Y: uint16(rng.IntN(500)), Angle: uint8(rng.IntN(256)), Type: 1})
		}
		r.Views = append(r.Views, iso19794.View{Number: uint8(v), Minutiae: ms})
	}
	b, err := r.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return Sample{Modality: templates.ModalityFinger, Format: templates.FormatISO19794_2_2005, Data: b,
		Quality: templates.QualityUnknown, PresentationAttack: PresentationAttack{Score: templates.QualityUnknown}}
}

// modelSamples are faces of n models from the first on, of 4,096 dimensions.
func modelSamples(first, n int) []Sample {
	var out []Sample
	for i := first; i < first+n; i++ {
		b := make([]byte, 4096)
		b[0], b[1] = 1, byte(i+2)
		out = append(out, Sample{Modality: templates.ModalityFace, Format: templates.FormatFaceInt8, Data: b, Model: fmt.Sprintf("m-%d", i),
			Quality: templates.QualityUnknown, PresentationAttack: PresentationAttack{Score: templates.QualityUnknown}})
	}
	return out
}

// TestModelsAreBounded: neither one request nor many make more indexes than the
// memory has room for, and a model that nobody has any more makes room.
func TestModelsAreBounded(t *testing.T) {
	ctx := context.Background()
	h := open(t, plan{idle: true})
	r := h.engine.register
	enroll := func(subject string, samples []Sample) error {
		_, err := h.engine.Enroll(ctx, EnrollRequest{Caller: clerk, Subject: subject, Encounter: Encounter{ID: "e", Samples: samples}})
		return err
	}
	if err := enroll("many", modelSamples(0, maxRequestModels+1)); reasonOf(err) != string(templates.ReasonOversized) {
		t.Fatalf("%d models in a request: %v, want %s", maxRequestModels+1, err, templates.ReasonOversized)
	}
	_, err := h.engine.Verify(ctx, VerifyRequest{Caller: clerk, Probe: modelSamples(0, maxRequestModels), Claim: ProbeSource{Samples: modelSamples(1, maxRequestModels)}})
	if reasonOf(err) != string(templates.ReasonOversized) {
		t.Fatalf("%d models in probe and claim: %v, want %s", maxRequestModels+1, err, templates.ReasonOversized)
	}
	if len(r.models) != 0 {
		t.Fatalf("%d models after refusals, want none", len(r.models))
	}
	for i := 0; i < maxModels; i += maxRequestModels {
		if err := enroll(fmt.Sprintf("s-%d", i), modelSamples(i, maxRequestModels)); err != nil {
			t.Fatal(err)
		}
	}
	if _, b := r.indexSize(); b > 80<<20 {
		t.Errorf("%d models of one row each take %.0f bytes, want <= 80 MiB", maxModels, b)
	}
	// The known one before the new one is given back with it.
	users := r.model("m-0").users
	err = enroll("late", append(modelSamples(0, 1), modelSamples(maxModels, 1)...))
	if reasonOf(err) != ReasonTooManyModels || !errors.Is(err, ErrPrecondition) {
		t.Fatalf("model %d: %v, want %s", maxModels+1, err, ReasonTooManyModels)
	}
	if len(r.models) != maxModels || r.model("m-0").users != users {
		t.Errorf("after a refusal: %d models, %d users of the first, want %d, %d", len(r.models), r.model("m-0").users, maxModels, users)
	}
	if err := enroll("known", modelSamples(5, 1)); err != nil {
		t.Errorf("a model in use: %v", err)
	}
	if _, err := h.engine.DeleteSubject(ctx, clerk, "", "s-0"); err != nil {
		t.Fatal(err)
	}
	if err := enroll("late", modelSamples(maxModels, 1)); err != nil {
		t.Errorf("a new model once others are gone: %v", err)
	}
}

// TestManyLargeViews: preparing views ends with its caller, and there is a bound to
// what one request may ask for.
func TestManyLargeViews(t *testing.T) {
	h := open(t, plan{idle: true})
	var all []Sample
	for i := range 6 {
		all = append(all, denseSample(t, uint64(i), 8))
	}
	calls := map[string]func(context.Context, []Sample) error{
		"enroll": func(ctx context.Context, s []Sample) error {
			_, err := h.engine.Enroll(ctx, EnrollRequest{Caller: clerk, Encounter: Encounter{Samples: s}})
			return err
		},
		"verify": func(ctx context.Context, s []Sample) error {
			n := len(s) / 2
			_, err := h.engine.Verify(ctx, VerifyRequest{Caller: clerk, Probe: s[:n], Claim: ProbeSource{Samples: s[n:]}})
			return err
		},
		"identify": func(ctx context.Context, s []Sample) error {
			_, err := h.engine.Identify(ctx, IdentifyRequest{Caller: clerk, Probe: ProbeSource{Samples: s}})
			return err
		},
	}
	views, _, err := decodeSamples(t.Context(), "test", all[:1], noon, &budget{})
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	finger.Prepare(views[0].views[0].Finger)
	one := time.Since(begun)
	for name, call := range calls {
		if err := call(t.Context(), all[:5]); reasonOf(err) != string(templates.ReasonOversized) {
			t.Errorf("%s of 40 views of 255 minutiae: %v, want %s", name, err, templates.ReasonOversized)
		}
		if testing.Short() || name == "enroll" { // an enrolment leaves the preparing for later
			continue
		}
		best := time.Hour
		const deadline = 20 * time.Millisecond
		for range 5 { // the machine is shared: the best of a few counts
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			begun := time.Now()
			err := call(ctx, all[:4])
			best = min(best, time.Since(begun))
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("%s of 32 views of 255 minutiae: %v, want %v", name, err, context.DeadlineExceeded)
			}
		}
		t.Logf("%s with a deadline of %v: ended after %v; one view takes %v", name, deadline, best, one)
		if best > deadline+2*one+cancelWithin {
			t.Errorf("%s with a deadline of %v ended after %v, want that and one view of %v", name, deadline, best, one)
		}
	}
}

// TestPreparationBeyondCapacity: with all workers busy and the queue full, requests
// that need samples decoded are refused at once; once there is room they work.
func TestPreparationBeyondCapacity(t *testing.T) {
	ctx := context.Background()
	h, w := open(t, plan{idle: true}), crowd(t)
	mustEnroll(t, h, enrollFace(w, "anna", 1, 0))
	a := newAdmission("test", 1, 1)
	h.engine.preparing = a
	leave, err := a.enter(ctx)
	if err != nil {
		t.Fatal(err)
	}
	waits := make(chan error, 1)
	go func() {
		_, err := h.engine.Enroll(ctx, enrollFace(w, "waits", 2, 0))
		waits <- err
	}()
	for a.waiting.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	calls := map[string]func() error{
		"enroll":        func() error { _, err := h.engine.Enroll(ctx, enrollFace(w, "late", 3, 0)); return err },
		"add encounter": func() error { _, err := h.engine.AddEncounter(ctx, enrollFace(w, "anna", 1, 1)); return err },
		"verify": func() error {
			_, err := h.engine.Verify(ctx, VerifyRequest{Caller: clerk, Probe: []Sample{faceSample(w, 1, 1)}, Claim: ProbeSource{Subject: "anna"}})
			return err
		},
	}
	for name, call := range calls {
		begun := time.Now()
		if err := call(); !errors.Is(err, ErrOverloaded) || reasonOf(err) != ReasonOverloaded {
			t.Errorf("%s beyond capacity: %v, want %v", name, err, ErrOverloaded)
		}
		if d := time.Since(begun); d > 100*time.Millisecond {
			t.Errorf("%s: the refusal took %v, want at once", name, d)
		}
	}
	// Searches have an admission of their own.
	if _, err := identifyFace(h, clerk, w, 1, 1); err != nil {
		t.Errorf("identify: %v", err)
	}
	leave()
	if err := <-waits; err != nil {
		t.Errorf("the one that waited: %v", err)
	}
	for name, call := range calls {
		if err := call(); err != nil {
			t.Errorf("%s once there is room: %v", name, err)
		}
	}
	if a.waiting.Load() != 0 || len(a.workers) != 0 {
		t.Errorf("%d wait and %d work after all, want none", a.waiting.Load(), len(a.workers))
	}
}

// files counts the files under a directory of the store that is n levels deep, and
// their bytes.
func (h *house) files(t testing.TB, dir string) (n int, size int64) {
	t.Helper()
	names, err := h.fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := h.fs.PathJoin(dir, name)
		info, err := h.fs.Stat(path)
		switch {
		case err != nil: // removed meanwhile
		case info.IsDir():
			m, s := h.files(t, path)
			n, size = n+m, size+s
		default:
			n, size = n+1, size+info.Size()
		}
	}
	return n, size
}

// TestRefusedEnrollmentsLeaveNoFiles: no refusal, whatever its cause, leaves an
// image on the disk, and none takes one that a committed record names.
func TestRefusedEnrollmentsLeaveNoFiles(t *testing.T) {
	ctx := context.Background()
	var free atomic.Uint64
	free.Store(1 << 40)
	h, w := open(t, plan{idle: true, store: func(o *store.Options) {
		o.FreeSpace = func() (uint64, error) { return free.Load(), nil }
	}}), crowd(t)
	image := func(subject, encounter string, n int) EnrollRequest {
		return EnrollRequest{Caller: clerk, Subject: subject, Encounter: Encounter{ID: encounter, KeepImages: true, Samples: []Sample{faceSample(w, 1, 0), pngSample(n)}}}
	}
	want := func(name string, n int) {
		t.Helper()
		// Files are removed before the next batch of the ledger.
		if _, err := h.engine.CreateGallery(ctx, clerk, "", Gallery{ID: name}); err != nil {
			t.Fatal(err)
		}
		if got, _ := h.files(t, "/data/blobs"); got != n {
			t.Errorf("%s: %d blob files, want %d", name, got, n)
		}
	}
	first := image("anna", "e-0", 1000)
	first.RequestID = "r-1"
	mustEnroll(t, h, first)
	want("enrolled", 1)
	for i := range 20 {
		if _, err := h.engine.Enroll(ctx, image("anna", "e-1", 2000+i)); !errors.Is(err, ErrExists) {
			t.Fatalf("taken subject: %v, want %v", err, ErrExists)
		}
		if _, err := h.engine.AddEncounter(ctx, image("anna", "e-0", 2000+i)); !errors.Is(err, ErrExists) {
			t.Fatalf("taken encounter: %v, want %v", err, ErrExists)
		}
		r := image("berta", "e-0", 2000+i)
		r.RequestID = "r-1"
		if _, err := h.engine.Enroll(ctx, r); !errors.Is(err, ErrConflict) {
			t.Fatalf("used request identifier: %v, want %v", err, ErrConflict)
		}
	}
	mustEnroll(t, h, first) // repeated, not refused
	want("exists", 1)
	free.Store(1)
	if _, err := h.engine.Enroll(ctx, image("full", "e", 3000)); !errors.Is(err, store.ErrDiskFull) {
		t.Fatalf("full disk: %v, want %v", err, store.ErrDiskFull)
	}
	free.Store(1 << 40)
	want("full", 1)
	// What looks free to all and is one caller's in the end.
	const callers = 16
	race := func(call func(i int) error) (accepted int) {
		var n atomic.Int64
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				switch err := call(i); {
				case err == nil:
					n.Add(1)
				case !errors.Is(err, ErrExists):
					t.Errorf("caller %d: %v, want %v", i, err, ErrExists)
				}
			})
		}
		wg.Wait()
		return int(n.Load())
	}
	for round := range 10 {
		subject := fmt.Sprintf("s-%d", round)
		n := race(func(i int) error {
			_, err := h.engine.Enroll(ctx, image(subject, "e", 4000+i))
			return err
		})
		// One image, so one name of the file for all, in two encounters.
		m := race(func(i int) error {
			_, err := h.engine.AddEncounter(ctx, image(subject, fmt.Sprintf("a-%d", i%2), 5000))
			return err
		})
		if n != 1 || m != 2 {
			t.Errorf("round %d: %d enrolled and %d encounters added, want 1 and 2", round, n, m)
		}
		want(fmt.Sprintf("race-%d", round), 1+2*(round+1))
		v, err := h.engine.GetSubject(ctx, clerk, EncounterRef{Subject: subject}, true)
		if err != nil || len(v.Encounters) != 3 {
			t.Errorf("round %d: %d encounters, %v, want 3 with their images", round, len(v.Encounters), err)
		}
	}
}

// TestRefusalsDoNotUseUpKeys: enrolments that a full disk or the ledger refuses do
// not grow the key table into the space that is kept for erasures.
func TestRefusalsDoNotUseUpKeys(t *testing.T) {
	ctx := context.Background()
	var free atomic.Uint64
	free.Store(1 << 40)
	h, w := open(t, plan{idle: true, store: func(o *store.Options) {
		o.FreeSpace = func() (uint64, error) { return free.Load(), nil }
	}}), crowd(t)
	mustEnroll(t, h, enrollFace(w, "anna", 1, 0))
	_, before := h.files(t, "/data/keys")
	req := enrollFace(w, "", 2, 0)
	free.Store(100 << 20)
	for range 5000 {
		req.Subject, req.Encounter.ID = "", ""
		if _, err := h.engine.Enroll(ctx, req); !errors.Is(err, store.ErrDiskFull) {
			t.Fatalf("full disk: %v, want %v", err, store.ErrDiskFull)
		}
	}
	// Full in between: at the look before the key, and not at the commit.
	var looks atomic.Uint64
	free.Store(1 << 40)
	h2 := open(t, plan{idle: true, store: func(o *store.Options) {
		o.FreeSpace = func() (uint64, error) {
			if looks.Add(1)%2 == 0 {
				return 100 << 20, nil
			}
			return 1 << 40, nil
		}
	}})
	looks.Store(0)
	_, before2 := h2.files(t, "/data/keys")
	for range 5000 {
		req.Subject, req.Encounter.ID = "", ""
		if _, err := h2.engine.Enroll(ctx, req); !errors.Is(err, store.ErrDiskFull) {
			t.Fatalf("disk that fills up: %v, want %v", err, store.ErrDiskFull)
		}
	}
	if _, after := h.files(t, "/data/keys"); after != before {
		t.Errorf("key table after refusals: %d bytes, want %d", after, before)
	}
	if _, after := h2.files(t, "/data/keys"); after != before2 {
		t.Errorf("key table after refusals at the commit: %d bytes, want %d", after, before2)
	}
}

// TestPixelsOfARequest: many large pictures are refused before all are decoded.
func TestPixelsOfARequest(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine and many pixels: in the long run only")
	}
	m := &imaging.Image{Width: 4096, Height: 4096, Pix: make([]byte, 4096*4096), PPI: 500}
	data, err := imaging.EncodePNG(m)
	if err != nil {
		t.Fatal(err)
	}
	s := pngSample(100)
	s.Data = data
	fits := maxPixels / len(m.Pix)
	for n, want := range map[int]templates.Reason{fits: "", fits + 1: templates.ReasonOversized, maxSamples: templates.ReasonOversized} {
		all := make([]Sample, n)
		for i := range all {
			all[i] = s
		}
		_, _, err := decodeSamples(t.Context(), "test", all, noon, &budget{})
		if got := templates.Reason(reasonOf(err)); got != want {
			t.Errorf("%d pictures of 16 Mi pixels: %v, want %q", n, err, want)
		}
	}
}
