package restart

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func config(t *testing.T, rows int) Config {
	folder := t.TempDir()
	return Config{Data: filepath.Join(folder, "data"), Keys: filepath.Join(folder, "keys"), Rows: rows, Dim: 128, Callers: 16}
}

// TestFillAndMeasure: what was filled is there after the start, the phases add up,
// and the first search finds whom it has to.
func TestFillAndMeasure(t *testing.T) {
	cfg := config(t, 300)
	filled, err := Fill(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if filled.Before != 0 || filled.Rows != 300 || filled.PerSecond <= 0 {
		t.Errorf("filled %+v, want 300 rows from none", filled)
	}
	r, err := Measure(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if r.Rows != 300 || r.Dim != 128 || r.Entries < 300 || r.DiskBytes == 0 || r.VectorBytes != 300*128*4 || r.HeapLiveBytes == 0 || r.FirstSearchMS <= 0 {
		t.Errorf("measured %+v", r)
	}
	sum := 0.0
	for _, p := range r.Phases {
		sum += p.Seconds
	}
	if len(r.Phases) < 2 || math.Abs(sum-r.ReadySeconds) > 0.005 {
		t.Errorf("phases %v add up to %v, want %v", r.Phases, sum, r.ReadySeconds)
	}
	if r.Machine.SyncsPerSecond <= 0 {
		t.Errorf("machine %+v, want its syncs measured", r.Machine)
	}
}

// TestFillGoesOn: an interrupted filling goes on where it was, also when one of
// the first is missing, and a full one does nothing.
func TestFillGoesOn(t *testing.T) {
	cfg := config(t, 400)
	cfg.Callers = 4
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cfg.Progress = func(phase string, done, _ int) {
		if phase == PhaseFill && done == 150 {
			cancel()
		}
	}
	if _, err := Fill(ctx, cfg); err == nil {
		t.Fatal("no error from an interrupted filling")
	}
	cfg.Progress = nil
	// Row 3 is withdrawn, as if its caller had been the slowest.
	o, err := open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.load(t.Context(), cfg, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := o.engine.DeleteSubject(t.Context(), caller(), "", "row-00000003"); err != nil {
		t.Fatal(err)
	}
	if err := o.close(); err != nil {
		t.Fatal(err)
	}
	filled, err := Fill(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if filled.Before < 149-4 || filled.Before > 200 || filled.Rows != 400 {
		t.Errorf("filled %+v, want 400 rows from those of the interrupted run", filled)
	}
	if filled, err = Fill(t.Context(), cfg); err != nil || filled.Before != 400 || filled.Rows != 400 {
		t.Errorf("filled again %+v (%v), want nothing to do", filled, err)
	}
	if _, err := Measure(t.Context(), cfg); err != nil {
		t.Error(err)
	}
	cfg.Rows = 100
	if _, err := Fill(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "holds 400 people") {
		t.Errorf("error %v, want one that names what the folder holds", err)
	}
	if _, err := Measure(t.Context(), cfg); err == nil {
		t.Error("a folder with other rows is measured")
	}
}

// TestPhases: the boundary of the phases is found from the rate of the rows.
func TestPhases(t *testing.T) {
	begun := time.Unix(0, 0)
	at := func(s float64) time.Time { return begun.Add(time.Duration(s * float64(time.Second))) }
	// Opened at 1, state verified at 2, then 100 rows a second; told of first at row 100.
	p := phases(begun, at(1), at(3), at(12), 100, 1000)
	want := []Phase{{PhaseOpen, 1}, {PhaseVerify, 1}, {PhaseRows, 10}}
	for i := range want {
		if len(p) != 3 || p[i].Name != want[i].Name || math.Abs(p[i].Seconds-want[i].Seconds) > 0.002 {
			t.Fatalf("phases %v, want %v", p, want)
		}
	}
	if p = phases(begun, at(1), at(3), at(3), 10, 10); len(p) != 2 || p[1].Seconds != 2 {
		t.Errorf("phases of few rows %v, want two", p)
	}
}

func TestConfigRefuses(t *testing.T) {
	for _, c := range []Config{{}, {Data: "d"}, {Data: "d", Keys: "k", Rows: -1}, {Data: "d", Keys: "k", Dim: 64}, {Data: "d", Keys: "k", Callers: 2000}} {
		if _, err := Fill(t.Context(), c); err == nil {
			t.Errorf("%+v is filled", c)
		}
		if _, err := Measure(t.Context(), c); err == nil {
			t.Errorf("%+v is measured", c)
		}
	}
}
