package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"encoding/binary"

	"github.com/cockroachdb/pebble/v2/vfs"

	"immis/bench/synth"
	"immis/store"
	"immis/store/seal"
	"immis/templates"
	"immis/templates/imaging"
	"immis/templates/iso19794"
)

// house is an engine on a real ledger in memory.
type house struct {
	fs     vfs.FS
	store  *store.Store
	engine *Engine
	// opened is how many entries the ledger had when it was opened.
	opened uint64
	cancel context.CancelFunc
	done   chan error
	closed bool
}

// plan says how a house is built; zero values mean defaults.
type plan struct {
	fs     vfs.FS
	store  func(*store.Options)
	engine func(*Options)
	// idle leaves the duplicate checks standing.
	idle bool
}

// noon is the time of tests that need one; the ledger moves on by itself.
var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func build(ctx context.Context, p plan) (*house, error) {
	if p.fs == nil {
		p.fs = vfs.NewMem()
	}
	so := store.Options{FS: p.fs, Dir: "/data", Keys: seal.KeyDir(p.fs, "/keys"), Logger: slog.New(slog.DiscardHandler), CacheBytes: 1 << 20}
	if p.store != nil {
		p.store(&so)
	}
	st, err := store.Open(ctx, so)
	if err != nil {
		return nil, err
	}
	eo := Options{Store: st, Logger: slog.New(slog.DiscardHandler), Files: Files{FS: p.fs, Dir: "/data/index"}}
	if p.engine != nil {
		p.engine(&eo)
	}
	e, err := New(eo)
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	run, cancel := context.WithCancel(context.Background())
	h := &house{fs: p.fs, store: st, engine: e, opened: st.Head().Size, cancel: cancel, done: make(chan error, 2)}
	go func() { h.done <- st.Run(run) }()
	if err := e.Load(ctx, nil); err != nil {
		cancel()
		return nil, errors.Join(err, <-h.done, st.Close())
	}
	if p.idle {
		h.done <- nil
	} else {
		go func() { h.done <- e.Run(run) }()
	}
	return h, nil
}

func open(t testing.TB, p plan) *house {
	t.Helper()
	h, err := build(context.Background(), p)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := h.close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return h
}

func (h *house) close() error {
	if h.closed {
		return nil
	}
	h.closed = true
	h.cancel()
	err := errors.Join(<-h.done, <-h.done)
	h.engine.Close()
	err = errors.Join(err, h.store.Close())
	if n := h.engine.register.memory.Used(); n != 0 {
		err = errors.Join(err, fmt.Errorf("%d bytes of the indexes are still mapped", n))
	}
	return err
}

// size is the number of ledger entries.
func (h *house) size() uint64 { return h.store.Head().Size }

// clerk is the caller of most tests.
var clerk = Caller{Principal: "clerk", Purpose: PurposeTest}

// crowd is synthetic people whose samples are always told apart.
func crowd(t testing.TB) *synth.World {
	t.Helper()
	w, err := synth.New(synth.Config{Seed: 7, People: 100_000, FaceDims: 128, FaceDifficulty: 0.05, FingerDifficulty: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func floats(v []float32) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// faceSample is sample n of a person's face.
func faceSample(w *synth.World, person, n int) Sample {
	return vectorSample(w.FaceModel(), w.Face(person, n))
}

func vectorSample(model string, v []float32) Sample {
	return Sample{Modality: templates.ModalityFace, Format: templates.FormatFaceFloat32, Data: floats(v), Model: model,
		Quality: templates.QualityUnknown, PresentationAttack: PresentationAttack{Score: templates.QualityUnknown}}
}

// fingerSample is impression n of one finger of a person.
func fingerSample(t testing.TB, w *synth.World, person, n int, position templates.Position) Sample {
	t.Helper()
	f := w.Finger(person, position, n)
	r, err := iso19794.FromFingers([]templates.Finger{f}, iso19794.Capture{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := r.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return Sample{Modality: templates.ModalityFinger, Position: position, Format: templates.FormatISO19794_2_2005, Data: data,
		Quality: templates.QualityUnknown, PresentationAttack: PresentationAttack{Score: templates.QualityUnknown}}
}

// pngSample is a picture of noise, of n bytes or a little more.
func pngSample(n int) Sample {
	m := &imaging.Image{Width: 256, Height: n/256 + 1, PPI: 500}
	noise := rand.New(rand.NewPCG(uint64(n), 1))
	for range m.Width * m.Height {
		m.Pix = append(m.Pix, byte(noise.Uint32()))
	}
	data, err := imaging.EncodePNG(m)
	if err != nil {
		panic(err) // a picture of our own making
	}
	return Sample{Modality: templates.ModalityFace, Format: templates.FormatPNG, Data: data,
		Quality: templates.QualityUnknown, PresentationAttack: PresentationAttack{Score: templates.QualityUnknown}}
}

// enrollment of a person's face under a subject identifier.
func enrollFace(w *synth.World, subject string, person, n int, galleries ...string) EnrollRequest {
	return EnrollRequest{Caller: clerk, Subject: subject, Encounter: Encounter{ID: fmt.Sprintf("e-%d", n), Galleries: galleries, Samples: []Sample{faceSample(w, person, n)}}}
}

func mustEnroll(t testing.TB, h *house, req EnrollRequest) EnrollResult {
	t.Helper()
	r, err := h.engine.Enroll(context.Background(), req)
	if err != nil {
		t.Fatalf("enroll %s: %v", req.Subject, err)
	}
	return r
}

// identifyFace searches with one sample of a person's face.
func identifyFace(h *house, c Caller, w *synth.World, person, n int, galleries ...string) (IdentifyResult, error) {
	return h.engine.Identify(context.Background(), IdentifyRequest{Caller: c, Galleries: galleries,
		Probe: ProbeSource{Samples: []Sample{faceSample(w, person, n)}}})
}

// names are the subjects of candidates, best first.
func names(list []Candidate) []string {
	out := []string{}
	for _, c := range list {
		out = append(out, c.Subject)
	}
	return out
}

// reasonOf is the stable code of an error, "" when it has none.
func reasonOf(err error) string {
	var bad *templates.InputError
	if errors.As(err, &bad) {
		return string(bad.Reason)
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}
