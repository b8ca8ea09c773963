package eval

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"immis/internal/simd"
)

// Vectors are face embeddings of one model, and whose they are.
type Vectors struct {
	Dim     int
	Persons []int32 // of each row, numbers from 0 up without gaps
	rows    []simd.F16
	inverse []float32 // 1 / length of each row
}

// NewVectors reads little-endian IEEE half-precision rows, one for each of persons.
// Rows need not have unit length; one without a direction is an error.
func NewVectors(raw []byte, persons []int32) (*Vectors, error) {
	n := len(persons)
	if n == 0 || len(raw) == 0 || len(raw)%(2*n) != 0 {
		return nil, fmt.Errorf("vectors of %d bytes for %d rows, want a whole number of 16-bit values a row", len(raw), n)
	}
	v := &Vectors{Dim: len(raw) / 2 / n, Persons: persons, rows: make([]simd.F16, len(raw)/2), inverse: make([]float32, n)}
	for i := range v.rows {
		v.rows[i] = simd.F16(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	for r := range n {
		sum := 0.0
		for _, h := range v.row(r) {
			x := float64(h.Float32())
			sum += float64(x * x)
		}
		length := math.Sqrt(sum)
		if !(length > 0) || math.IsInf(length, 0) { // NaN too
			return nil, fmt.Errorf("row %d: %w", r, &ScoreError{Score: length})
		}
		v.inverse[r] = float32(1 / length)
	}
	return v, nil
}

func (v *Vectors) row(r int) []simd.F16 { return v.rows[r*v.Dim : (r+1)*v.Dim] }

// probe widens row r into out, at length 1.
func (v *Vectors) probe(out []float32, r int) {
	simd.FromF16(out, v.row(r))
	for i := range out {
		out[i] = float32(out[i] * v.inverse[r])
	}
}

// cosine compares a probe with row r, within 1e-6.
func (v *Vectors) cosine(probe []float32, r int) float32 {
	return float32(simd.DotF16(probe, v.row(r)) * v.inverse[r])
}

// Cosine compares two rows.
func (v *Vectors) Cosine(a, b int) float64 {
	p := make([]float32, v.Dim)
	v.probe(p, a)
	return float64(v.cosine(p, b))
}

// images counts the rows of each person.
func (v *Vectors) images() []int32 {
	out := make([]int32, slices.Max(v.Persons)+1)
	for _, p := range v.Persons {
		out[p]++
	}
	return out
}

// tile is how many rows are compared with as many: two tiles of 512 dimensions are
// 256 KiB of halves and as much of probes, which stay in the core's cache.
const tile = 128

// AllPairs compares every row with every other one, once. groups, if not nil, names for
// each row the cells it belongs to (numbers below cells): a comparison counts in the
// cells that both rows are in. The answer is the same with any number of workers.
func (v *Vectors) AllPairs(ctx context.Context, keep int, groups [][]int32, cells int, tell func(done, total int)) (all *Sample, cell []*Sample, err error) {
	n := len(v.Persons)
	tiles := (n + tile - 1) / tile
	workers := min(runtime.GOMAXPROCS(0), tiles)
	parts, partCells := make([]*Sample, workers), make([][]*Sample, workers)
	var next, done atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for w := range workers {
		parts[w] = NewSample(keep)
		partCells[w] = make([]*Sample, cells)
		for i := range partCells[w] {
			partCells[w][i] = NewSample(keep / 8)
		}
		g.Go(func() error {
			probes := make([]float32, tile*v.Dim)
			for {
				a := int(next.Add(1)) - 1
				if a >= tiles {
					return nil
				}
				from, to := a*tile, min(n, (a+1)*tile)
				for i := from; i < to; i++ {
					v.probe(probes[(i-from)*v.Dim:(i-from+1)*v.Dim], i)
				}
				for b := a; b < tiles; b++ {
					if err := ctx.Err(); err != nil {
						return err
					}
					for i := from; i < to; i++ {
						p := probes[(i-from)*v.Dim : (i-from+1)*v.Dim]
						for j := max(b*tile, i+1); j < min(n, (b+1)*tile); j++ {
							c := Comparison{Score: float64(v.cosine(p, j)), A: v.Persons[i], B: v.Persons[j]}
							if err := parts[w].Add(c); err != nil {
								return fmt.Errorf("rows %d and %d: %w", i, j, err)
							}
							if groups == nil {
								continue
							}
							for _, x := range groups[i] {
								if slices.Contains(groups[j], x) {
									_ = partCells[w][x].Add(c) // it was finite
								}
							}
						}
					}
				}
				if tell != nil {
					tell(int(done.Add(1)), tiles)
				}
			}
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	for w := 1; w < workers; w++ {
		parts[0].Merge(parts[w])
		for i := range partCells[0] {
			partCells[0][i].Merge(partCells[w][i])
		}
	}
	parts[0].Images = v.images()
	for i, s := range partCells[0] {
		s.Images = make([]int32, len(parts[0].Images))
		for r, in := range groups {
			if slices.Contains(in, int32(i)) {
				s.Images[v.Persons[r]]++
			}
		}
	}
	return parts[0], partCells[0], nil
}

// Identify searches every other image of a person in a gallery of everybody's first
// image (first by row).
func (v *Vectors) Identify(ctx context.Context, tell func(done, total int)) (*Identification, error) {
	first := make([]int, slices.Max(v.Persons)+1)
	for i := range first {
		first[i] = -1
	}
	var gallery, probes []int
	for r, p := range v.Persons {
		if first[p] < 0 {
			first[p] = r
			gallery = append(gallery, r)
		} else {
			probes = append(probes, r)
		}
	}
	if len(probes) == 0 || len(gallery) < 2 {
		return nil, fmt.Errorf("identification of %d persons, %d further images: %w", len(gallery), len(probes), &ClassError{Mated: int64(len(probes)), NonMated: int64(len(gallery) - 1)})
	}
	d := &Identification{N: len(gallery), Searches: make([]Search, len(probes))}
	workers := runtime.GOMAXPROCS(0)
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	const batch = 64
	for range workers {
		g.Go(func() error {
			block := make([]float32, batch*v.Dim)
			for {
				from := int(next.Add(batch)) - batch
				if from >= len(probes) {
					return nil
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				some := probes[from:min(from+batch, len(probes))]
				for i, r := range some {
					p := block[i*v.Dim : (i+1)*v.Dim]
					v.probe(p, r)
					person := v.Persons[r]
					d.Searches[from+i] = Search{Person: person, Mated: true, Rank: 1, MateScore: float64(v.cosine(p, first[person])), Best: math.Inf(-1)}
				}
				for _, row := range gallery {
					for i := range some {
						s := &d.Searches[from+i]
						if v.Persons[row] == s.Person {
							continue
						}
						x := float64(v.cosine(block[i*v.Dim:(i+1)*v.Dim], row))
						s.Best = max(s.Best, x)
						if x >= s.MateScore {
							s.Rank++
						}
					}
				}
				if tell != nil {
					tell(from, len(probes))
				}
			}
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return d, d.Check()
}
