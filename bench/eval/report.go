package eval

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sort"
	"strings"
)

// Report is the result of an evaluation: plain data, the same in JSON, on a terminal and on
// paper.
type Report struct {
	Title      string        `json:"title"`
	Origin     string        `json:"origin"`
	Protocol   string        `json:"protocol"` // a code, see Note
	Date       string        `json:"date,omitempty"`
	Samples    int           `json:"samples"`
	Persons    int           `json:"persons"`
	PersonUnit string        `json:"person_unit"` // person or finger
	Mated      int64         `json:"mated"`
	NonMated   int64         `json:"non_mated"`
	Failures   *Failures     `json:"failures,omitempty"`
	FTE        *float64      `json:"fte,omitempty"`
	Exact      bool          `json:"exact"`
	Resolution float64       `json:"score_resolution,omitempty"` // relative, where not exact
	Rates      []Named       `json:"rates"`
	MinCllr    float64       `json:"min_cllr_bits"`
	Cllr       *float64      `json:"cllr_bits,omitempty"`
	Identified *Ranks        `json:"identification,omitempty"`
	Folds      *Folds        `json:"ten_fold,omitempty"`
	Cells      []CellRate    `json:"cells,omitempty"`
	Sets       []CellRate    `json:"sets,omitempty"`
	Peer       *Peer         `json:"peer,omitempty"`
	DET        []Point       `json:"det"`
	Scores     []Density     `json:"scores"`
	RejectAt   Number        `json:"error_versus_reject_threshold,omitempty"`
	Reject     []RejectPoint `json:"error_versus_reject,omitempty"`
	Bootstrap  Rounds        `json:"bootstrap"`
	Notes      []string      `json:"notes,omitempty"`
	Seconds    float64       `json:"seconds,omitempty"` // of the comparisons
}

// Named is a rate and its name.
type Named struct {
	Name string `json:"name"`
	Rate
}

// Rounds says how intervals were made; 0 rounds are none.
type Rounds struct {
	Rounds int    `json:"rounds"`
	Seed   uint64 `json:"seed"`
}

// Ranks are results of identification.
type Ranks struct {
	N        int       `json:"gallery"`
	Searches int       `json:"searches"`
	CMC      []float64 `json:"cmc"`
	Open     []OpenSet `json:"open_set,omitempty"`
}

// CellRate are the rates of one group. A suppressed one says nothing but its name.
type CellRate struct {
	Dimension  string  `json:"dimension"`
	Value      string  `json:"value"`
	Suppressed bool    `json:"suppressed,omitempty"`
	Persons    int     `json:"persons,omitempty"`
	Mated      int64   `json:"mated,omitempty"`
	NonMated   int64   `json:"non_mated,omitempty"`
	Rates      []Named `json:"rates,omitempty"`
	// At holds FMR and FNMR at the threshold that gives FMR 0.1 % over all: what one
	// threshold means for each group.
	FMR  float64 `json:"fmr_at_common_threshold"`
	FNMR float64 `json:"fnmr_at_common_threshold"`
}

// Peer is another system on the same pairs.
type Peer struct {
	Name        string       `json:"name"`
	Pairs       int64        `json:"common_pairs"`
	Rates       []Named      `json:"rates"`
	Ours        []Named      `json:"ours"` // on the common pairs
	Differences []Difference `json:"differences"`
	DET         []Point      `json:"det"`
}

// Difference is ours minus theirs in the same draws of persons.
type Difference struct {
	Name     string    `json:"name"`
	Value    float64   `json:"value"`
	Interval *Interval `json:"interval_95,omitempty"`
}

// Density is the share of scores in an interval of the drawing of distributions.
type Density struct {
	From     float64 `json:"from"`
	To       float64 `json:"to"`
	Mated    float64 `json:"mated"`
	NonMated float64 `json:"non_mated"`
}

// SmallCell is how many persons a group must have to be shown.
const SmallCell = 10

// Config says how much a report works.
type Config struct {
	Rounds int // of the bootstrap, 0 for none
	Seed   uint64
	Tell   func(phase string, done, total int)
}

func (c Config) tell(phase string) func(int, int) {
	return func(done, total int) {
		if c.Tell != nil {
			c.Tell(phase, done, total)
		}
	}
}

// rates gives the targets with their intervals; values may be nil.
func rates(c *Curve, values [][]float64) []Named {
	var out []Named
	for i, t := range Targets() {
		n := Named{Name: t.Name(), Rate: t.At(c)}
		if values != nil {
			n.Interval = Percentiles(values[i])
		}
		out = append(out, n)
	}
	return out
}

// Measure fills the figures of a sample into a report.
func (r *Report) Measure(ctx context.Context, s *Sample, cfg Config) (*Curve, error) {
	c, err := s.Curve()
	if err != nil {
		return nil, err
	}
	r.Mated, r.NonMated, r.Exact = c.Mated(), c.NonMated(), s.Exact()
	if !r.Exact {
		r.Resolution = Resolution
	}
	var v [][]float64
	if cfg.Rounds > 0 {
		all, err := Resample(ctx, cfg.Rounds, cfg.Seed, Targets(), cfg.tell("bootstrap"), s)
		if err != nil {
			return nil, err
		}
		v = all[0]
		r.Bootstrap = Rounds{cfg.Rounds, cfg.Seed}
	}
	r.Rates = rates(c, v)
	if r.MinCllr, err = s.MinCllr(); err != nil {
		return nil, err
	}
	r.DET, r.Scores = c.DET(240), s.densities(60)
	return c, ctx.Err()
}

