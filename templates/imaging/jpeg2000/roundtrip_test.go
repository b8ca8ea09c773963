package jpeg2000

import (
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"testing"

	"immis/templates"
)

func reasonOf(t testing.TB, err error) templates.Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	var e *templates.InputError
	if !errors.As(err, &e) {
		t.Fatalf("%v is not an input error", err)
	}
	if e.Offset < 0 {
		t.Fatalf("%v has no offset", err)
	}
	return e.Reason
}

// samplesOf is the 8-bit samples of an image by component.
func samplesOf(img image.Image) [][]uint8 {
	switch m := img.(type) {
	case *image.Gray:
		return [][]uint8{m.Pix}
	case *image.NRGBA:
		out := make([][]uint8, 4)
		for i, v := range m.Pix {
			out[i%4] = append(out[i%4], v)
		}
		return out
	}
	return nil
}

// checkSamples compares a decoded image with 8 bits of what was encoded.
func checkSamples(t *testing.T, name string, img image.Image, want [][]int, depth, allowed int) {
	t.Helper()
	got := samplesOf(img)
	for c := range want {
		for i, v := range want[c] {
			if depth > 8 {
				v >>= depth - 8
			} else {
				top := 1<<depth - 1
				v = (v*255 + top/2) / top
			}
			if d := int(got[c][i]) - v; d < -allowed || d > allowed {
				t.Fatalf("%s: component %d, sample %d is %d, want %d", name, c, i, got[c][i], v)
			}
		}
	}
	if len(want) == 3 && got[3][0] != 255 {
		t.Fatalf("%s: opacity %d", name, got[3][0])
	}
}

// TestRoundTrip: what the encoder of the tests writes without loss comes back
// identical, what it writes with a fine step comes back within one level.
func TestRoundTrip(t *testing.T) {
	for i, r := range []recipe{
		{w: 1, h: 1},
		{w: 40, h: 31, levels: 0},
		{w: 40, h: 31, levels: 3},
		{w: 40, h: 31, levels: 32},
		{w: 41, h: 30, levels: 2, x0: 3, y0: 5},
		{w: 70, h: 66, levels: 2, cbW: 6, cbH: 6},
		{w: 70, h: 66, levels: 1, cbW: 10, cbH: 2},
		{w: 70, h: 66, levels: 1, cbW: 2, cbH: 10},
		{w: 33, h: 29, n: 3, levels: 2, mct: true},
		{w: 33, h: 29, n: 3, levels: 2},
		{w: 33, h: 29, n: 4, levels: 2, mct: true, coc: true},
		{w: 50, h: 40, levels: 2, tileW: 17, tileH: 13, x0: 5, y0: 6, tileX: 2, tileY: 1},
		{w: 50, h: 40, levels: 2, tileW: 16, tileH: 16, order: orderRPCL, precincts: []int{3, 3, 4}},
		{w: 50, h: 40, n: 3, levels: 2, x0: 7, y0: 3, order: orderRPCL, precincts: []int{2, 3, 3}},
		{w: 50, h: 40, n: 3, levels: 2, x0: 7, y0: 3, order: orderPCRL, precincts: []int{2, 3, 3}},
		{w: 50, h: 40, n: 3, levels: 2, x0: 7, y0: 3, order: orderCPRL, precincts: []int{2, 3, 3}},
		{w: 50, h: 40, n: 3, levels: 2, x0: 7, y0: 3, order: orderRLCP, precincts: []int{2, 3, 3}, layers: 3, style: styleTermAll},
		{w: 20, h: 20, levels: 2, precincts: []int{0, 1, 1}, order: orderPCRL},
		{w: 50, h: 40, levels: 2, layers: 4, style: styleTermAll, sop: true, eph: true},
		{w: 50, h: 40, levels: 2, layers: 4, style: styleTermAll | styleBypass, sop: true, eph: true, perPart: 3},
		{w: 50, h: 40, levels: 2, tileW: 20, tileH: 20, layers: 2, perPart: 2, style: styleBypass},
		{w: 50, h: 40, levels: 2, layers: 300, style: styleTermAll},
		{w: 50, h: 40, levels: 2, empty: true, lossy: false, layers: 2, style: styleTermAll, precincts: []int{4, 4, 4}},
		{w: 40, h: 30, levels: 2, depth: 1},
		{w: 40, h: 30, levels: 2, depth: 5},
		{w: 40, h: 30, levels: 2, depth: 12},
		{w: 40, h: 30, levels: 2, depth: 16},
		{w: 40, h: 30, levels: 2, openLength: true},
		{w: 40, h: 30, levels: 2, shift: 12},
		{w: 40, h: 30, n: 3, levels: 3, layers: 4, style: styleTermAll, precincts: []int{3, 3, 3, 3}, changes: []change{
			{order: orderRLCP, layers: 1, resolutionEnd: 2, channels: 3},
			{order: orderCPRL, layers: 3, resolutionEnd: 4, channel: 1, channels: 3},
			{order: orderPCRL, layers: 2, resolutionEnd: 4, channels: 3},
			{order: orderRPCL, layers: 4, resolution: 1, resolutionEnd: 4, channels: 3},
			{order: orderLRCP, layers: 9, resolutionEnd: 33, channels: 255},
		}},
	} {
		for _, lossy := range []bool{false, true} {
			r.lossy = lossy
			name := fmt.Sprintf("recipe %d, lossy %v", i, lossy)
			if lossy && (r.shift > 0 || r.depth > 8) {
				continue // more bit-planes than the steps of the tests leave room for
			}
			r := r.defaults()
			want := picture(r.w, r.h, r.n, r.depth, uint64(i))
			data := encode(r, want)
			img, c, err := Decode(data, Limits{})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if want := (Config{Width: r.w, Height: r.h, Components: r.n, Bits: r.depth, Codestream: true}); c != want {
				t.Errorf("%s: %+v, want %+v", name, c, want)
			}
			if got, err := DecodeConfig(data); err != nil || got != c {
				t.Errorf("%s: header %+v, %v", name, got, err)
			}
			if r.empty {
				continue
			}
			allowed := 0
			if lossy {
				allowed = 1 + 255/(1<<r.depth)
			}
			if r.depth < 8 && lossy {
				continue
			}
			checkSamples(t, name, img, want, r.depth, allowed)
		}
	}
}

