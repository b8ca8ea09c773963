package bench_test

import (
	"context"
	"testing"
	"time"

	"immis/bench/load"
)

// TestLoad runs a short load against a real server: every part has been measured,
// and all mated verifications are matches.
func TestLoad(t *testing.T) {
	r, err := load.Run(t.Context(), load.Config{People: 60, Callers: 8, Duration: 300 * time.Millisecond, Folder: t.TempDir()}, startServer(t))
	if err != nil {
		t.Fatal(err)
	}
	if r.Enrolled != 60 || r.Enroll.Count != 60 || r.EnrollPerSecond <= 0 || r.EnrollPerSync <= 0 {
		t.Errorf("enrolled %d with %d latencies, %v/s, %v for each sync; want all 60", r.Enrolled, r.Enroll.Count, r.EnrollPerSecond, r.EnrollPerSync)
	}
	if r.VerifyCapacity <= 0 || r.VerifyRate != r.VerifyCapacity/2 || r.Verify.Count == 0 || r.Verify.P99MS < r.Verify.P50MS {
		t.Errorf("verify %v/s, asked for %v/s, latencies %+v; want half of the capacity, measured", r.VerifyCapacity, r.VerifyRate, r.Verify)
	}
	if r.Unlike != 0 {
		t.Errorf("%d mated verifications are no match, want 0 at the default difficulty", r.Unlike)
	}
	if r.IdentifyFace.Count < 10 || r.IdentifyFast.Count < 10 {
		t.Errorf("%d and %d searches, want at least 10 each", r.IdentifyFace.Count, r.IdentifyFast.Count)
	}
	if r.Machine.SyncsPerSecond <= 0 || r.Machine.Cores < 1 || r.Machine.CPU == "" {
		t.Errorf("machine %+v, want it described", r.Machine)
	}
}

// TestLoadIsCancelled: each part ends soon after the context.
func TestLoadIsCancelled(t *testing.T) {
	conn := startServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cfg := load.Config{People: 40, Callers: 4, Duration: time.Minute, Progress: func(phase string, _, _ int) {
		if phase == load.PhaseCapacity {
			cancel()
		}
	}}
	begun := time.Now()
	if _, err := load.Run(ctx, cfg, conn); err == nil {
		t.Error("no error after a cancellation")
	}
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("ended %v after the start, want soon after the cancellation", took)
	}
}

func TestLoadConfig(t *testing.T) {
	for _, c := range []load.Config{{Callers: 2000}, {Callers: -1}, {People: 3}, {People: 2_000_000}, {Duration: time.Millisecond}, {Fingers: 11}, {Fingers: -2}} {
		if _, err := load.Run(t.Context(), c, nil); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}
