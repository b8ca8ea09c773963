package eval

import (
	"context"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// FingerID names an impression in the FVC protocol: set/finger_impression.
type FingerID struct {
	Set, Finger string
	Number      int // of the finger
	Impression  int
}

// ParseFingerID reads "set/finger_impression", both numbers whole and positive.
func ParseFingerID(id string) (FingerID, bool) {
	slash, cut := strings.LastIndexByte(id, '/'), strings.LastIndexByte(id, '_')
	if slash < 1 || cut < slash {
		return FingerID{}, false
	}
	f, err := strconv.Atoi(id[slash+1 : cut])
	i, err2 := strconv.Atoi(id[cut+1:])
	if err != nil || err2 != nil || f < 1 || i < 1 {
		return FingerID{}, false
	}
	return FingerID{id[:slash], id[:cut], f, i}, true
}

func (f FingerID) before(o FingerID) bool {
	return f.Number < o.Number || f.Number == o.Number && f.Impression < o.Impression
}

// FingerTest is a test by the FVC protocol with all impostors: of each set every pair of
// impressions once, the lower one (by finger, then impression) as probe. Pairs of
// different sets and pairs the other way round are skipped. A finger is what the
// bootstrap takes for a person.
type FingerTest struct {
	*Test
	// searches: the score of an impression against first impressions of its set.
	ids      map[string]FingerID
	sets     map[string]map[string]bool
	searches map[string]map[string]float64
	reversed map[string]map[string]float64
	// Pairs are the scores by pair, for a paired comparison.
	Pairs map[[2]string]float64
	only  map[[2]string]float64
}

// NewFingerTest begins a test; if only is not nil, pairs that are not in it are skipped.
func NewFingerTest(only map[[2]string]float64) *FingerTest {
	return &FingerTest{Test: NewTest(nil, 0), ids: map[string]FingerID{}, sets: map[string]map[string]bool{},
		searches: map[string]map[string]float64{}, reversed: map[string]map[string]float64{}, Pairs: map[[2]string]float64{}, only: only}
}

func (t *FingerTest) id(id string, line int) (FingerID, error) {
	f, ok := t.ids[id]
	if !ok {
		if f, ok = ParseFingerID(id); !ok {
			return f, &UnknownError{Line: line, ID: id, Want: "set/finger_impression"}
		}
		t.ids[id] = f
		if t.sets[f.Set] == nil {
			t.sets[f.Set] = map[string]bool{}
		}
		t.sets[f.Set][id] = true
	}
	return f, nil
}

// Add takes a line.
func (t *FingerTest) Add(l Line) error {
	p, err := t.id(l.Probe, l.Number)
	if err != nil {
		return err
	}
	c, err := t.id(l.Candidate, l.Number)
	if err != nil {
		return err
	}
	if p.Set != c.Set || l.Probe == l.Candidate {
		return nil
	}
	note := func(m map[string]map[string]float64, probe, finger string) {
		if m[probe] == nil {
			m[probe] = map[string]float64{}
		}
		m[probe][finger] = l.Score
	}
	if c.Impression == 1 && p.Impression != 1 {
		note(t.searches, l.Probe, c.Finger)
	}
	if p.Impression == 1 && c.Impression != 1 {
		note(t.reversed, l.Candidate, p.Finger)
	}
	if !p.before(c) {
		return nil
	}
	pair := [2]string{l.Probe, l.Candidate}
	if _, ok := t.only[pair]; !ok && t.only != nil {
		return nil
	}
	if err := t.Test.Add(l, "set="+p.Set); err != nil {
		return err
	}
	t.Pairs[pair] = l.Score
	return nil
}

// Read adds a file of scores.
func (t *FingerTest) Read(ctx context.Context, r io.Reader) error { return ReadScores(ctx, r, t.Add) }

// Missing counts the pairs of the protocol that had no score.
func (t *FingerTest) Missing() int {
	n := 0
	for _, s := range t.sets {
		n += len(s) * (len(s) - 1) / 2
	}
	return n - len(t.Pairs)
}

// Identify is closed-set identification: impressions other than the first as probes,
// first impressions of the same set as gallery. N is that of the largest set.
func (t *FingerTest) Identify() *Identification {
	d := &Identification{}
	probes := make([]string, 0, len(t.ids))
	galleries := map[string][]string{}
	for id, f := range t.ids {
		if f.Impression == 1 {
			galleries[f.Set] = append(galleries[f.Set], f.Finger)
		} else {
			probes = append(probes, id)
		}
	}
	slices.Sort(probes)
	for _, id := range probes {
		f := t.ids[id]
		score := func(finger string) (float64, bool) {
			s, ok := t.searches[id][finger]
			if !ok {
				s, ok = t.reversed[id][finger]
			}
			return s, ok
		}
		mate, ok := score(f.Finger)
		if !ok {
			continue
		}
		s := Search{Mated: true, MateScore: mate, Rank: 1, Best: math.Inf(-1)}
		for _, finger := range galleries[f.Set] {
			if x, ok := score(finger); ok && finger != f.Finger {
				s.Best = max(s.Best, x)
				if x >= mate {
					s.Rank++
				}
			}
		}
		d.N = max(d.N, len(galleries[f.Set]))
		d.Searches = append(d.Searches, s)
	}
	return d
}

// Common gives two samples of the pairs that both tests have, with the same numbers of persons.
func Common(a, b *FingerTest) (ours, theirs *Sample, err error) {
	ours, theirs = NewSample(0), NewSample(0)
	numbers := map[string]int32{}
	number := func(finger string) int32 {
		n, ok := numbers[finger]
		if !ok {
			n = int32(len(numbers))
			numbers[finger] = n
		}
		return n
	}
	pairs := make([][2]string, 0, len(a.Pairs))
	for p := range a.Pairs {
		if _, ok := b.Pairs[p]; ok {
			pairs = append(pairs, p)
		}
	}
	slices.SortFunc(pairs, func(x, y [2]string) int {
		if x[0] != y[0] {
			return strings.Compare(x[0], y[0])
		}
		return strings.Compare(x[1], y[1])
	})
	for _, p := range pairs {
		c := Comparison{Score: a.Pairs[p], A: number(a.ids[p[0]].Finger), B: number(a.ids[p[1]].Finger)}
		if err := ours.Add(c); err != nil {
			return nil, nil, err
		}
		c.Score = b.Pairs[p]
		if err := theirs.Add(c); err != nil {
			return nil, nil, err
		}
	}
	return ours, theirs, ours.check()
}
