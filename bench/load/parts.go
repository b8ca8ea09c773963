package load

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	immisv1 "immis/api/immis/v1"
	"immis/bench"
)

// prepare makes all requests.
func (r *run) prepare(ctx context.Context, _ *Result) error {
	r.enrollments = make([]*immisv1.EnrollRequest, r.People)
	r.probes = make([]*immisv1.Probe, min(maxProbes, r.People))
	var done atomic.Int64
	return bench.Each(ctx, runtime.GOMAXPROCS(0), r.People, func(_ context.Context, i int) error {
		samples, err := bench.Samples(r.world, i, 0, true, r.positions()...)
		if err != nil {
			return err
		}
		r.enrollments[i] = &immisv1.EnrollRequest{Context: purpose(), SubjectId: subjectID(i), Encounter: &immisv1.Encounter{Station: "load", Samples: samples}}
		if i < len(r.probes) {
			if samples, err = bench.Samples(r.world, i, 1, true, r.probePositions()...); err != nil {
				return err
			}
			r.probes[i] = &immisv1.Probe{Samples: samples}
		}
		r.Progress.Tell(PhasePrepare, int(done.Add(1)), r.People)
		return nil
	})
}

// enroll enrolls people by all callers until the time is over or all are in.
func (r *run) enroll(ctx context.Context, res *Result) error {
	var l bench.Latencies
	var done atomic.Int64
	begun := time.Now()
	err := bench.Each(ctx, r.Callers, r.People, func(ctx context.Context, i int) error {
		// Those who are verified later are enrolled whatever the time.
		if i >= len(r.probes) && time.Since(begun) >= r.Duration {
			return errDone
		}
		err := l.Time(func() error {
			_, err := r.enrollment.Enroll(context.WithoutCancel(ctx), r.enrollments[i])
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", subjectID(i), err)
		}
		r.Progress.Tell(PhaseEnroll, int(done.Add(1)), r.People)
		return nil
	})
	if err != nil && !errors.Is(err, errDone) && ctx.Err() == nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	took := time.Since(begun)
	r.enrollments = nil
	res.Enrolled, res.Enroll, res.EnrollSeconds = l.Len(), l.Summary(), bench.Seconds(took)
	res.EnrollPerSecond = float64(l.Len()) / took.Seconds()
	return nil
}

// verify finds out how many verifications a second the server does, and then
// measures latencies at half of that rate.
func (r *run) verify(ctx context.Context, res *Result) error {
	var unlike atomic.Int64
	ask := func(ctx context.Context, i int) error {
		i %= len(r.probes)
		answer, err := r.recognition.Verify(ctx, &immisv1.VerifyRequest{
			Context: purpose(), Probe: r.probes[i], Claim: &immisv1.VerifyRequest_SubjectId{SubjectId: subjectID(i)},
		})
		if err == nil && answer.GetOutcome() != immisv1.Outcome_OUTCOME_MATCH {
			unlike.Add(1)
		}
		return err
	}
	var closed bench.Latencies
	begun := time.Now()
	err := bench.Each(ctx, r.Callers, math.MaxInt, func(ctx context.Context, i int) error {
		if time.Since(begun) >= r.Duration {
			return errDone
		}
		r.Progress.Tell(PhaseCapacity, int(time.Since(begun).Seconds()), int(r.Duration.Seconds()))
		return closed.Time(func() error { return ask(context.WithoutCancel(ctx), i) })
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !errors.Is(err, errDone) {
		return err
	}
	res.VerifyCapacity = float64(closed.Len()) / time.Since(begun).Seconds()
	res.VerifyRate = res.VerifyCapacity / 2
	open, err := r.paced(ctx, res.VerifyRate, ask)
	if err != nil {
		return err
	}
	res.Verify, res.Unlike = open.Summary(), int(unlike.Load())
	return nil
}

// maxUnderWay bounds the requests of an open loop under way. It is far above what
// half the capacity needs; when it is reached, waiting counts as latency.
const maxUnderWay = 512

// paced asks at a fixed rate for Duration, whether or not earlier requests were
// answered. Latencies count from when a request was due.
func (r *run) paced(ctx context.Context, rate float64, ask func(context.Context, int) error) (*bench.Latencies, error) {
	l := &bench.Latencies{}
	group, grouped := errgroup.WithContext(ctx)
	group.SetLimit(maxUnderWay)
	n := max(1, int(rate*r.Duration.Seconds()))
	begun := time.Now()
	for i := range n {
		due := begun.Add(time.Duration(float64(i) / rate * float64(time.Second)))
		if wait := time.Until(due); wait > 0 {
			select {
			case <-time.After(wait):
			case <-grouped.Done():
			}
		}
		if grouped.Err() != nil {
			break
		}
		group.Go(func() error {
			err := ask(grouped, i)
			if err == nil {
				l.Add(time.Since(due))
			}
			return err
		})
		r.Progress.Tell(PhaseVerify, i+1, n)
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return l, ctx.Err()
}

// maxSearches bounds the searches of each kind.
const maxSearches = 500

// identify searches one after the other, each kind for half of the Duration.
func (r *run) identify(ctx context.Context, res *Result) error {
	for _, kind := range []struct {
		mode    immisv1.SearchMode
		fingers bool
		into    *bench.Summary
	}{
		{immisv1.SearchMode_SEARCH_MODE_EXACT, false, &res.IdentifyFace},
		{immisv1.SearchMode_SEARCH_MODE_FAST, true, &res.IdentifyFast},
	} {
		var l bench.Latencies
		begun := time.Now()
		for i := 0; i < maxSearches && (i < 10 || time.Since(begun) < r.Duration/2); i++ {
			samples := r.probes[i%len(r.probes)].GetSamples()
			if !kind.fingers {
				samples = samples[:1]
			}
			err := l.Time(func() error {
				_, err := r.recognition.Identify(ctx, &immisv1.IdentifyRequest{
					Context: purpose(), Mode: kind.mode, Probe: &immisv1.IdentifyRequest_Samples{Samples: &immisv1.Probe{Samples: samples}},
				})
				return err
			})
			if err != nil {
				return err
			}
			r.Progress.Tell(PhaseIdentify, i+1, maxSearches)
		}
		*kind.into = l.Summary()
	}
	return nil
}
