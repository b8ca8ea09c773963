package index

import (
	"cmp"
	"fmt"
)

// Mode is how thoroughly a search looks.
type Mode uint8

const (
	// Exact finds the people whose rows score highest, proven.
	Exact Mode = iota
	// Fast scores only the rows with the highest estimates from their bits. What it can
	// miss is said in Answer.Sure. Below 384 dimensions it is Exact.
	Fast
)

// String is the mode as answers print it.
func (m Mode) String() string {
	if m == Fast {
		return "fast"
	}
	return "exact"
}

// MaxK is the largest number of candidates.
const MaxK = 10_000

// Query is one search.
type Query struct {
	Probe  *Probe
	K      int // people wanted, 1..MaxK
	Mode   Mode
	Filter Filter
}

func (q *Query) check(dim int) error {
	switch {
	case q.Probe == nil:
		return &InputError{"probe", "none", "a vector"}
	case q.Probe.dim != dim:
		return &InputError{"probe", fmt.Sprintf("%d dimensions", q.Probe.dim), fmt.Sprint(dim)}
	case q.K < 1 || q.K > MaxK:
		return &InputError{"candidates", fmt.Sprint(q.K), fmt.Sprintf("1..%d", MaxK)}
	case q.Mode > Fast:
		return &InputError{"mode", fmt.Sprint(uint8(q.Mode)), "exact or fast"}
	}
	return nil
}

// Candidate is a person with the row that scores highest.
type Candidate struct {
	Person uint64
	Key    uint64
	Score  float32 // cosine similarity, -1..1
}

// Answer is what a search found. The same version and query give the same answer,
// whatever else is searched for at the time, on every machine.
type Answer struct {
	// Mode is how thoroughly was looked: Fast says Exact where it was exact.
	Mode    Mode
	Version uint64
	// Rows were compared, Excluded left out by the filter.
	Rows, Excluded int
	// Sure is, in fast mode, the score from which on a row is missed less than once in
	// 30,000 searches for it; 0 in exact mode, which misses none.
	Sure float32
	// Candidates are the best people, best first, equal scores by the lower key.
	Candidates []Candidate
}

// better is the order of candidates.
func better(a, b Candidate) int {
	if c := cmp.Compare(b.Score, a.Score); c != 0 {
		return c
	}
	return cmp.Compare(a.Key, b.Key)
}
