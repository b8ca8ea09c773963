package synth

import (
	"math"
	"slices"
	"testing"
)

func TestDeviatesAreNormal(t *testing.T) {
	d := NewDeviates()
	out := make([]float32, 1_000_003)
	d.Fill(out, 1, 2, 3)
	var m1, m2, m3, m4 float64
	for _, x := range out {
		v := float64(x)
		m1 += v
		m2 += v * v
		m3 += v * v * v
		m4 += v * v * v * v
	}
	n := float64(len(out))
	for name, c := range map[string][3]float64{"mean": {m1 / n, 0, 0.005}, "variance": {m2 / n, 1, 0.007}, "third": {m3 / n, 0, 0.02}, "fourth": {m4 / n, 3, 0.05}} {
		if math.Abs(c[0]-c[1]) > c[2] {
			t.Errorf("%s moment %v, want %v within %v", name, c[0], c[1], c[2])
		}
	}
	again, other := make([]float32, 64), make([]float32, 64)
	d.Fill(again, 1, 2, 3)
	if !slices.Equal(again, out[:64]) {
		t.Error("a longer filling begins with other numbers")
	}
	for _, of := range [][3]uint64{{2, 2, 3}, {1, 3, 3}, {1, 2, 4}} {
		d.Fill(other, of[0], of[1], uint32(of[2]))
		if slices.Equal(again, other) {
			t.Errorf("numbers of %v are those of 1, 2, 3", of)
		}
	}
}

// Rows have the score distributions of the people whom a World makes.
func TestFaceRowsAreDistributedAsFaces(t *testing.T) {
	const n = 6000
	for _, dims := range []int{128, 512} {
		w := newWorld(t, Config{Seed: 9, People: n, FaceDims: dims, FaceDifficulty: 1})
		r, err := NewFaceRows(9, dims, 1)
		if err != nil {
			t.Fatal(err)
		}
		row := func(person, sample int) []float32 {
			out := make([]float32, dims)
			r.Fill(out, person, sample)
			return out
		}
		scores := func(face func(person, sample int) []float32) (mated, nonMated []float64) {
			last := face(n, 0)
			for i := range n {
				first, again := face(i, 0), face(i, 1)
				mated = append(mated, cosine(first, again))
				nonMated = append(nonMated, cosine(first, last))
				last = again
			}
			slices.Sort(mated)
			slices.Sort(nonMated)
			return mated, nonMated
		}
		rowsMated, rowsNon := scores(row)
		peopleMated, peopleNon := scores(w.Face)
		for name, of := range map[string][2][]float64{"mated": {rowsMated, peopleMated}, "non-mated": {rowsNon, peopleNon}} {
			// 1.36 sqrt(2/n) = 0.025 is exceeded once in 20 times by chance.
			if d := distance(of[0], of[1]); d > 0.03 {
				t.Errorf("%d dimensions, %s: Kolmogorov-Smirnov distance %.4f from people", dims, name, d)
			}
		}
	}
}

// distance is the Kolmogorov-Smirnov distance of two sorted samples.
func distance(a, b []float64) float64 {
	worst, j := 0.0, 0
	for i, x := range a {
		for j < len(b) && b[j] <= x {
			j++
		}
		worst = max(worst, math.Abs(float64(i+1)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return worst
}

func TestFaceRowsDependOnTheirNumberAlone(t *testing.T) {
	r, err := NewFaceRows(3, 128, 0.25)
	if err != nil {
		t.Fatal(err)
	}
	a, b := make([]float32, 128), make([]float32, 128)
	r.Fill(a, 41, 0)
	r.Fill(b, 7, 5)
	r.Fill(b, 41, 0)
	if !slices.Equal(a, b) {
		t.Error("the same sample twice is not the same")
	}
	if c := cosine(a, a); math.Abs(c-1) > 1e-6 {
		t.Errorf("length %v", c)
	}
	for name, of := range map[string]func(){"person": func() { r.Fill(a, -1, 0) }, "sample": func() { r.Fill(a, 0, -1) }, "length": func() { r.Fill(a[:100], 0, 0) }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			of()
		}()
	}
	for _, f := range []float64{0, -1, 1.01, math.NaN()} {
		if _, err := NewFaceRows(1, 128, f); err == nil {
			t.Errorf("difficulty %v was taken", f)
		}
	}
	if _, err := NewFaceRows(1, 256, 1); err == nil {
		t.Error("256 dimensions were taken")
	}
}

func BenchmarkFaceRows(b *testing.B) {
	r, err := NewFaceRows(1, 512, 1)
	if err != nil {
		b.Fatal(err)
	}
	out := make([]float32, 512)
	for i := 0; b.Loop(); i++ {
		r.Fill(out, i, 0)
	}
}
