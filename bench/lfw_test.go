package bench_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/csv"
	"flag"
	"fmt"
	"math"
	"os"
	"strconv"
	"sync/atomic"
	"testing"

	"gonum.org/v1/gonum/mat"

	immisv1 "immis/api/immis/v1"
	"immis/bench"
)

const (
	lfwRows   = 13_233
	lfwDims   = 512
	lfwPeople = 5_749
)

// lfw holds the vectors as they stand in the file, and whose they are.
type lfw struct {
	raw      []byte
	identity []int
	// gallery and probes are rows: the first image of each person, and the rest.
	gallery, probes []int
}

func readLFW(t *testing.T) *lfw {
	t.Helper()
	raw, err := os.ReadFile(shared(t, "data", "faces", "fused_512-lfw.f16"))
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) != lfwRows*lfwDims*2 {
		t.Fatalf("vectors of %d bytes, want %d", len(raw), lfwRows*lfwDims*2)
	}
	index, err := os.ReadFile(shared(t, "data", "faces", "lfw-index.csv"))
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(bytes.NewReader(index)).ReadAll()
	if err != nil || len(records) != lfwRows+1 {
		t.Fatalf("index of %d lines (%v), want %d", len(records), err, lfwRows+1)
	}
	l := &lfw{raw: raw}
	seen := map[int]bool{}
	for row, r := range records[1:] {
		id, err := strconv.Atoi(r[1])
		if err != nil || r[0] != strconv.Itoa(row) {
			t.Fatalf("index line %d is %v", row+2, r)
		}
		l.identity = append(l.identity, id)
		if seen[id] {
			l.probes = append(l.probes, row)
		} else {
			seen[id] = true
			l.gallery = append(l.gallery, row)
		}
	}
	if len(l.gallery) != lfwPeople || len(l.probes) != lfwRows-lfwPeople {
		t.Fatalf("gallery %d and probes %d, want %d and %d", len(l.gallery), len(l.probes), lfwPeople, lfwRows-lfwPeople)
	}
	return l
}

// sample is one row as the file holds it: half precision, little-endian.
func (l *lfw) sample(row int) *immisv1.Sample {
	return &immisv1.Sample{
		Modality: immisv1.Modality_MODALITY_FACE, Format: immisv1.Format_FORMAT_FACE_FLOAT16, Model: "fused_512",
		Data: l.raw[row*lfwDims*2 : (row+1)*lfwDims*2],
	}
}

// matrix is the given rows in float64, scaled to length 1.
func (l *lfw) matrix(rows []int) *mat.Dense {
	m := mat.NewDense(len(rows), lfwDims, nil)
	for i, row := range rows {
		out := m.RawRowView(i)
		sum := 0.0
		for k := range out {
			out[k] = half(binary.LittleEndian.Uint16(l.raw[2*(row*lfwDims+k):]))
			sum += float64(out[k] * out[k])
		}
		for k := range out {
			out[k] /= math.Sqrt(sum)
		}
	}
	return m
}

