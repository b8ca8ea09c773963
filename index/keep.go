package index

import (
	"math"
	"slices"
	"sort"
)

// kept is a row that may be among the best, with its score from the small forms.
type kept struct {
	at    place // view number << rowBits | row
	score int32
}

// everything is the score of rows that are kept whatever their small forms say.
const everything = math.MaxInt32

// people are the k best people by score seen so far. It is asked for each row that may
// be among the best, and changed for few of those.
type people[S int32 | float32] struct {
	k    int
	best []standing[S] // best first
}

type standing[S int32 | float32] struct {
	person uint64
	score  S
}

// full tells whether there are k people; worst is then the score to beat.
func (p *people[S]) full() bool { return len(p.best) == p.k }

func (p *people[S]) worst() S { return p.best[len(p.best)-1].score }

// offer tells whether the list changed.
func (p *people[S]) offer(person uint64, score S) bool {
	if p.full() && score <= p.worst() {
		return false
	}
	for i := range p.best {
		if p.best[i].person == person {
			if p.best[i].score >= score {
				return false
			}
			p.best = slices.Delete(p.best, i, i+1)
			break
		}
	}
	if p.full() {
		p.best = p.best[:p.k-1]
	}
	at := sort.Search(len(p.best), func(i int) bool { return p.best[i].score < score })
	p.best = slices.Insert(p.best, at, standing[S]{person, score})
	return true
}

// nth returns the n-th largest score, n from 1, and reorders scores.
func nth(scores []int32, n int) int32 {
	lo, hi := 0, len(scores)-1
	for lo < hi {
		// Median of three; equal scores are split between both sides, so that a million
		// of them take no square of a million steps.
		mid := lo + (hi-lo)/2
		pivot := max(min(scores[lo], scores[mid]), min(max(scores[lo], scores[mid]), scores[hi]))
		i, j := lo, hi
		for i <= j {
			for scores[i] > pivot {
				i++
			}
			for scores[j] < pivot {
				j--
			}
			if i <= j {
				scores[i], scores[j] = scores[j], scores[i]
				i++
				j--
			}
		}
		switch {
		case n-1 <= j:
			hi = j
		case n-1 >= i:
			lo = i
		default:
			return scores[n-1]
		}
	}
	return scores[n-1]
}
