package demo

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas/blas64"

	immisv1 "immis/api/immis/v1"
	"immis/matcher/decision"
	"immis/matcher/finger"
	"immis/templates"
	"immis/templates/iso19794"
)

// Twin is the slow obvious way to the same answers: it reads the same bytes that
// the server gets and compares a probe with everybody, one after the other, faces
// as cosines in float64. It has no index, no store and no filter. It shares with
// the server the codec of records, the comparison of two fingers, and the
// decision.
//
// Add may be called from several goroutines, each row by one; searches only after
// the last Add. Searches are safe for concurrent use.
type Twin struct {
	calibration *decision.Calibration
	policy      decision.Policy
	dims        int
	positions   []templates.Position
	faces       []float64            // rows of dims values, length 1
	fingers     [][]*finger.Template // by row, then as in positions; nil where there is none
}

// NewTwin makes a twin of so many rows, with faces of one model and dimension.
// Only fingers of the given positions are ever asked about.
func NewTwin(rows, dims int, positions []templates.Position) *Twin {
	return &Twin{
		calibration: decision.Provisional(), policy: decision.DefaultPolicy(), dims: dims, positions: positions,
		faces: make([]float64, rows*dims), fingers: make([][]*finger.Template, rows),
	}
}

// Answer is what a comparison with one or with all says.
type Answer struct {
	Outcome immisv1.Outcome
	// Best is the row with the most evidence, the lowest of equals; -1 when nobody
	// can be compared. For a verification it is the claimed row.
	Best int
	// Tied are further rows with the same evidence and the same sum of scores. A
	// server ranks them by enrolment, so which comes first is decided by the race
	// of the callers.
	Tied []int
	// Log10LR is the evidence for Best.
	Log10LR float64
}

// Add keeps the samples of one person: one face and the fingers asked about.
func (t *Twin) Add(row int, samples []*immisv1.Sample) error {
	p, err := t.read(samples)
	if err != nil {
		return fmt.Errorf("twin: row %d: %w", row, err)
	}
	if p.face == nil {
		return fmt.Errorf("twin: row %d: %w", row, errors.New("no face, want one"))
	}
	copy(t.faces[row*t.dims:], p.face)
	t.fingers[row] = p.fingers
	return nil
}

// twinProbe is what is asked about.
type twinProbe struct {
	model   string
	face    []float64
	fingers []*finger.Template
}

// read decodes samples; fingers of positions nobody asks about are passed over.
func (t *Twin) read(samples []*immisv1.Sample) (twinProbe, error) {
	p := twinProbe{fingers: make([]*finger.Template, len(t.positions))}
	for _, s := range samples {
		switch s.GetFormat() {
		case immisv1.Format_FORMAT_FACE_FLOAT32:
			if len(s.GetData()) != 4*t.dims {
				return p, fmt.Errorf("face vector of %d bytes, want %d", len(s.GetData()), 4*t.dims)
			}
			p.model, p.face = s.GetModel(), unitVector(s.GetData())
		case immisv1.Format_FORMAT_ISO_19794_2_2005:
			for i, position := range t.positions {
				if uint8(position) != uint8(s.GetPosition()) {
					continue
				}
				f, err := readFinger(s.GetData())
				if err != nil {
					return p, err
				}
				p.fingers[i] = f
			}
		default:
			return p, fmt.Errorf("sample of format %v, want a face vector or a minutiae record", s.GetFormat())
		}
	}
	return p, nil
}

// unitVector reads little-endian float32 and scales them to length 1.
func unitVector(data []byte) []float64 {
	out := make([]float64, len(data)/4)
	sum := 0.0
	for i := range out {
		out[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:])))
		sum += float64(out[i] * out[i])
	}
	for i := range out {
		out[i] /= math.Sqrt(sum)
	}
	return out
}

func readFinger(data []byte) (*finger.Template, error) {
	record, err := iso19794.Decode(data)
	if err != nil {
		return nil, err
	}
	views, err := record.Fingers()
	if err != nil {
		return nil, err
	}
	if len(views) != 1 {
		return nil, fmt.Errorf("record with %d views, want 1", len(views))
	}
	return finger.Prepare(&views[0]), nil
}