// half reads IEEE 754 binary16 by its definition.
func half(h uint16) float64 {
	sign, exponent, fraction := 1.0, int(h>>10&31), float64(h&1023)
	if h>>15 != 0 {
		sign = -1
	}
	switch exponent {
	case 0:
		return sign * math.Ldexp(fraction, -24)
	case 31:
		return math.NaN()
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}

var everyProbe = flag.Bool("every-probe", false, "search all probes of LFW instead of every fourth")

// TestLFWThroughServer searches probes of LFW in a gallery of the first image
// of each person, over gRPC. Whoever the server puts first has to be whom an exact
// computation from the file puts first, probe by probe; they may differ only where
// two cosines differ by less than 1e-4: the index scores rows of 16-bit floats.
func TestLFWThroughServer(t *testing.T) {
	l := readLFW(t)
	if !*everyProbe {
		some := l.probes[:0]
		for i := 0; i < len(l.probes); i += 4 {
			some = append(some, l.probes[i])
		}
		l.probes = some
	}
	conn := startServer(t)
	ctx := t.Context()
	rc := &immisv1.RequestContext{Purpose: immisv1.Purpose_PURPOSE_IDENTIFICATION}
	enrollment, recognition := immisv1.NewEnrollmentServiceClient(conn), immisv1.NewRecognitionServiceClient(conn)
	err := bench.Each(ctx, 64, len(l.gallery), func(ctx context.Context, i int) error {
		_, err := enrollment.Enroll(ctx, &immisv1.EnrollRequest{
			Context: rc, SubjectId: strconv.Itoa(i), Encounter: &immisv1.Encounter{Samples: []*immisv1.Sample{l.sample(l.gallery[i])}},
		})
		return err
	})
	if err != nil {
		t.Fatal("enroll:", err)
	}
	first := make([]int, len(l.probes))
	score := make([]float64, len(l.probes))
	err = bench.Each(ctx, 4, len(l.probes), func(ctx context.Context, i int) error {
		answer, err := recognition.Identify(ctx, &immisv1.IdentifyRequest{
			Context: rc, Mode: immisv1.SearchMode_SEARCH_MODE_EXACT, MaxCandidates: 1,
			Probe: &immisv1.IdentifyRequest_Samples{Samples: &immisv1.Probe{Samples: []*immisv1.Sample{l.sample(l.probes[i])}}},
		})
		if err != nil {
			return err
		}
		c := answer.GetCandidates()
		if len(c) != 1 || len(c[0].GetSampleScores()) != 1 || answer.GetSubjectsSearched() != lfwPeople {
			return fmt.Errorf("probe %d: %d candidates of %d people, want 1 of %d", i, len(c), answer.GetSubjectsSearched(), lfwPeople)
		}
		score[i] = c[0].GetSampleScores()[0].GetScore()
		first[i], err = strconv.Atoi(c[0].GetSubjectId())
		return err
	})
	if err != nil {
		t.Fatal("identify:", err)
	}
	l.judge(t, first, score)
}

// judge sets the answers beside the exact computation.
func (l *lfw) judge(t *testing.T, first []int, score []float64) {
	var right, exactRight, near atomic.Int64
	gallery := l.matrix(l.gallery)
	const block = 500
	for from := 0; from < len(l.probes); from += block {
		rows := l.probes[from:min(from+block, len(l.probes))]
		var cosines mat.Dense
		cosines.Mul(l.matrix(rows), gallery.T())
		for k, row := range rows {
			i, c := from+k, cosines.RawRowView(k)
			best := 0
			for g := range c {
				if c[g] > c[best] {
					best = g // ties to the lower row
				}
			}
			if l.identity[l.gallery[best]] == l.identity[row] {
				exactRight.Add(1)
			}
			if l.identity[l.gallery[first[i]]] == l.identity[row] {
				right.Add(1)
			}
			if math.Abs(score[i]-c[first[i]]) > 1e-4 {
				t.Errorf("probe row %d: score %v, want %v within 1e-4", row, score[i], c[first[i]])
			}
			if first[i] == best {
				continue
			}
			if near.Add(1); c[best]-c[first[i]] > 1e-4 {
				t.Errorf("probe row %d: gallery %d is first with %v, want %d with %v", row, first[i], c[first[i]], best, c[best])
			}
		}
	}
	share := float64(right.Load()) / float64(len(l.probes))
	t.Logf("LFW, fused_512, %d probes in a gallery of %d: rank-1 %.2f %% through the server, %.2f %% exactly; %d answers differ within 1e-4",
		len(l.probes), len(l.gallery), 100*share, 100*float64(exactRight.Load())/float64(len(l.probes)), near.Load())
	if right.Load() != exactRight.Load() && near.Load() == 0 || *everyProbe && (share < 0.9725 || share > 0.9735) {
		t.Errorf("rank-1 %.2f %%, want 97.3 %% of all probes and what is exact", 100*share)
	}
}
