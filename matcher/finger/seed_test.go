package finger

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestCandidatesAgainstSortedTable: the bounded list holds what a full table,
// sorted, has at its top.
func TestCandidatesAgainstSortedTable(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 41))
	full := 0
	for range 60 {
		base := finger(r, 10+r.IntN(50))
		a, b := Prepare(base), Prepare(finger(r, 30))
		if r.IntN(2) == 0 {
			b = Prepare(impression(r, base, r.NormFloat64(), 10, 10))
		}
		var want []float32
		for i := range a.cylinders {
			for j := range b.cylinders {
				d := turn(b.cylinders[j].angle, a.cylinders[i].angle)
				if d < -rotationGate || d >= rotationGate {
					continue
				}
				if s := plainSimilarity(&a.cylinders[i], &b.cylinders[j]); s > minSimilarity {
					want = append(want, s)
				}
			}
		}
		slices.Sort(want)
		slices.Reverse(want)
		want = want[:min(len(want), maxCandidates)]
		if len(want) == maxCandidates {
			full++
		}
		var c Comparer
		c.findCandidates(a, b)
		var got []float32
		for _, k := range c.candidates[:c.candidateCount] {
			got = append(got, k.similarity)
			if k.turn != b.minutiae[k.b].angle-a.minutiae[k.a].angle {
				t.Fatalf("candidate %+v does not turn as its minutiae do", k)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("similarities of candidates:\ngot  %v\nwant %v", got, want)
		}
	}
	if full == 0 {
		t.Fatal("no comparison filled the list")
	}
}

// plainVotes is the twin of vote in float64 and plain trigonometry.
func plainVotes(a, b *Template, list []candidate) []float64 {
	out := make([]float64, len(list))
	for k := range list {
		out[k] = float64(list[k].similarity) - voteBase
		for l := range list {
			// The motion is that of the more similar one, which comes first.
			p, q := list[min(k, l)], list[max(k, l)]
			if q.a == p.a || q.b == p.b || absTurn(p.turn, q.turn) > voteTurn {
				continue
			}
			theta := float64(p.turn) * radPerUnit
			dx := float64(a.minutiae[q.a].x - a.minutiae[p.a].x)
			dy := float64(a.minutiae[q.a].y - a.minutiae[p.a].y)
			x := float64(b.minutiae[p.b].x) + dx*math.Cos(theta) - dy*math.Sin(theta)
			y := float64(b.minutiae[p.b].y) + dx*math.Sin(theta) + dy*math.Cos(theta)
			e := math.Hypot(x-float64(b.minutiae[q.b].x), y-float64(b.minutiae[q.b].y))
			if limit := min(toleranceMax, voteNear+toleranceSlope*math.Hypot(dx, dy)); e < limit {
				out[k] += (float64(list[l].similarity) - voteBase) * (1 - e*e/(limit*limit))
			}
		}
	}
	return out
}

func TestVotesAgainstPlainCount(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 41))
	for range 60 {
		base := finger(r, 40)
		a, b := Prepare(base), Prepare(impression(r, base, 0.3*r.NormFloat64(), 10, 10))
		var c Comparer
		c.findCandidates(a, b)
		best := c.vote(a, b)
		want := plainVotes(a, b, c.candidates[:c.candidateCount])
		for k := range want {
			if got := float64(c.candidates[k].votes); math.Abs(got-want[k]) > 1e-3 {
				t.Fatalf("votes of candidate %d: got %v, want %v", k, got, want[k])
			}
		}
		if math.Abs(float64(best)-slices.Max(want)) > 1e-3 {
			t.Fatalf("highest votes: got %v, want %v", best, slices.Max(want))
		}
		n := c.seeds()
		for k := range n {
			for l := k + 1; l < c.candidateCount; l++ {
				if c.candidates[l].votes > c.candidates[k].votes {
					t.Fatalf("seed %d has %v votes, candidate %d has %v", k, c.candidates[k].votes, l, c.candidates[l].votes)
				}
			}
		}
	}
}
