package synth

import (
	"math"
	"slices"
	"strings"
	"testing"

	"immis/templates"
)

// fitted are the quantiles of cosine that the generator had where it was fitted
// (generator.json, "synth" columns): mated pairs and non-mated pairs at f = 1.
// They are facts of the recipe, against which this implementation is checked;
// they say nothing about people.
func fitted(dims int) (nonMated, mated map[float64]float64) {
	if dims == 128 {
		return map[float64]float64{0.99: 0.262, 0.999: 0.347, 0.9999: 0.416},
			map[float64]float64{0.001: 0.247, 0.01: 0.350, 0.05: 0.446, 0.5: 0.667, 0.95: 0.824}
	}
	return map[float64]float64{0.99: 0.203, 0.999: 0.287, 0.9999: 0.358},
		map[float64]float64{0.001: 0.205, 0.01: 0.298, 0.05: 0.383, 0.5: 0.596, 0.95: 0.774}
}

func cosine(a, b []float32) float64 {
	sum := 0.0
	for k := range a {
		sum += float64(a[k]) * float64(b[k])
	}
	return sum
}

func quantileOf(sorted []float64, q float64) float64 {
	return sorted[int(q*float64(len(sorted)-1))]
}

func newWorld(t testing.TB, c Config) *World {
	t.Helper()
	w, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestFaceCosineDistributions(t *testing.T) {
	for _, dims := range []int{128, 512} {
		w := newWorld(t, Config{Seed: 3, People: 1, FaceDims: dims, FaceDifficulty: 1})
		const people = 6000
		gallery := make([][]float32, people)
		mated := make([]float64, people)
		for i := range gallery {
			gallery[i] = w.Face(i, 0)
			mated[i] = cosine(gallery[i], w.Face(i, 1))
		}
		var other []float64
		for i := range gallery {
			for step := 1; step <= 60; step++ {
				other = append(other, cosine(gallery[i], gallery[(i+step)%people]))
			}
		}
		slices.Sort(mated)
		slices.Sort(other)
		wantOther, wantMated := fitted(dims)
		for q, want := range wantOther {
			if got := quantileOf(other, q); math.Abs(got-want) > 0.02 {
				t.Errorf("%d dims, non-mated quantile %v: %.3f, want %.3f +- 0.02", dims, q, got, want)
			}
		}
		for q, want := range wantMated {
			band := 0.015
			switch q {
			case 0.01:
				band = 0.025 // the clusters are another draw than the fit's
			case 0.001:
				band = 0.05 // six pairs decide it
			}
			if got := quantileOf(mated, q); math.Abs(got-want) > band {
				t.Errorf("%d dims, mated quantile %v: %.3f, want %.3f +- %v", dims, q, got, want, band)
			}
		}
		if median := quantileOf(other, 0.5); math.Abs(median) > 0.03 {
			t.Errorf("%d dims, non-mated median %.3f, want about 0", dims, median)
		}
	}
}

// The less difficult the faces, the further mated pairs rise; strangers stay
// where they are, give or take the energy moved.
func TestFaceDifficultyOrdersMatedPairs(t *testing.T) {
	last := 0.0
	for _, f := range []float64{1, 0.5, 0.25, 0.1} {
		w := newWorld(t, Config{Seed: 3, People: 1, FaceDifficulty: f})
		const people = 400
		mated, other := 0.0, 0.0
		for i := range people {
			a := w.Face(i, 0)
			mated += cosine(a, w.Face(i, 1)) / people
			other += cosine(a, w.Face(i+1, 0)) / people
		}
		if mated < last+0.05 {
			t.Errorf("f = %v: mean mated cosine %.3f, want more than %.3f", f, mated, last+0.05)
		}
		if math.Abs(other) > 0.03 {
			t.Errorf("f = %v: mean non-mated cosine %.3f, want about 0", f, other)
		}
		last = mated
	}
}

// Difficulty moves energy from noise to people and keeps the sum.
func TestFaceDifficultyKeepsEnergy(t *testing.T) {
	energy := func(f float64) (people, noise float64) {
		g, err := newFaceGenerator(512, f)
		if err != nil {
			t.Fatal(err)
		}
		for k := range g.own {
			people += g.own[k] * g.own[k] / (1 - g.recipe.coarseShare - g.recipe.fineShare)
			noise += g.noise[k] * g.noise[k]
		}
		return people, noise
	}
	people1, noise1 := energy(1)
	for _, f := range []float64{0.5, 0.25, 0.01} {
		people, noise := energy(f)
		if math.Abs(people+noise-people1-noise1) > 1e-9 || math.Abs(noise-f*noise1) > 1e-9 {
			t.Errorf("f = %v: energies %v and %v, at 1 they are %v and %v", f, people, noise, people1, noise1)
		}
	}
}

// Look-alikes: of pairs that share both clusters the cosine is far higher than of
// pairs that share none.
func TestLookAlikesShareClustersAcrossSeeds(t *testing.T) {
	type face struct{ z1, z2 int }
	a := newWorld(t, Config{Seed: 1, People: 1, FaceDims: 128})
	b := newWorld(t, Config{Seed: 2, People: 1, FaceDims: 128})
	clusterOf := func(seed uint64, i int) face {
		s := newStream(seed, drawFace, uint64(i), 0)
		return face{int(s.below(32)), int(s.below(500))}
	}
	faces := map[face][]float32{}
	for i := range 4000 {
		faces[clusterOf(1, i)] = a.Face(i, 0)
	}
	same, n := 0.0, 0
	for i := range 4000 {
		if v, ok := faces[clusterOf(2, i)]; ok {
			same += cosine(v, b.Face(i, 0))
			n++
		}
	}
	if n < 300 || same/float64(n) < 0.3 {
		t.Errorf("mean cosine of %d look-alikes of two seeds %.3f, want >= 0.3 of >= 300", n, same/float64(n))
	}
}

func TestFacesAreUnitVectors(t *testing.T) {
	for _, dims := range []int{128, 512} {
		w := newWorld(t, Config{Seed: 5, People: 1, FaceDims: dims})
		for i := range 300 {
			v := w.Face(i, i%3)
			if len(v) != dims {
				t.Fatalf("%d values, want %d", len(v), dims)
			}
			if n := cosine(v, v); math.Abs(n-1) > 1e-6 {
				t.Fatalf("squared length %v, want 1", n)
			}
			if _, err := templates.NewFace(w.FaceModel(), v); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestFaceModelNamesTheWorld(t *testing.T) {
	for _, f := range []float64{1, 0.1, 1.0 / 3, 1e-9} {
		if err := templates.CheckModel(newWorld(t, Config{People: 1, FaceDifficulty: f}).FaceModel()); err != nil {
			t.Error(err)
		}
	}
	a := newWorld(t, Config{People: 1}).FaceModel()
	if b := newWorld(t, Config{People: 1, FaceDifficulty: 1}).FaceModel(); a == b || a != "synth-512-f0.25" {
		t.Errorf("models %q and %q, want synth-512-f0.25 and another", a, b)
	}
}

func TestParseSpectrumRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "0 axes, want 2",
		"1,.2,.3\n":             "1 axes, want 2",
		"1,.2\n1,.2,.3\n":       "axis 0: 2 fields, want 3",
		"1,.2,.3\n1,x,.3\n":     "axis 1: strconv",
		"1,.2,.3\n1,-.1,.3\n":   "axis 1: mean 1 and variances -0.1 and 0.3",
		"1,.2,.3\n1,NaN,.3\n":   "axis 1: mean 1 and variances NaN",
		"1,.2,.3\n1,.2,Inf\n":   "axis 1: mean 1 and variances 0.2 and +Inf",
		"1,.2,.3\nNaN,.2,.3\n":  "axis 1: mean NaN",
		"1,.2,.3\n\n1,.2,.3\n":  "axis 1: 1 fields",
		"1,.2,.3\n1,.2,.3\n1,2": "axis 2: 2 fields",
	} {
		if _, err := parseSpectrum(text, 2); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
	if s, err := parseSpectrum("# origin\n-1,.2,.3\n.4,.5,.6\n", 2); err != nil || s.mean[0] != -1 || s.within[1] != 0.6 {
		t.Errorf("got %v, %v", s, err)
	}
}

func BenchmarkFace(b *testing.B) {
	for _, dims := range []int{128, 512} {
		b.Run(map[int]string{128: "dims=128", 512: "dims=512"}[dims], func(b *testing.B) {
			w := newWorld(b, Config{Seed: 1, People: 1, FaceDims: dims})
			for i := 0; b.Loop(); i++ {
				w.Face(i, 1)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "vectors/s")
		})
	}
}
