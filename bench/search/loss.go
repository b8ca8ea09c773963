package search

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"

	"immis/bench"
	"immis/index"
)

// Loss is what the fast search missed of what the exact one found.
type Loss struct {
	Workload string `json:"workload"`
	// Skipped says why nothing was measured, "" if it was.
	Skipped string `json:"skipped,omitempty"`
	Rows    int    `json:"rows"`
	// Mated probes have somebody in the index. Seen are those whose mate the exact search
	// ranks first, Lost those of Seen whose mate the fast search does not rank first.
	Mated int `json:"mated"`
	Seen  int `json:"seen"`
	Lost  int `json:"lost"`
	// Bound is the share lost that is exceeded with a probability of 5 % at most, given
	// what was seen: 3/Seen where nothing was lost (rule of three).
	Bound float64 `json:"bound"`
	// Bands are the cosines of those seen to their mates.
	Bands []Band `json:"bands"`
	// Unmated probes have nobody; Alike are those whose first person is the same in both
	// searches.
	Unmated int `json:"unmated"`
	Alike   int `json:"unmated_alike"`
	// Mode of the fast answers: exact below the dimensions that have a form of bits.
	Mode string `json:"fast_mode"`
	// Unsure counts those seen whose mate scores below Answer.Sure: whom the fast search
	// does not promise. LostSure counts those lost at or above it.
	Unsure   int `json:"unsure"`
	LostSure int `json:"lost_sure"`
}

// Band is a range of cosines to the mate.
type Band struct {
	From float64 `json:"from"`
	To   float64 `json:"to"`
	Seen int     `json:"seen"`
	Lost int     `json:"lost"`
}

// bandsPerUnit is how many bands there are between cosines 0 and 1.
const bandsPerUnit = 20

// outcome is what the two searches for one probe gave.
type outcome struct {
	mated, seen, lost, alike bool
	cosine, sure             float32
	mode                     index.Mode
}

// compare searches for every probe of a source exactly and fast. mates are the keys
// that the exact search ranks first, where they are mates and no row had to be left out;
// else -1.
func (r *run) compare(ctx context.Context, x *index.Index, w Workload, src source) (_ Loss, mates []int64, _ error) {
	out := make([]outcome, src.probes())
	firsts := make([]index.Candidate, len(out))
	var done atomic.Int64
	// One mode after the other, so that passes are full.
	for _, mode := range []index.Mode{index.Exact, index.Fast} {
		err := bench.Each(ctx, fullCallers, len(out), func(ctx context.Context, i int) error {
			p := src.probe(i)
			prepared, err := index.NewProbe(p.vector)
			if err != nil {
				return fmt.Errorf("probe %d: %w", i, err)
			}
			q := index.Query{Probe: prepared, K: 1, Mode: mode, Filter: index.Filter{Without: p.own, HasWithout: p.hasOwn}}
			answer, err := x.Search(ctx, q)
			if err != nil {
				return fmt.Errorf("probe %d: %w", i, err)
			}
			if len(answer.Candidates) == 0 {
				return fmt.Errorf("probe %d: the %s search of %d rows found nobody", i, mode, answer.Rows)
			}
			o, first := &out[i], answer.Candidates[0]
			if mode == index.Exact {
				firsts[i] = first
				o.mated, o.cosine = p.mated, first.Score
				o.seen = p.mated && p.isMate(first.Key)
			} else {
				o.mode, o.sure = answer.Mode, answer.Sure
				o.alike = first.Person == firsts[i].Person
				o.lost = o.seen && !p.isMate(first.Key)
			}
			r.Progress.Tell(PhaseCompare, int(done.Add(1)), 2*len(out))
			return nil
		})
		if err != nil {
			return Loss{}, nil, err
		}
	}
	for i, o := range out {
		mates = append(mates, -1)
		if o.seen && w.Kind != LFW {
			mates[i] = int64(firsts[i].Key)
		}
	}
	return countLoss(w, x.Rows(), out), mates, nil
}

func countLoss(w Workload, rows int, outcomes []outcome) Loss {
	l := Loss{Workload: w.String(), Rows: rows, Mode: index.Fast.String()}
	bands := make([]Band, 2*bandsPerUnit+1) // from -1 on
	for _, o := range outcomes {
		l.Mode = o.mode.String()
		if !o.mated {
			l.Unmated++
			if o.alike {
				l.Alike++
			}
			continue
		}
		l.Mated++
		if !o.seen {
			continue
		}
		l.Seen++
		unsure := o.cosine < o.sure
		if unsure {
			l.Unsure++
		}
		b := &bands[min(max(int(math.Floor(float64(o.cosine)*bandsPerUnit))+bandsPerUnit, 0), len(bands)-1)]
		b.Seen++
		if o.lost {
			b.Lost++
			l.Lost++
			if !unsure {
				l.LostSure++
			}
		}
	}
	for i, b := range bands {
		if b.Seen > 0 {
			b.From, b.To = float64(i-bandsPerUnit)/bandsPerUnit, float64(i+1-bandsPerUnit)/bandsPerUnit
			l.Bands = append(l.Bands, b)
		}
	}
	l.Bound = upperBound(l.Lost, l.Seen)
	return l
}

// upperBound is the share p such that so few losses of n, or fewer, come with a
// probability of 5 %, as a Poisson law has it: 2.996/n for none, which is the rule of
// three; 1 without anything seen.
func upperBound(lost, n int) float64 {
	if n == 0 {
		return 1
	}
	low, high := 0.0, float64(lost)+10*math.Sqrt(float64(lost)+1)
	for range 60 {
		mean := (low + high) / 2
		term := math.Exp(-mean)
		sum := term
		for k := 1; k <= lost; k++ {
			term *= mean / float64(k)
			sum += term
		}
		if sum > 0.05 {
			low = mean
		} else {
			high = mean
		}
	}
	return min(1, high/float64(n))
}
