package jpeg2000

import (
	"bytes"
	"testing"
)

// seeds are tiny images of every kind, and a few that are not images.
func seeds(t testing.TB) [][]byte {
	t.Helper()
	var list [][]byte
	for i, r := range []recipe{
		{w: 3, h: 2},
		{w: 5, h: 4, levels: 1},
		{w: 5, h: 4, levels: 2, lossy: true},
		{w: 4, h: 4, n: 3, mct: true},
		{w: 4, h: 4, n: 3, mct: true, lossy: true},
		{w: 4, h: 4, n: 4},
		{w: 6, h: 5, levels: 1, layers: 2, style: styleTermAll},
		{w: 6, h: 5, levels: 1, style: stylePart1},
		{w: 6, h: 5, levels: 1, style: styleBypass, depth: 12},
		{w: 6, h: 5, levels: 1, order: orderRPCL, precincts: []int{1, 2}, sop: true, eph: true},
		{w: 6, h: 5, levels: 1, order: orderPCRL, tileW: 4, tileH: 3, perPart: 1},
		{w: 6, h: 5, levels: 1, order: orderCPRL, n: 3, coc: true},
		{w: 6, h: 5, levels: 1, shift: 11},
		{w: 4, h: 4, levels: 1, layers: 2, style: styleTermAll, changes: []change{
			{order: orderRLCP, layers: 1, resolutionEnd: 2, channels: 1}, {order: orderLRCP, layers: 2, resolutionEnd: 2, channels: 1}}},
	} {
		list = append(list, mustEncode(t, r, uint64(i)))
	}
	list = append(list, boxes(3, 2, 1, nil, list[0]), boxes(4, 4, 3, nil, list[3]))
	return append(list, nil, []byte(signature), list[1][:60])
}

func FuzzDecode(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		// Big images say nothing that small ones do not.
		if len(data) > 4096 {
			return
		}
		checkAny(t, data)
		if _, _, err := Decode(data, Limits{Pixels: 1 << 16}); err != nil || len(data) == 0 {
			return
		}
		// An image that lost its end is not one, unless what is lost stood after
		// the codestream inside its box.
		f, _, err := open(data)
		if err != nil {
			t.Fatal(err)
		}
		if !f.boxed {
			if _, _, err := Decode(data[:len(data)-1], Limits{Pixels: 1 << 16}); err == nil {
				t.Fatal("an image without its last byte is an image")
			}
		}
		// Comments change nothing.
		if f.boxed {
			return
		}
		more := append(bytes.Clone(data[:f.markers]), 0xff, 0x64, 0, 5, 0, 1, 'x')
		more = append(more, data[f.markers:]...)
		a, _, _ := Decode(data, Limits{Pixels: 1 << 16})
		b, _, err := Decode(more, Limits{Pixels: 1 << 16})
		if err != nil {
			t.Fatalf("with a comment: %v", err)
		}
		for i, plane := range samplesOf(a) {
			if !bytes.Equal(plane, samplesOf(b)[i]) {
				t.Fatal("a comment changes the image")
			}
		}
	})
}

// TestFuzzSeeds: a fuzz target without seeds finds little and looks the same.
func TestFuzzSeeds(t *testing.T) {
	good, bad := 0, 0
	for i, s := range seeds(t) {
		if _, _, err := Decode(s, Limits{}); err == nil {
			good++
		} else if reasonOf(t, err); i < 16 {
			t.Errorf("seed %d: %v", i, err)
		} else {
			bad++
		}
		checkAny(t, s)
	}
	if good < 16 || bad < 3 {
		t.Errorf("%d good and %d bad seeds, want >= 16 and >= 3", good, bad)
	}
}

// BenchmarkDecode decodes a grey print of 300x400, and a face in colour of 0.24
// Mpixel, without and with loss.
func BenchmarkDecode(b *testing.B) {
	for name, r := range map[string]recipe{
		"grey/lossless":   {w: 300, h: 400, levels: 5, cbW: 6, cbH: 6},
		"grey/lossy":      {w: 300, h: 400, levels: 5, cbW: 6, cbH: 6, lossy: true, step: 8},
		"colour/lossless": {w: 400, h: 600, n: 3, mct: true, levels: 5, cbW: 6, cbH: 6},
		"colour/lossy":    {w: 400, h: 600, n: 3, mct: true, levels: 5, cbW: 6, cbH: 6, lossy: true, step: 8},
	} {
		data := mustEncode(b, r, 1)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(r.w * r.h * max(1, r.n)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Decode(data, Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
