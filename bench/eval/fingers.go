package eval

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"immis/matcher/finger"
	"immis/templates"
)

// Impression is one sample of a finger test: its name and its template, nil where none could be
// made (a failure to enroll).
type Impression struct {
	ID       string
	Template *templates.Finger
}

// Rescale is the template of an image that was taken at ppi and read as one of 500: positions
// and size times 500/ppi. It fails where the size leaves what templates allow.
func Rescale(f *templates.Finger, ppi float64) (*templates.Finger, error) {
	if !(ppi >= 250 && ppi <= 2000) {
		return nil, fmt.Errorf("resolution %v ppi, want 250..2000", ppi)
	}
	scale := func(v uint16) uint16 { return uint16(min(math.MaxUint16, math.Round(float64(float64(v)*(500/ppi))))) }
	m := slices.Clone(f.Minutiae)
	for i := range m {
		m[i].X, m[i].Y = scale(m[i].X), scale(m[i].Y)
	}
	return templates.NewFinger(f.Position, scale(f.Width)+1, scale(f.Height)+1, f.Quality, m)
}

// CompareFingers compares every pair of impressions of a set once, the lower one as probe, and
// gives the lines in the order of the sets, probes and candidates. An impression without a template
// scores 0. The scores are those of matcher/finger.
func CompareFingers(ctx context.Context, impressions []Impression, tell func(done, total int), visit func(Line) error) error {
	type entry struct {
		Impression
		id       FingerID
		prepared *finger.Template
	}
	entries := make([]entry, len(impressions))
	for i, im := range impressions {
		id, ok := ParseFingerID(im.ID)
		if !ok {
			return &UnknownError{ID: im.ID, Want: "set/finger_impression"}
		}
		entries[i] = entry{Impression: im, id: id}
		if im.Template != nil {
			entries[i].prepared = finger.Prepare(im.Template)
		}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		switch {
		case a.id.Set != b.id.Set:
			if a.id.Set < b.id.Set {
				return -1
			}
			return 1
		case a.id.before(b.id):
			return -1
		case b.id.before(a.id):
			return 1
		}
		return 0
	})
	rows := make([][]Line, len(entries))
	g, ctx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		g.Go(func() error {
			var c finger.Comparer
			for i := w; i < len(entries); i += workers {
				if err := ctx.Err(); err != nil {
					return err
				}
				a := entries[i]
				for _, b := range entries[i+1:] {
					if b.id.Set != a.id.Set {
						break
					}
					l := Line{Probe: a.ID, Candidate: b.ID}
					if a.prepared != nil && b.prepared != nil {
						l.Score = float64(c.Compare(a.prepared, b.prepared))
					}
					rows[i] = append(rows[i], l)
				}
				if tell != nil && w == 0 {
					tell(i, len(entries))
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	n := 1
	for _, row := range rows {
		for _, l := range row {
			n++
			l.Number = n
			if err := visit(l); err != nil {
				return err
			}
		}
	}
	return nil
}
