package eval

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// shared opens a file of the evaluation data, beside the repository.
func shared(t testing.TB, name ...string) []byte {
	t.Helper()
	if b, err := os.ReadFile(filepath.Join(append([]string{"../../../shared"}, name...)...)); err == nil {
		return b
	}
	t.Skipf("SKIPPED: %s is not beside the repository", filepath.Join(name...))
	return nil
}

func records(t testing.TB, raw []byte) [][]string {
	t.Helper()
	r, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return r[1:]
}

func number(t testing.TB, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The published anchors of two networks on LFW, to the last printed digit.
func TestFacesAnchors(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: 175 million comparisons are left out by -short")
	}
	index := records(t, shared(t, "data", "faces", "lfw-index.csv"))
	persons := make([]int32, len(index))
	for i, r := range index {
		persons[i] = int32(number(t, r[1]))
	}
	pairs := records(t, shared(t, "data", "faces", "lfw-pairs.csv"))
	for _, want := range []struct {
		name, eer, fnmr3, fnmr4, rank1 string
		folds                          float64
	}{
		{"mbf_y1_128", "0.41", "0.81", "2.09", "96.8", 0.9922},
		{"fused_512", "0.40", "0.78", "2.07", "97.3", 0.9950},
	} {
		v, err := NewVectors(shared(t, "data", "faces", want.name+"-lfw.f16"), persons)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		s, _, err := v.AllPairs(t.Context(), 0, nil, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		took := time.Since(start)
		c, err := s.Curve()
		if err != nil {
			t.Fatal(err)
		}
		d, err := v.Identify(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var fp []FoldPair
		for _, r := range pairs {
			fp = append(fp, FoldPair{number(t, r[0]), v.Cosine(number(t, r[1]), number(t, r[2])), r[3] == "1"})
		}
		folds, err := TenFold(fp)
		if err != nil {
			t.Fatal(err)
		}
		pc := func(x float64) string { return fmt.Sprintf("%.2f", 100*x) }
		eer, a, b, r1 := c.EER(), c.FNMRAt(1e-3), c.FNMRAt(1e-4), d.CMC(1)[0]
		t.Logf("%s: %d mated, %d non-mated in %v; EER %s, FNMR %s %s, rank-1 %.2f, folds %.3f", want.name, c.Mated(), c.NonMated(), took, eer, a, b, 100*r1, 100*folds.Accuracy)
		if pc(eer.Value) != want.eer || pc(a.Value) != want.fnmr3 || pc(b.Value) != want.fnmr4 || fmt.Sprintf("%.1f", 100*r1) != want.rank1 {
			t.Errorf("%s: EER %s, FNMR %s and %s, rank-1 %.1f; want %s, %s, %s, %s", want.name, pc(eer.Value), pc(a.Value), pc(b.Value), 100*r1, want.eer, want.fnmr3, want.fnmr4, want.rank1)
		}
		if d := folds.Accuracy - want.folds; d > 0.0007 || d < -0.0007 {
			t.Errorf("%s: 10-fold %.3f %%, want %.2f within 0.07", want.name, 100*folds.Accuracy, 100*want.folds)
		}
	}
}
