package wsq

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
)

// transforms are pairs of filters of both symmetries and all phases.
func transforms() map[string]transform {
	half := math.Sqrt(0.5)
	return map[string]transform{
		"9/7": standardTransform(),
		"8/8": {8, 8, []float64{0.85269867900940344, -0.09789296778409587, -0.12335584105275092, 0.07565691101399093},
			[]float64{-0.60328894481393847, 0.18870142780632693, 0.05261415011924844, -0.03226944131446922}},
		"5/3": {5, 3, []float64{1.5 * half, 0.5 * half, -0.25 * half}, []float64{half, -0.5 * half}},
		"2/2": {2, 2, []float64{half}, []float64{-half}},
		"6/2": {6, 2, []float64{half, 0.125 * half, -0.125 * half}, []float64{-half}},
		// The pair of 9 and 7 taps the other way round.
		"7/9": {7, 9, standardTransform().high7(), standardTransform().low9()},
	}
}

// high7 and low9 are the standard filters with their roles exchanged, signs
// alternating.
func (t transform) high7() []float64 { return alternate(t.high, 1) }
func (t transform) low9() []float64  { return alternate(t.low, 1) }

// TestPixels: the way to pixels, which joins the whole image row by row, agrees
// with the plain forms for every pair of filters.
func TestPixels(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for name, tr := range transforms() {
		for _, size := range [][2]int{{1, 1}, {1, 9}, {2, 1}, {3, 2}, {5, 7}, {8, 8}, {13, 31}, {16, 33}, {32, 64}, {41, 67}, {96, 128}, {131, 97}} {
			w, h := size[0], size[1]
			plane := noise(rnd, w, h)
			nodes, bands := decompose(w, h)
			decomposeImage(plane, w, nodes, tr.analysis())
			clearUncoded(plane, w, bands)
			samples := append([]float32(nil), plane...)
			reconstructFloat(samples, w, nodes, tr.synthesis())
			got, want := make([]uint8, w*h), make([]uint8, w*h)
			reconstruct(got, plane, w, h, tr.synthesis(), 128, 1)
			toPixels(want, samples, 128, 1)
			if !bytes.Equal(got, want) {
				t.Fatalf("%s %dx%d: other pixels", name, w, h)
			}
		}
	}
}

func noise(rnd *rand.Rand, w, h int) []float32 {
	plane := make([]float32, w*h)
	for i := range plane {
		plane[i] = float32(rnd.NormFloat64() * 50)
	}
	return plane
}

// clearUncoded clears the subbands that are never sent.
func clearUncoded(plane []float32, width int, bands []rect) {
	for _, b := range bands[coded:] {
		for y := b.y; y < b.y+b.h; y++ {
			clear(plane[y*width+b.x:][:b.w])
		}
	}
}

// reconstructFloat is reconstruct that keeps the samples: every node, the image
// too, is joined in its place by the plain forms.
func reconstructFloat(plane []float32, width int, nodes []node, f filters) {
	s := synthesis{filters: f, layout: f.layout(), plane: plane, width: width}
	s.line = newBands(&s.filters, width)
	s.zero = make([]float32, width)
	s.columns = make([]float32, len(plane))
	for i := len(nodes) - 1; i >= 0; i-- {
		s.join(nodes[i])
	}
}

// TestFullPlane: with all 64 subbands the plain forms give back any samples.
func TestFullPlane(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for name, tr := range transforms() {
		for w := 1; w < 70; w += 3 {
			for h := 1; h < 70; h += 7 {
				want := noise(rnd, w, h)
				plane := append([]float32(nil), want...)
				nodes, _ := decompose(w, h)
				decomposeImage(plane, w, nodes, tr.analysis())
				reconstructFloat(plane, w, nodes, tr.synthesis())
				for i := range want {
					if d := math.Abs(float64(plane[i] - want[i])); d > 0.01 {
						t.Fatalf("%s %dx%d: sample %d is off by %g", name, w, h, i, d)
					}
				}
			}
		}
	}
}

// TestFastForms: the written-out forms give the very bits of the plain ones.
func TestFastForms(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	f := standardTransform().synthesis()
	for w := 1; w < 40; w++ {
		for h := 1; h < 40; h += 1 + w%3 {
			plane := noise(rnd, w, h)
			nodes, bands := decompose(w, h)
			clearUncoded(plane, w, bands)
			plain := append([]float32(nil), plane...)
			reconstructFloat(plain, w, nodes, f)
			s := synthesis{filters: f, layout: f.layout(), plane: plane, width: w, fast: true}
			s.line, s.zero, s.columns = newBands(&s.filters, w), make([]float32, w), make([]float32, w*h)
			for i := len(nodes) - 1; i >= 0; i-- {
				s.join(nodes[i])
			}
			for i := range plane {
				if plane[i] != plain[i] {
					t.Fatalf("%dx%d: sample %d is %v, want %v", w, h, i, plane[i], plain[i])
				}
			}
		}
	}
}

// TestSubbands: the 64 subbands cover the plane once, at every size.
func TestSubbands(t *testing.T) {
	for w := 1; w < 80; w += 3 {
		for h := 1; h < 80; h += 5 {
			nodes, bands := decompose(w, h)
			if len(nodes) != 20 || len(bands) != subbands {
				t.Fatalf("%d nodes, %d subbands", len(nodes), len(bands))
			}
			cover := make([]int, w*h)
			for _, b := range bands {
				for y := b.y; y < b.y+b.h; y++ {
					for x := b.x; x < b.x+b.w; x++ {
						cover[y*w+x]++
					}
				}
			}
			for i, n := range cover {
				if n != 1 {
					t.Fatalf("%dx%d: sample %d is in %d subbands", w, h, i, n)
				}
			}
		}
	}
}
