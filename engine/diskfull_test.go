package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"immis/store"
)

// TestDiskFull: below the watermark searches and erasures go on, other writes get
// the typed error, leave nothing, and work again once there is space.
func TestDiskFull(t *testing.T) {
	ctx := context.Background()
	var free atomic.Uint64
	const watermark, low = 100 << 20, 20 << 20
	free.Store(1 << 30)
	h := open(t, plan{store: func(o *store.Options) {
		o.FreeSpace = func() (uint64, error) { return free.Load(), nil }
		o.Watermark, o.LowWatermark, o.Reserve = watermark, low, -1
	}})
	w := crowd(t)
	for i := range 4 {
		mustEnroll(t, h, enrollFace(w, fmt.Sprintf("p-%d", i), i, 0))
	}
	if _, err := h.engine.CreateGallery(ctx, clerk, "", Gallery{ID: "g"}); err != nil {
		t.Fatal(err)
	}
	writes := map[string]func() error{
		"enroll": func() error { _, err := h.engine.Enroll(ctx, enrollFace(w, "new", 9, 0)); return err },
		"enroll with an image": func() error {
			r := enrollFace(w, "new", 9, 0)
			r.Encounter.KeepImages = true
			r.Encounter.Samples = append(r.Encounter.Samples, pngSample(1000))
			_, err := h.engine.Enroll(ctx, r)
			return err
		},
		"add encounter":  func() error { _, err := h.engine.AddEncounter(ctx, enrollFace(w, "p-0", 0, 1)); return err },
		"gallery":        func() error { _, err := h.engine.CreateGallery(ctx, clerk, "", Gallery{ID: "g2"}); return err },
		"put in gallery": func() error { _, err := h.engine.PutInGallery(ctx, clerk, "", "g", "p-0"); return err },
	}
	free.Store(watermark - 1)
	for name, write := range writes {
		before := h.image(t)
		if err := write(); !errors.Is(err, store.ErrDiskFull) {
			t.Errorf("%s on a full disk: %v, want %v", name, err, store.ErrDiskFull)
		}
		if after := h.image(t); after != before {
			t.Errorf("%s on a full disk left behind: %+v, was %+v", name, after, before)
		}
	}
	reads := func() {
		t.Helper()
		if r, err := identifyFace(h, clerk, w, 3, 1); err != nil || names(r.Candidates)[0] != "p-3" {
			t.Errorf("search on a full disk: %v, %v", names(r.Candidates), err)
		}
		if r, err := h.engine.Verify(ctx, VerifyRequest{Caller: clerk, Probe: []Sample{faceSample(w, 3, 1)}, Claim: ProbeSource{Subject: "p-3"}}); err != nil || r.Outcome != OutcomeMatch {
			t.Errorf("comparison on a full disk: %+v, %v", r, err)
		}
		if _, err := h.engine.GetSubject(ctx, clerk, EncounterRef{Subject: "p-3"}, true); err != nil {
			t.Errorf("get on a full disk: %v", err)
		}
	}
	reads()
	if _, err := h.engine.EraseSubject(ctx, clerk, "", "p-1"); err != nil {
		t.Errorf("erase on a full disk: %v", err)
	}
	// Fuller still: erasures are the last to go.
	free.Store(low - 1)
	if _, err := h.engine.EraseSubject(ctx, clerk, "", "p-2"); err != nil {
		t.Errorf("erase on a disk below the low watermark: %v", err)
	}
	free.Store(1 << 30)
	reads()
	for _, name := range []string{"enroll", "add encounter", "gallery", "put in gallery"} {
		if err := writes[name](); err != nil {
			t.Errorf("%s once there is space: %v", name, err)
		}
	}
	if r, err := identifyFace(h, clerk, w, 9, 1); err != nil || names(r.Candidates)[0] != "new" || slices.Contains(names(r.Candidates), "p-1") || slices.Contains(names(r.Candidates), "p-2") {
		t.Errorf("search once there is space: %v, %v", names(r.Candidates), err)
	}
}

// TestFailedWriteIsTold must catch swallow-error: after a write that fails, no
// change is acknowledged, and searches say what they said before.
func TestFailedWriteIsTold(t *testing.T) {
	if err := failedWriteIsTold(t); err != nil {
		t.Fatal(err)
	}
}

// errBroken is what the disk says.
var errBroken = errors.New("disk is broken")

func failedWriteIsTold(t *testing.T) error {
	ctx := context.Background()
	mem := vfs.NewCrashableMem()
	var broken atomic.Bool
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return errBroken
		}
		return nil
	}))
	h, err := build(ctx, plan{fs: fs})
	if err != nil {
		return err
	}
	// Closing tells the failed write once more.
	defer func() { _ = h.close() }()
	w := crowd(t)
	mustEnroll(t, h, enrollFace(w, "anna", 1, 0))
	broken.Store(true)
	for i := range 3 {
		id := fmt.Sprintf("late-%d", i)
		if r, err := h.engine.Enroll(ctx, enrollFace(w, id, 10+i, 0)); err == nil {
			return fmt.Errorf("enrolment of %s acknowledged as entry %d by a broken disk", id, r.Entry)
		}
		if h.engine.register.subject(h.engine.subjectID(id)) != nil {
			return fmt.Errorf("%s is searchable and was refused", id)
		}
	}
	if _, err := h.engine.Enroll(ctx, enrollFace(w, "later", 20, 0)); !errors.Is(err, store.ErrStopped) {
		return fmt.Errorf("enrolment after a failed write: %w, want %w", err, store.ErrStopped)
	}
	broken.Store(false)
	_ = h.close()
	h2 := open(t, plan{fs: mem.CrashClone(vfs.CrashCloneCfg{})})
	if r, err := identifyFace(h2, clerk, w, 1, 1); err != nil || !slices.Equal(names(r.Candidates), []string{"anna"}) {
		return fmt.Errorf("after a restart: %v, %v; want anna alone", names(r.Candidates), err)
	}
	return nil
}
