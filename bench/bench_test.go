package bench_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"sync"
	"testing"
	"time"

	"immis/bench"
	"immis/bench/synth"
	"immis/templates"
	"immis/templates/iso19794"
)

func TestPercentiles(t *testing.T) {
	var l bench.Latencies
	if l.Percentile(0.5) != 0 {
		t.Error("percentile of nothing, want 0")
	}
	// 1..100 ms in another order: the nearest rank of p is p*100 ms.
	for i := range 100 {
		l.Add(time.Duration((i*37)%100+1) * time.Millisecond)
	}
	for p, want := range map[float64]float64{0.001: 1, 0.5: 50, 0.505: 51, 0.99: 99, 0.991: 100, 1: 100} {
		if got := bench.Milliseconds(l.Percentile(p)); got != want {
			t.Errorf("percentile %v is %v ms, want %v", p, got, want)
		}
	}
	var other bench.Latencies
	other.Add(time.Second)
	l.Join(&other)
	if got := (bench.Summary{Count: 101, P50MS: 51, P99MS: 100}); l.Summary() != got || l.Percentile(1) != time.Second {
		t.Errorf("after joining %+v, want %+v and 1 s at the top", l.Summary(), got)
	}
	if err := l.Time(func() error { return errors.New("no") }); err == nil || l.Len() != 101 {
		t.Error("a failure was recorded")
	}
}

func TestEach(t *testing.T) {
	var mu sync.Mutex
	seen := map[int]int{}
	if err := bench.Each(t.Context(), 7, 100, func(_ context.Context, i int) error {
		mu.Lock()
		seen[i]++
		mu.Unlock()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if seen[i] != 1 {
			t.Fatalf("index %d was called %d times, want once", i, seen[i])
		}
	}
	stop := errors.New("stop")
	calls := 0
	err := bench.Each(t.Context(), 1, 100, func(_ context.Context, i int) error {
		if calls++; i == 4 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || calls != 5 {
		t.Errorf("error %v after %d calls, want stop after 5", err, calls)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := bench.Each(ctx, 3, 10, func(context.Context, int) error { t.Error("called"); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

func TestDescribeMachine(t *testing.T) {
	dir := t.TempDir()
	m, err := bench.DescribeMachine(t.Context(), dir, 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if m.SyncsPerSecond <= 0 || m.SyncP99MS <= 0 || m.Cores < 1 || m.CPU == "" || m.OS == "" || m.Go == "" {
		t.Errorf("machine %+v", m)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%d files are left (%v), want none", len(left), err)
	}
	if m, err = bench.DescribeMachine(t.Context(), "", 0); err != nil || m.SyncsPerSecond != 0 {
		t.Errorf("without a folder: %v, %v syncs/s; want none measured", err, m.SyncsPerSecond)
	}
	if _, err = bench.DescribeMachine(t.Context(), dir+"/missing", time.Millisecond); err == nil {
		t.Error("no error for a folder that does not exist")
	}
	if mem := bench.ReadMemory(); mem.HeapBytes == 0 {
		t.Errorf("memory %+v, want a heap", mem)
	}
}

// TestSamples: what stations send decodes to what the world made.
func TestSamples(t *testing.T) {
	w, err := synth.New(synth.Config{Seed: 5, People: 10})
	if err != nil {
		t.Fatal(err)
	}
	samples, err := bench.Samples(w, 3, 1, true, bench.AllFingers()...)
	if err != nil || len(samples) != 11 {
		t.Fatalf("%d samples (%v), want a face and ten fingers", len(samples), err)
	}
	f, err := templates.DecodeFace(samples[0].GetModel(), templates.FormatFaceFloat32.Encoding(), samples[0].GetData(), 512)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range w.Face(3, 1) {
		if math.Abs(float64(x-f.Vector[i])) > 1e-6 {
			t.Fatalf("value %d of the face is %v, want %v", i, f.Vector[i], x)
		}
	}
	for i, s := range samples[1:] {
		position := templates.RightThumb + templates.Position(i)
		record, err := iso19794.Decode(s.GetData())
		if err != nil {
			t.Fatal(err)
		}
		want := w.Finger(3, position, 1)
		if record.Views[0].Position != position || uint8(s.GetPosition()) != uint8(position) || len(record.Views[0].Minutiae) != len(want.Minutiae) {
			t.Errorf("finger %d: position %d in the record, %v in the sample, %d minutiae; want %d minutiae",
				position, record.Views[0].Position, s.GetPosition(), len(record.Views[0].Minutiae), len(want.Minutiae))
		}
	}
	again, err := bench.Samples(w, 3, 2, true)
	if err != nil || bytes.Equal(again[0].GetData(), samples[0].GetData()) {
		t.Errorf("another visit has the same face (%v)", err)
	}
	declared, documents := bench.Declared(w.Person(3).Identity)
	if len(declared.GetNames()) != 2 || declared.GetNames()[0].GetSurname() == declared.GetNames()[1].GetSurname() || len(documents) != 1 {
		t.Errorf("declared %v with %d documents, want a Cyrillic and a Latin name", declared, len(documents))
	}
}
