package search

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"immis/bench/synth"
)

// Kinds of rows.
const (
	// Plain rows are Gaussian with a falling spectrum: what the peers' figures were
	// measured on. It has no heavy tail, which flatters every index.
	Plain = "plain"
	// Synthetic rows are faces of bench/synth, with look-alikes.
	Synthetic = "synthetic"
	// LFW hides the vectors of Labeled Faces in the Wild among synthetic rows.
	LFW = "lfw"
)

// Workload is what the rows are.
type Workload struct {
	Kind string
	// Dim is the number of dimensions; default 512.
	Dim int
	// Difficulty of synthetic faces (also of those among which LFW is hidden), above 0, to
	// 1; default 1: the measured network.
	Difficulty float64
}

// AllLosses are the workloads of the bar of losses.
func AllLosses() []Workload {
	return []Workload{
		{Plain, 512, 0}, {Synthetic, 512, 1}, {Synthetic, 512, 0.25}, {Synthetic, 128, 1}, {LFW, 512, 1},
	}
}

// String is the form that ParseWorkload reads: "plain-512", "synthetic-512-f0.25",
// "lfw-512-f1".
func (w Workload) String() string {
	s := fmt.Sprintf("%s-%d", w.Kind, w.Dim)
	if w.Kind != Plain {
		s += fmt.Sprintf("-f%g", w.Difficulty)
	}
	return s
}

// ParseWorkload reads kind[-dimensions][-fdifficulty].
func ParseWorkload(s string) (Workload, error) {
	parts := strings.Split(s, "-")
	w := Workload{Kind: parts[0]}
	for _, p := range parts[1:] {
		var err error
		if f, ok := strings.CutPrefix(p, "f"); ok {
			w.Difficulty, err = strconv.ParseFloat(f, 64)
		} else {
			w.Dim, err = strconv.Atoi(p)
		}
		if err != nil {
			return w, fmt.Errorf("workload %q: part %q, want dimensions or f and a difficulty", s, p)
		}
	}
	w = w.withDefaults()
	return w, w.validate()
}

func (w Workload) withDefaults() Workload {
	if w.Dim == 0 {
		w.Dim = 512
	}
	if w.Difficulty == 0 && w.Kind != Plain {
		w.Difficulty = 1
	}
	if w.Kind == Plain {
		w.Difficulty = 0
	}
	return w
}

func (w Workload) validate() error {
	if !slices.Contains([]string{Plain, Synthetic, LFW}, w.Kind) {
		return fmt.Errorf("workload %q, want plain, synthetic or lfw", w.Kind)
	}
	if w.Kind == Plain {
		return nil
	}
	if w.Dim != 128 && w.Dim != 512 {
		return fmt.Errorf("workload %s of %d dimensions, want 128 or 512", w.Kind, w.Dim)
	}
	// Written so that NaN fails.
	if !(w.Difficulty > 0 && w.Difficulty <= 1) {
		return fmt.Errorf("workload %s of difficulty %v, want more than 0 and at most 1", w.Kind, w.Difficulty)
	}
	return nil
}

// probe is a vector to search for.
type probe struct {
	vector []float32
	// mated tells whether somebody in the index is the same person; isMate then names
	// the keys.
	mated  bool
	isMate func(key uint64) bool
	// own is the key of the row that the vector itself is, if hasOwn: it is left out.
	own    uint64
	hasOwn bool
}

// source makes the rows and probes of a workload. The key of a row is its number, and
// each row is a person to the index. It may be used by several goroutines.
type source interface {
	// rows is how many there are.
	rows() int
	// fill sets out to a row; any number >= 0, those from rows on are further rows that
	// are like them.
	fill(out []float32, row int)
	// probes is how many there are, at most as many as asked for.
	probes() int
	probe(i int) probe
}

// absentError says which file of a workload is not there.
type absentError struct{ what string }

func (e *absentError) Error() string { return e.what }

func asAbsent(err error) (*absentError, bool) {
	var e *absentError
	ok := errors.As(err, &e)
	return e, ok
}

// open prepares a workload.
func (r *run) open(w Workload) (source, error) {
	switch w.Kind {
	case Plain:
		return newPlain(w.Dim, r.Rows, r.Probes, r.Seed), nil
	case Synthetic:
		faces, err := synth.NewFaceRows(r.Seed, w.Dim, w.Difficulty)
		if err != nil {
			return nil, err
		}
		return &synthetic{faces: faces, dim: w.Dim, n: r.Rows, m: r.Probes}, nil
	default:
		return openLFW(r.LFW, w, r.Rows, r.Probes, r.Seed)
	}
}

// unmatedShare is how many probes there are for each that has no mate.
const unmatedShare = 10

// synthetic are faces: a row is the first sample of a person, a probe a second one.
type synthetic struct {
	faces     *synth.FaceRows
	dim, n, m int
}

func (s *synthetic) rows() int                   { return s.n }
func (s *synthetic) fill(out []float32, row int) { s.faces.Fill(out, row, 0) }
func (s *synthetic) probes() int                 { return s.m }

func (s *synthetic) probe(i int) probe {
	p := probe{vector: make([]float32, s.dim)}
	if i%unmatedShare == unmatedShare-1 {
		s.faces.Fill(p.vector, strangers+i, 1)
		return p
	}
	person := spread(i, s.m, s.n)
	s.faces.Fill(p.vector, person, 1)
	p.mated, p.isMate = true, func(key uint64) bool { return key == uint64(person) }
	return p
}

// strangers is the number of the first person who is in no index.
const strangers = 1 << 40

// spread puts probe i of m at a row of n, evenly.
func spread(i, m, n int) int { return int(int64(i) * int64(n) / int64(m)) }