// evidence compares a probe with one row: the face with the face, each finger
// with the same finger.
func (t *Twin) evidence(p twinProbe, row int, c *finger.Comparer) decision.Evidence {
	var out decision.Evidence
	if p.face != nil {
		a := blas64.Vector{N: t.dims, Inc: 1, Data: p.face}
		b := blas64.Vector{N: t.dims, Inc: 1, Data: t.faces[row*t.dims : (row+1)*t.dims]}
		out.Faces = []decision.FaceEvidence{{Model: p.model, Similarity: float32(blas64.Dot(a, b))}}
	}
	for i, position := range t.positions {
		if p.fingers[i] != nil && t.fingers[row][i] != nil {
			score := float32(c.Compare(p.fingers[i], t.fingers[row][i]))
			out.Fingers = append(out.Fingers, decision.FingerEvidence{Position: position, Score: score})
		}
	}
	return out
}

// tie is how near the sums of scores of two rows must be to count as equal: the
// server sums in float32.
const tie = 1e-6

// scores ranks rows of equal evidence, as a calibration ends where its data did.
func scores(e decision.Evidence) float64 {
	sum := 0.0
	for _, f := range e.Faces {
		sum += float64(f.Similarity)
	}
	for _, f := range e.Fingers {
		sum += float64(f.Score)
	}
	return sum
}

// Identify compares samples with everybody: more evidence first, then higher
// scores, then the lower row.
func (t *Twin) Identify(samples []*immisv1.Sample) (Answer, error) {
	p, err := t.read(samples)
	if err != nil {
		return Answer{}, fmt.Errorf("twin: %w", err)
	}
	best := Answer{Outcome: immisv1.Outcome_OUTCOME_NON_MATCH, Best: -1, Log10LR: math.Inf(-1)}
	var why decision.Evidence
	var bestScores float64
	var c finger.Comparer
	for row := range t.fingers {
		e := t.evidence(p, row, &c)
		w, err := t.calibration.Weigh(e)
		if err != nil {
			return Answer{}, fmt.Errorf("twin: row %d: %w", row, err)
		}
		switch {
		case len(w.Terms) == 0:
		case best.Best < 0 || w.LLR > best.Log10LR || w.LLR == best.Log10LR && scores(e) > bestScores+tie:
			best.Best, best.Log10LR, best.Tied = row, w.LLR, nil
			bestScores, why = scores(e), e
		case w.LLR == best.Log10LR && scores(e) >= bestScores-tie:
			best.Tied = append(best.Tied, row)
		}
	}
	if best.Best < 0 {
		return best, nil
	}
	best.Outcome, err = t.decide(why, len(t.fingers))
	return best, err
}

// Verify compares samples with one row.
func (t *Twin) Verify(samples []*immisv1.Sample, row int) (Answer, error) {
	p, err := t.read(samples)
	if err != nil {
		return Answer{}, fmt.Errorf("twin: %w", err)
	}
	var c finger.Comparer
	e := t.evidence(p, row, &c)
	w, err := t.calibration.Weigh(e)
	if err != nil {
		return Answer{}, fmt.Errorf("twin: row %d: %w", row, err)
	}
	o, err := t.decide(e, 1)
	return Answer{Best: row, Log10LR: w.LLR, Outcome: o}, err
}

func (t *Twin) decide(e decision.Evidence, searched int) (immisv1.Outcome, error) {
	d, err := decision.Decide(t.calibration, t.policy, e, searched)
	if err != nil {
		return 0, fmt.Errorf("twin: %w", err)
	}
	switch d.Outcome {
	case decision.Match:
		return immisv1.Outcome_OUTCOME_MATCH, nil
	case decision.Refer:
		return immisv1.Outcome_OUTCOME_REFER, nil
	}
	return immisv1.Outcome_OUTCOME_NON_MATCH, nil
}