// TestRoundTripStyles: all combinations of code-block styles, on noise and on a
// picture.
func TestRoundTripStyles(t *testing.T) {
	for style := range stylePart1 + 1 {
		r := recipe{w: 23, h: 18, levels: 1, style: style, cbW: 4, cbH: 3}.defaults()
		for k, want := range [][][]int{noise(r.w, r.h, 1, 8, uint64(style)), picture(r.w, r.h, 1, 8, 1)} {
			img, _, err := Decode(encode(r, want), Limits{})
			if err != nil {
				t.Fatalf("style %d: %v", style, err)
			}
			checkSamples(t, fmt.Sprintf("style %d, image %d", style, k), img, want, 8, 0)
		}
	}
}

// TestRoundTripRandom: random geometry.
func TestRoundTripRandom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 4))
	for i := range 300 {
		r := recipe{
			w: 1 + rnd.IntN(40), h: 1 + rnd.IntN(40), x0: rnd.IntN(20), y0: rnd.IntN(20), n: []int{1, 3}[rnd.IntN(2)],
			levels: rnd.IntN(5), cbW: 2 + rnd.IntN(4), cbH: 2 + rnd.IntN(4), order: rnd.IntN(5), layers: 1 + rnd.IntN(3),
			style: rnd.IntN(64), lossy: rnd.IntN(3) == 0, sop: rnd.IntN(2) == 0, eph: rnd.IntN(2) == 0,
		}
		if r.n == 3 {
			r.mct = rnd.IntN(2) == 0
		}
		if rnd.IntN(2) == 0 {
			r.tileX, r.tileY = rnd.IntN(r.x0+1), rnd.IntN(r.y0+1)
			r.tileW, r.tileH = r.x0-r.tileX+1+rnd.IntN(30), r.y0-r.tileY+1+rnd.IntN(30)
		}
		if rnd.IntN(2) == 0 {
			for range r.levels + 1 {
				r.precincts = append(r.precincts, 1+rnd.IntN(5))
			}
		}
		if rnd.IntN(3) == 0 {
			r.perPart = 1 + rnd.IntN(4)
			for r.perPart < 200 {
				r.perPart *= 2 // a tile has at most 255 parts
			}
		}
		r = r.defaults()
		want := picture(r.w, r.h, r.n, 8, uint64(i))
		img, _, err := Decode(encode(r, want), Limits{})
		if err != nil {
			t.Fatalf("%d: %+v: %v", i, r, err)
		}
		allowed := 0
		if r.lossy {
			allowed = 1
		}
		checkSamples(t, fmt.Sprintf("%d: %+v", i, r), img, want, 8, allowed)
	}
}
