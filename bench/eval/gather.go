package eval

import (
	"fmt"
	"strings"
)

// maxPairs is how many pairs are remembered to find one that comes twice: about
// 150 MB.
const maxPairs = 1 << 21

// Test gathers lines of scores into a sample, with its groups. Whose a sample is, it
// takes from the list of samples if there is one; otherwise from labels, which join
// samples to persons; otherwise from the identifiers: a person is what stands before
// the last "_". Memory grows with samples and persons, not with scores.
type Test struct {
	All   *Sample
	Cells map[string]*Cell
	// Notes say what a reader of the figures has to know.
	Notes []string
	// Reject holds mated comparisons with quality, for the error-versus-reject curve.
	Reject Reject

	info    map[string]SampleInfo
	samples map[string]int32
	names   []string
	person  []int32 // of a sample, when known
	persons map[string]int32
	labeled bool
	parent  []int32 // of labels: samples joined to persons
	seen    map[[2]int32]int32
	turned  bool
	keep    int
}

// Cell is a group of persons with comparisons among themselves.
type Cell struct {
	Sample  *Sample
	persons map[int32]bool
}

// NewTest begins a test; info may be nil. keep is that of NewSample.
func NewTest(info map[string]SampleInfo, keep int) *Test {
	return &Test{All: NewSample(keep), Cells: map[string]*Cell{}, info: info, keep: keep,
		samples: map[string]int32{}, persons: map[string]int32{}, seen: map[[2]int32]int32{}}
}

// Persons and Samples count those that were compared.
func (t *Test) Persons() int {
	if !t.labeled {
		return len(t.persons)
	}
	n := 0
	for i := range t.parent {
		if t.root(int32(i)) == int32(i) {
			n++
		}
	}
	return n
}

// Samples counts the samples.
func (t *Test) Samples() int { return len(t.names) }

func (t *Test) sample(id string, line Line) (int32, error) {
	if i, ok := t.samples[id]; ok {
		return i, nil
	}
	person := ""
	switch {
	case t.info != nil:
		s, ok := t.info[id]
		if !ok {
			return 0, &UnknownError{Line: line.Number, ID: id, Want: "one of the list of samples"}
		}
		person = s.Person
	case line.Label != Unlabeled:
		t.labeled = true
	default:
		cut := strings.LastIndexByte(id, '_')
		if cut < 1 || cut == len(id)-1 {
			return 0, &UnknownError{Line: line.Number, ID: id, Want: "person_impression, a column mated, or a list of samples"}
		}
		person = id[:cut]
	}
	i := int32(len(t.names))
	t.names = append(t.names, id)
	t.samples[id] = i
	t.parent = append(t.parent, i)
	p := int32(-1)
	if !t.labeled {
		var ok bool
		if p, ok = t.persons[person]; !ok {
			p = int32(len(t.persons))
			t.persons[person] = p
		}
	}
	t.person = append(t.person, p)
	return i, nil
}

func (t *Test) root(i int32) int32 {
	for t.parent[i] != i {
		t.parent[i] = t.parent[t.parent[i]]
		i = t.parent[i]
	}
	return i
}

// Add takes a line. cells are groups the comparison belongs to beside those that both
// samples share by the list of samples.
func (t *Test) Add(l Line, cells ...string) error {
	a, err := t.sample(l.Probe, l)
	if err != nil {
		return err
	}
	b, err := t.sample(l.Candidate, l)
	if err != nil {
		return err
	}
	if a == b {
		return &LabelError{Line: l.Number, What: fmt.Sprintf("sample %q is compared with itself", l.Probe)}
	}
	if err := t.remember(a, b, l); err != nil {
		return err
	}
	c := Comparison{Score: l.Score, A: a, B: b}
	if t.labeled {
		if l.Label == Mated {
			t.parent[t.root(b)] = t.root(a)
			t.All.MatedScores.add(c)
		} else {
			t.All.NonMatedScores.add(c)
		}
		return nil
	}
	c.A, c.B = t.person[a], t.person[b]
	if l.Label != Unlabeled && (l.Label == Mated) != c.Mated() {
		return &LabelError{Line: l.Number, What: fmt.Sprintf("%s and %s are labeled otherwise than by their persons", l.Probe, l.Candidate)}
	}
	if err := t.All.Add(c); err != nil {
		return err
	}
	if t.info != nil {
		x, y := t.info[l.Probe], t.info[l.Candidate]
		other := y.cells()
		for _, name := range x.cells() {
			for _, o := range other {
				if o == name {
					cells = append(cells, name)
				}
			}
		}
		if c.Mated() && x.Quality >= 0 && y.Quality >= 0 {
			t.Reject.Add(min(x.Quality, y.Quality), c.Score)
		}
	}
	for _, name := range cells {
		cell := t.Cells[name]
		if cell == nil {
			cell = &Cell{Sample: NewSample(max(t.keep, defaultKeep) / 8), persons: map[int32]bool{}}
			t.Cells[name] = cell
		}
		cell.persons[c.A], cell.persons[c.B] = true, true
		if err := cell.Sample.Add(c); err != nil {
			return err
		}
	}
	return nil
}

// remember refuses a pair that comes twice in the same order.
func (t *Test) remember(a, b int32, l Line) error {
	if first, twice := t.seen[[2]int32{a, b}]; twice {
		return &DuplicateError{Line: l.Number, Pair: l.Probe + ", " + l.Candidate, First: int(first)}
	}
	if len(t.seen) >= maxPairs {
		return nil
	}
	t.seen[[2]int32{a, b}] = int32(l.Number)
	if _, other := t.seen[[2]int32{b, a}]; other {
		t.turned = true
	}
	return nil
}

// Finish settles who is who and says what is to be known.
func (t *Test) Finish() error {
	if t.turned {
		t.Notes = append(t.Notes, noteTurned)
	}
	if len(t.seen) >= maxPairs {
		t.Notes = append(t.Notes, noteUnchecked)
	}
	if t.labeled {
		for _, class := range []*Class{&t.All.MatedScores, &t.All.NonMatedScores} {
			for i, c := range class.kept {
				a, b := t.root(c.A), t.root(c.B)
				if class == &t.All.NonMatedScores && a == b {
					return &LabelError{What: fmt.Sprintf("%s and %s are labeled non-mated, and are one person by other lines", t.names[c.A], t.names[c.B])}
				}
				class.kept[i].A, class.kept[i].B = a, b
			}
			class.sorted = false
		}
		t.Notes = append(t.Notes, noteLabels)
	}
	if !t.All.Exact() {
		t.Notes = append(t.Notes, noteSketch)
	}
	t.seen = nil
	return t.All.check()
}
