package demo

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	immisv1 "immis/api/immis/v1"
	"immis/bench"
)

// ask is one question that server and twin answer, and their answers. A subject
// is "" where nobody was put forward with more than a non-match.
type ask struct {
	kind    Kind
	person  int
	samples []*immisv1.Sample
	claimed int // verifications

	server, twin               Answer
	serverSubject, twinSubject string
}

// both asks the server, one question at a time as one desk would, and meanwhile
// the twin on the other cores. Latencies are per kind of probe.
func (p *play) both(ctx context.Context, phase string, asks []ask, server, twin func(context.Context, *ask) error) (serverTime, twinTime [kinds]*bench.Latencies, err error) {
	for k := range kinds {
		serverTime[k], twinTime[k] = &bench.Latencies{}, &bench.Latencies{}
	}
	var done atomic.Int64
	run := func(ctx context.Context, workers int, times *[kinds]*bench.Latencies, answer func(context.Context, *ask) error) error {
		return bench.Each(ctx, workers, len(asks), func(ctx context.Context, i int) error {
			err := times[asks[i].kind].Time(func() error { return answer(ctx, &asks[i]) })
			p.Progress.Tell(phase, int(done.Add(1))/2, len(asks))
			return err
		})
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return run(ctx, 1, &serverTime, server) })
	group.Go(func() error { return run(ctx, max(1, runtime.GOMAXPROCS(0)-1), &twinTime, twin) })
	return serverTime, twinTime, group.Wait()
}

// all joins the latencies of the kinds.
func all(times [kinds]*bench.Latencies) bench.Summary {
	var l bench.Latencies
	for _, t := range times {
		l.Join(t)
	}
	return l.Summary()
}

// makeProbes makes the samples of all questions before any is timed.
func (p *play) makeProbes(ctx context.Context, asks []ask, visit int) error {
	var mu sync.Mutex
	return bench.Each(ctx, runtime.GOMAXPROCS(0), len(asks), func(_ context.Context, i int) error {
		samples, err := bench.Samples(p.world, asks[i].person, visit, asks[i].kind.face(), asks[i].kind.fingers()...)
		mu.Lock()
		asks[i].samples = samples
		mu.Unlock()
		return err
	})
}

// identify searches for returning people and strangers, exactly.
func (p *play) identify(ctx context.Context, res *Result) error {
	asks := make([]ask, len(p.plan.searches))
	for i, s := range p.plan.searches {
		asks[i] = ask{kind: s.kind, person: s.person}
	}
	if err := p.makeProbes(ctx, asks, visitReturn); err != nil {
		return err
	}
	serverTime, twinTime, err := p.both(ctx, PhaseIdentify, asks, p.askIdentify, func(_ context.Context, a *ask) (err error) {
		a.twin, err = p.twin.Identify(a.samples)
		a.twinSubject = putForward(a.twin.Outcome, subjectOf(a.twin.Best))
		return err
	})
	if err != nil {
		return err
	}
	res.countSearches(asks, p.People)
	for k := range kinds {
		res.Searches[k].Latency, res.Searches[k].TwinLatency = serverTime[k].Summary(), twinTime[k].Summary()
	}
	server, twin := all(serverTime), all(twinTime)
	res.IdentifyP50MS, res.IdentifyP99MS, res.TwinIdentifyP50MS, res.TwinIdentifyP99MS = server.P50MS, server.P99MS, twin.P50MS, twin.P99MS
	return nil
}

// askIdentify asks the server who somebody is.
func (p *play) askIdentify(ctx context.Context, a *ask) error {
	ctx, cancel := request(ctx)
	defer cancel()
	answer, err := p.recognition.Identify(ctx, &immisv1.IdentifyRequest{
		Context: purpose(""), Mode: immisv1.SearchMode_SEARCH_MODE_EXACT,
		Probe: &immisv1.IdentifyRequest_Samples{Samples: &immisv1.Probe{Samples: a.samples}},
	})
	if err != nil {
		return err
	}
	a.server = Answer{Outcome: answer.GetOutcome(), Best: -1}
	if c := answer.GetCandidates(); len(c) > 0 {
		a.server.Log10LR = c[0].GetLog10Lr()
		a.serverSubject = putForward(answer.GetOutcome(), c[0].GetSubjectId())
	}
	return nil
}

// putForward drops whoever comes first only because somebody must.
func putForward(o immisv1.Outcome, subject string) string {
	if o == immisv1.Outcome_OUTCOME_NON_MATCH {
		return ""
	}
	return subject
}

func subjectOf(row int) string {
	if row < 0 {
		return ""
	}
	return subjectID(row)
}

// countSearches counts what server and twin found; people is how many are enrolled.
func (r *Result) countSearches(asks []ask, people int) {
	r.Searches = make([]SearchResult, kinds)
	for k := range kinds {
		r.Searches[k].Kind = k.String()
	}
	const match, refer = immisv1.Outcome_OUTCOME_MATCH, immisv1.Outcome_OUTCOME_REFER
	for i := range asks {
		a, k := &asks[i], &r.Searches[asks[i].kind]
		r.compare("identify", a)
		own := ""
		if a.person < people {
			own = subjectID(a.person)
		}
		if a.server.Outcome == match && a.serverSubject != own {
			r.FalseMatches++
			k.FalseMatches++
		}
		if a.twin.Outcome == match && a.twinSubject != own {
			r.TwinFalseMatches++
			k.TwinFalseMatches++
		}
		if own == "" {
			count(&r.StrangerMatches, a.server.Outcome == match)
			count(&r.TwinStrangerMatches, a.twin.Outcome == match)
			count(&r.StrangerReferrals, a.server.Outcome == refer)
			count(&r.TwinStrangerReferrals, a.twin.Outcome == refer)
			continue
		}
		found, twinFound := a.server.Outcome == match && a.serverSubject == own, a.twin.Outcome == match && a.twinSubject == own
		count(&r.Identified, found)
		count(&r.Missed, !found)
		count(&r.TwinIdentified, twinFound)
		count(&r.TwinMissed, !twinFound)
		count(&k.Identified, found)
		count(&k.Missed, !found)
		count(&k.TwinIdentified, twinFound)
		count(&k.TwinMissed, !twinFound)
		count(&k.Referred, a.server.Outcome == refer && a.serverSubject == own)
		count(&k.TwinReferred, a.twin.Outcome == refer && a.twinSubject == own)
	}
}

func count(n *int, when bool) {
	if when {
		*n++
	}
}

// compare notes an answer in which server and twin differ: in the outcome, or in
// who is put forward. Among people with exactly the same evidence the twin takes
// whom the server takes.
func (r *Result) compare(what string, a *ask) {
	for _, row := range a.twin.Tied {
		if a.twinSubject != "" && a.serverSubject == subjectID(row) {
			a.twinSubject, a.twin.Best = a.serverSubject, row
			r.Ties++
			break
		}
	}
	if a.server.Outcome == a.twin.Outcome && a.serverSubject == a.twinSubject {
		return
	}
	r.Differences = append(r.Differences, Difference{
		What: what, Kind: a.kind.String(), Person: a.person,
		Outcome: outcomeName(a.server.Outcome), TwinOutcome: outcomeName(a.twin.Outcome),
		Subject: a.serverSubject, TwinSubject: a.twinSubject,
		Log10LR: a.server.Log10LR, TwinLog10LR: a.twin.Log10LR,
	})
}

func outcomeName(o immisv1.Outcome) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(o.String(), "OUTCOME_")), "_", "-")
}
