package finger

import (
	"encoding/binary"
	"math"
	"testing"

	"immis/templates"
)

// parse makes two valid fingers from any bytes: one byte tells how many minutiae
// go to the first, every six bytes are one minutia. At most
// 80 a side, for speed; TestOddTemplates has full ones.
func parse(data []byte) (a, b *templates.Finger) {
	a = &templates.Finger{Width: templates.MaxPixels, Height: templates.MaxPixels}
	b = &templates.Finger{Width: templates.MaxPixels, Height: templates.MaxPixels}
	if len(data) == 0 {
		return a, b
	}
	const most = 80
	first := min(int(data[0]), most)
	for data = data[1:]; len(data) >= 6; data = data[6:] {
		m := templates.Minutia{
			X:     min(binary.LittleEndian.Uint16(data), 16*templates.MaxPixels-1),
			Y:     min(binary.LittleEndian.Uint16(data[2:]), 16*templates.MaxPixels-1),
			Angle: binary.LittleEndian.Uint16(data[4:]),
		}
		switch {
		case len(a.Minutiae) < first:
			a.Minutiae = append(a.Minutiae, m)
		case len(b.Minutiae) < most:
			b.Minutiae = append(b.Minutiae, m)
		}
	}
	return a, b
}

// fuzzSeeds are synthetic pairs: dense, sparse, one place, one line, mated.
func fuzzSeeds() [][]byte {
	var out [][]byte
	scene := func(first byte, n int, place func(i int) (x, y, angle int)) {
		b := []byte{first}
		for i := range n {
			x, y, angle := place(i)
			b = binary.LittleEndian.AppendUint16(b, uint16(x))
			b = binary.LittleEndian.AppendUint16(b, uint16(y))
			b = binary.LittleEndian.AppendUint16(b, uint16(angle))
		}
		out = append(out, b)
	}
	spot := func(i int) (int, int, int) { return 1000 + i*7919%3000, 1000 + i*6101%3500, i * 12007 }
	scene(0, 0, nil)
	scene(1, 2, spot)
	scene(40, 80, spot)
	scene(30, 60, func(i int) (int, int, int) { return spot(i % 30) })
	scene(30, 60, func(i int) (int, int, int) {
		x, y, angle := spot(i % 30)
		return x + i/30*300 + i%5, y + i/30*90, angle + i%50*20
	})
	scene(80, 160, func(int) (int, int, int) { return 4000, 4000, 77 })
	scene(60, 120, func(i int) (int, int, int) { return i * 80, i * 40, 0 })
	scene(80, 160, func(i int) (int, int, int) { return 65000 * (i & 1), 65000 * (i >> 1 & 1), i * 128 })
	return out
}

func TestFuzzSeedsAreThere(t *testing.T) {
	if n := len(fuzzSeeds()); n != 8 {
		t.Fatalf("%d seeds, want 8", n)
	}
	a, b := parse(fuzzSeeds()[3])
	if s := Prepare(a).Compare(Prepare(b)); s < 0.9 {
		t.Fatalf("the mated seed scores %v, want >= 0.9: the fuzz target would not reach the end", s)
	}
}

func FuzzCompare(f *testing.F) {
	for _, seed := range fuzzSeeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		x, y := parse(data)
		a, b := Prepare(x), Prepare(y)
		for _, pair := range [][2]*Template{{a, b}, {a, a}, {b, b}} {
			d, back := pair[0].CompareDetail(pair[1]), pair[1].CompareDetail(pair[0])
			if !(d.Score >= 0 && d.Score < 1) {
				t.Fatalf("score %v, want in [0, 1)", d.Score)
			}
			if d.Score != back.Score {
				t.Fatalf("score %v, swapped %v", d.Score, back.Score)
			}
			if n := math.Hypot(d.Motion.Cos, d.Motion.Sin); math.Abs(n-1) > 1e-6 {
				t.Fatalf("rotation %+v is not of length 1", d.Motion)
			}
			for _, p := range d.Pairs {
				if int(p.Probe) >= pair[0].Len() || int(p.Reference) >= pair[1].Len() {
					t.Fatalf("pair %+v of %d and %d minutiae", p, pair[0].Len(), pair[1].Len())
				}
			}
		}
	})
}