// AddCells adds groups, those of fewer than SmallCell persons without figures. Where only one
// value of a dimension would be hidden, the next smallest is hidden too, so that it
// cannot be found by subtraction. Sets are no groups of persons: they are all shown.
func (r *Report) AddCells(cells map[string]*Cell, common float64) {
	first := len(r.Cells)
	for name, cell := range cells {
		dim, value, _ := strings.Cut(name, "=")
		x := CellRate{Dimension: dim, Value: value, Persons: len(cell.persons), Mated: cell.Sample.MatedScores.Count(), NonMated: cell.Sample.NonMatedScores.Count()}
		if c, err := cell.Sample.Curve(); err == nil {
			x.Rates, x.FMR, x.FNMR = rates(c, nil), c.FMR(common), c.FNMR(common)
		}
		if dim == "set" {
			r.Sets = append(r.Sets, x)
		} else {
			x.Suppressed = x.Persons < SmallCell
			r.Cells = append(r.Cells, x)
		}
	}
	order := func(a, b CellRate) int {
		return cmp.Or(cmp.Compare(a.Dimension, b.Dimension), cmp.Compare(a.Value, b.Value))
	}
	slices.SortFunc(r.Sets, order)
	slices.SortFunc(r.Cells[first:], order)
	for i := first; i < len(r.Cells); {
		j := i
		for j < len(r.Cells) && r.Cells[j].Dimension == r.Cells[i].Dimension {
			j++
		}
		suppress(r.Cells[i:j])
		i = j
	}
}

// suppress hides small cells of one dimension, and one more if it is only one.
func suppress(cells []CellRate) {
	hidden, smallest := 0, -1
	for i, c := range cells {
		if c.Suppressed {
			hidden++
		} else if smallest < 0 || c.Persons < cells[smallest].Persons {
			smallest = i
		}
	}
	if hidden == 1 && smallest >= 0 {
		cells[smallest].Suppressed = true
	}
	for i, c := range cells {
		if c.Suppressed {
			cells[i] = CellRate{Dimension: c.Dimension, Value: c.Value, Suppressed: true}
		}
	}
}

// Against adds a paired comparison: both samples hold the same pairs with the same numbers of
// persons.
func (r *Report) Against(ctx context.Context, name string, ours, theirs *Sample, cfg Config) error {
	a, err := ours.Curve()
	if err != nil {
		return err
	}
	b, err := theirs.Curve()
	if err != nil {
		return err
	}
	p := &Peer{Name: name, Pairs: a.Mated() + a.NonMated(), DET: b.DET(240)}
	values := [][][]float64{nil, nil}
	if cfg.Rounds > 0 {
		if values, err = Resample(ctx, cfg.Rounds, cfg.Seed, Targets(), cfg.tell("paired bootstrap"), ours, theirs); err != nil {
			return err
		}
	}
	p.Ours, p.Rates = rates(a, values[0]), rates(b, values[1])
	for i := range p.Rates {
		d := Difference{Name: p.Rates[i].Name, Value: p.Ours[i].Value - p.Rates[i].Value}
		if values[0] != nil && values[1] != nil {
			x := make([]float64, cfg.Rounds)
			for k := range x {
				x[k] = values[0][i][k] - values[1][i][k]
			}
			d.Interval = Percentiles(x)
		}
		p.Differences = append(p.Differences, d)
	}
	r.Peer = p
	return nil
}

// AddIdentification adds CMC and, with open, rates at thresholds.
func (r *Report) AddIdentification(d *Identification, open bool) {
	if len(d.Searches) == 0 {
		return
	}
	i := &Ranks{N: d.N, Searches: len(d.Searches), CMC: d.CMC(min(20, d.N))}
	if open {
		for _, f := range []float64{0.1, 0.01, 0.003, 0.001, 0.0001} {
			i.Open = append(i.Open, d.AtFPIR(f))
		}
	}
	r.Identified = i
}

// densities are shares of scores in n intervals of equal width between the lowest and the highest
// bin that is not one of a few.
func (s *Sample) densities(n int) []Density {
	m, k := s.MatedScores.bins(), s.NonMatedScores.bins()
	low, high := math.Inf(1), math.Inf(-1)
	for _, b := range [][]bin{m, k} {
		low, high = min(low, b[0].edge), max(high, b[len(b)-1].edge)
	}
	// A few high scores must not flatten the picture: cut where 0.5 % of the mated are left.
	left := s.MatedScores.Count() / 200
	for i := len(m) - 1; i > 0 && left >= m[i].count && len(k) > 0 && m[i].edge > k[len(k)-1].edge; i-- {
		left -= m[i].count
		high = m[i].edge
	}
	if !(high > low) {
		return nil
	}
	width := (high - low) / float64(n)
	out := make([]Density, n)
	for i := range out {
		out[i].From, out[i].To = low+float64(float64(i)*width), low+float64(float64(i+1)*width)
	}
	at := func(x float64) int {
		return min(n-1, max(0, sort.Search(n, func(i int) bool { return out[i].To > x })))
	}
	for _, b := range m {
		out[at(b.edge)].Mated += float64(b.count) / float64(s.MatedScores.Count())
	}
	for _, b := range k {
		out[at(b.edge)].NonMated += float64(b.count) / float64(s.NonMatedScores.Count())
	}
	return out
}
