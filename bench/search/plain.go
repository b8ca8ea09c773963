package search

import (
	"math"
	"math/bits"

	"immis/bench/synth"
)

// plain are rows with independent normal deviates of variance exp(-i/120) along the
// axes of a space of 512 dimensions (of another number: a spectrum of the same shape),
// rotated and scaled to length 1. Scores of strangers are 0 +- 0.065.
//
// Every probe but those without a mate lies at a cosine drawn for it from a row: one
// half easy, one half hard.
type plain struct {
	dim, n, m int
	seed      uint64
	deviates  *synth.Deviates
	deviation []float32 // of each axis
	turns     []turn
}

// Cosines of a probe to its mate.
const (
	easyFrom, easyTo = 0.60, 0.75
	hardFrom, hardTo = 0.35, 0.50
)

// Parts of the random numbers of a row.
const (
	partRow = iota
	partProbe
	partCosine
	partTurns
)

// turn turns two axes by 45 degrees: x, y become (x-y)/sqrt(2), (x+y)/sqrt(2).
type turn struct{ a, b uint16 }

func newPlain(dim, rows, probes int, seed uint64) *plain {
	p := &plain{dim: dim, n: rows, m: probes, seed: seed, deviates: synth.NewDeviates(), deviation: make([]float32, dim)}
	step, now := decay(512/float64(240*dim)), 1.0
	for i := range p.deviation {
		p.deviation[i] = float32(now)
		now = float64(now * step)
	}
	p.turns = newTurns(dim, seed)
	return p
}

// decay is exp(-x) for small x, by its series: math.Exp differs in the last bit
// between machines.
func decay(x float64) float64 {
	sum, term := 1.0, 1.0
	for n := 1.0; n <= 16; n++ {
		term = float64(-term * x / n)
		sum += term
	}
	return sum
}

// newTurns is a rotation as layers, each of which turns every axis with a random other.
// A layer halves how much the variances of the axes differ, so some layers more than it
// takes for an axis to meet every other leave them as even as a random rotation does,
// at a fortieth of its multiplications. Random angles would take away a quarter a layer
// instead of half.
func newTurns(dim int, seed uint64) []turn {
	layers := bits.Len(uint(dim-1)) + 3
	out := make([]turn, 0, layers*dim/2)
	order := make([]uint16, dim)
	for l := range layers {
		for i := range order {
			order[i] = uint16(i)
		}
		for i := dim - 1; i > 0; i-- {
			j := int(float64(synth.Uniform(seed, uint64(l*dim+i), partTurns) * float64(i+1)))
			order[i], order[j] = order[j], order[i]
		}
		for i := 0; i+1 < dim; i += 2 {
			out = append(out, turn{a: order[i], b: order[i+1]})
		}
	}
	return out
}

func (p *plain) rows() int   { return p.n }
func (p *plain) probes() int { return p.m }

func (p *plain) fill(out []float32, row int) { p.direction(out, uint64(row), partRow) }

// direction is a unit vector of the workload's distribution.
func (p *plain) direction(out []float32, number uint64, part uint32) {
	p.deviates.Fill(out, p.seed, number, part)
	const half = math.Sqrt2 / 2 // the sine of 45 degrees
	for i, d := range p.deviation {
		out[i] = float32(out[i] * d)
	}
	for _, t := range p.turns {
		x, y := float32(out[t.a]*half), float32(out[t.b]*half)
		out[t.a], out[t.b] = x-y, x+y
	}
	scale(out, 1/math.Sqrt(dot(out, out)))
}

func (p *plain) probe(i int) probe {
	out := probe{vector: make([]float32, p.dim)}
	p.direction(out.vector, uint64(i), partProbe)
	if i%unmatedShare == unmatedShare-1 {
		return out
	}
	from, to := easyFrom, easyTo
	if i%2 == 1 {
		from, to = hardFrom, hardTo
	}
	cosine := from + float64((to-from)*synth.Uniform(p.seed, uint64(i), partCosine))
	row := spread(i, p.m, p.n)
	mate := make([]float32, p.dim)
	p.fill(mate, row)
	// What of the direction is at right angles to the mate, at length sqrt(1 - cosine^2).
	along := float32(dot(out.vector, mate))
	for k, m := range mate {
		out.vector[k] -= float32(along * m)
	}
	across := float32(math.Sqrt((1 - float64(cosine*cosine)) / dot(out.vector, out.vector)))
	for k, m := range mate {
		out.vector[k] = float32(across*out.vector[k]) + float32(float32(cosine)*m)
	}
	out.mated, out.isMate = true, func(key uint64) bool { return key == uint64(row) }
	return out
}

func dot(a, b []float32) float64 {
	sum := 0.0
	for i, x := range a {
		sum += float64(float64(x) * float64(b[i]))
	}
	return sum
}

func scale(v []float32, by float64) {
	for i, x := range v {
		v[i] = float32(float64(x) * by)
	}
}
