package imaging

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"testing"

	"immis/templates"
)

// ridges is a picture of curved ridges, 5 to 14 pixels apart at 500 ppi, as a sensor
// of another resolution with square pixels sees it: each pixel is the mean over its
// area, of 4 x 4 points.
func ridges(ppi float64, side float64) *Image {
	n := int(math.Round(side * ppi / 500))
	m := &Image{Pix: make([]uint8, n*n), Width: n, Height: n, PPI: ppi}
	const points = 3
	for y := range n {
		for x := range n {
			sum := 0.0
			for i := range points * points {
				px := (float64(x) + (float64(i%points)+0.5)/points) * 500 / ppi
				py := (float64(y) + (float64(i/points)+0.5)/points) * 500 / ppi
				r := math.Hypot(px+20, py-side/3)
				// The period grows with the distance.
				sum += math.Sin(2 * math.Pi * 40 * math.Log(1+r/250))
			}
			m.Pix[y*n+x] = uint8(math.Round(127.5 + 110*sum/points/points))
		}
	}
	return m
}

// psnr is in decibels, away from the border.
func psnr(a, b *Image) float64 {
	sum, n := 0.0, 0
	for y := 8; y < min(a.Height, b.Height)-8; y++ {
		for x := 8; x < min(a.Width, b.Width)-8; x++ {
			d := float64(a.Pix[y*a.Width+x]) - float64(b.Pix[y*b.Width+x])
			sum += d * d
			n++
		}
	}
	return 10 * math.Log10(255*255*float64(n)/sum)
}

// with resamples with a given kernel.
func with(m *Image, ppi float64, kernel func(old, n int, step float64) taps) *Image {
	out := &Image{Width: scaledSide(m.Width, ppi, m.PPI), Height: scaledSide(m.Height, ppi, m.PPI), PPI: ppi}
	step := m.PPI / ppi
	out.Pix = resampleDown(resampleAcross(m, kernel(m.Width, out.Width, step)), out.Width, kernel(m.Height, out.Height, step))
	return out
}

// cubic is the alternative to lanczos: Catmull-Rom through four pixels.
func cubic(old, n int, step float64) taps {
	return newTaps(old, n, 4, func(i int, weights []float64) int {
		centre := (float64(i)+0.5)*step - 0.5
		first := int(math.Floor(centre)) - 1
		for j := range 4 {
			x := math.Abs(centre - float64(first+j))
			if x < 1 {
				weights[j] = 1.5*x*x*x - 2.5*x*x + 1
			} else if x < 2 {
				weights[j] = -0.5*x*x*x + 2.5*x*x - 4*x + 2
			}
		}
		return first
	})
}

// TestResampleKernels is the measurement behind the choice: what a sensor of 500 ppi
// would have seen, against what is made of another resolution.
func TestResampleKernels(t *testing.T) {
	want := ridges(500, 150)
	for _, c := range []struct{ ppi, least float64 }{{250, 36}, {300, 41}, {400, 48}, {450, 50}, {480, 50}, {508, 50}, {512, 50}, {569, 50},
		{600, 49}, {700, 47}, {800, 46}, {900, 45}, {1000, 53}, {1200, 46}, {2000, 55}} {
		src := ridges(c.ppi, 150)
		got, err := src.Resample(500)
		if err != nil {
			t.Fatal(err)
		}
		chosen := psnr(got, want)
		other := psnr(with(src, 500, cubic), want)
		line := fmt.Sprintf("%4g ppi: %.1f dB; cubic %.1f; lanczos %.1f", c.ppi, chosen, other, psnr(with(src, 500, lanczos), want))
		if c.ppi > 500 {
			line += fmt.Sprintf("; area %.1f", psnr(with(src, 500, area), want))
		}
		t.Log(line)
		if chosen < c.least {
			t.Errorf("%g ppi: %.1f dB, want >= %g", c.ppi, chosen, c.least)
		}
		if chosen < other-2.5 { // near 1:1 the cubic blurs a little less; it aliases
			t.Errorf("%g ppi: %.1f dB, the cubic has %.1f", c.ppi, chosen, other)
		}
	}
}

// reference is the slow twin: floating point, from the definitions.
func reference(m *Image, ppi float64) []float64 {
	w, h := scaledSide(m.Width, ppi, m.PPI), scaledSide(m.Height, ppi, m.PPI)
	step := m.PPI / ppi
	weight := func(i, j int) float64 {
		if step >= 2 {
			return max(0, min(float64(j+1), float64(i+1)*step)-max(float64(j), float64(i)*step))
		}
		x := math.Abs((float64(i)+0.5)*step-0.5-float64(j)) / max(step, 1)
		switch {
		case x == 0:
			return 1
		case x >= 3:
			return 0
		}
		return math.Sin(math.Pi*x) * math.Sin(math.Pi*x/3) * 3 / (math.Pi * math.Pi * x * x)
	}
	out := make([]float64, w*h)
	for y := range h {
		for x := range w {
			sum, all := 0.0, 0.0
			for j := int(float64(y)*step) - 8; j <= int(float64(y+1)*step)+8; j++ {
				wy := weight(y, j)
				if wy == 0 {
					continue
				}
				for i := int(float64(x)*step) - 8; i <= int(float64(x+1)*step)+8; i++ {
					v := m.Pix[min(max(j, 0), m.Height-1)*m.Width+min(max(i, 0), m.Width-1)]
					sum += wy * weight(x, i) * float64(v)
					all += wy * weight(x, i)
				}
			}
			out[y*w+x] = min(max(sum/all, 0), 255)
		}
	}
	return out
}

func TestResampleAgainstReference(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {2, 5}, {3, 1}, {31, 17}, {40, 64}} {
		for _, c := range [][2]float64{{500, 500.5}, {250, 500}, {100, 500}, {300, 500}, {499, 500}, {1000, 500}, {999, 500}, {508, 500}, {569, 500}, {2000, 500}, {1337, 100}, {2000, 100}} {
			m := &Image{Pix: noise(11, size[0], size[1]).Pix, Width: size[0], Height: size[1], PPI: c[0]}
			before := slices.Clone(m.Pix)
			got, err := m.Resample(c[1])
			if err != nil {
				t.Fatal(err)
			}
			want := reference(m, c[1])
			if got.PPI != c[1] || len(got.Pix) != len(want) || got.Width != scaledSide(size[0], c[1], c[0]) {
				t.Fatalf("%v at %v: %d x %d, %g ppi", size, c, got.Width, got.Height, got.PPI)
			}
			for i, w := range want {
				if d := math.Abs(float64(got.Pix[i]) - w); d > 1 {
					t.Errorf("%v at %v: pixel %d is %d, want %.2f", size, c, i, got.Pix[i], w)
					break
				}
			}
			if !slices.Equal(m.Pix, before) {
				t.Errorf("%v at %v: the image is changed", size, c)
			}
		}
	}
}

// TestResampleFlat: a flat image stays flat, at every resolution.
func TestResampleFlat(t *testing.T) {
	for _, level := range []byte{0, 1, 127, 254, 255} {
		m := &Image{Pix: make([]byte, 23*19), Width: 23, Height: 19, PPI: 500}
		for i := range m.Pix {
			m.Pix[i] = level
		}
		for ppi := 100.0; ppi <= 2000; ppi += 13.7 {
			got, err := m.Resample(ppi)
			if err != nil || slices.Min(got.Pix) != level || slices.Max(got.Pix) != level {
				t.Fatalf("level %d at %g ppi: %d..%d, %v", level, ppi, slices.Min(got.Pix), slices.Max(got.Pix), err)
			}
		}
	}
}

// TestResampleBits: the bits are those of every machine.
func TestResampleBits(t *testing.T) {
	for _, c := range []struct {
		from, to float64
		want     uint64
	}{{500, 508, 0xf196966837692a87}, {250, 500, 0x2165f040a6881892}, {333.3, 500, 0x9f66069104f330b2}, {1000, 500, 0xdca9ace42c11390a}, {569, 500, 0x21a01bb85124c75b}} {
		m := &Image{Pix: noise(12, 101, 97).Pix, Width: 101, Height: 97, PPI: c.from}
		got, err := m.Resample(c.to)
		if err != nil {
			t.Fatal(err)
		}
		h := fnv.New64a()
		h.Write(got.Pix)
		if h.Sum64() != c.want {
			t.Errorf("%g to %g ppi: %#x, want %#x", c.from, c.to, h.Sum64(), c.want)
		}
	}
	for x := -40.0; x < 40; x += 0.0137 {
		if d := math.Abs(sinPi(x) - math.Sin(math.Pi*x)); d > 1e-12 {
			t.Fatalf("sin(pi*%g) is off by %g", x, d)
		}
	}
}

func TestResampleBad(t *testing.T) {
	good := Image{Pix: make([]byte, 4), Width: 2, Height: 2, PPI: 500}
	if same, err := good.Resample(500); err != nil || same != &good {
		t.Errorf("the same resolution gives another image, %v", err)
	}
	for name, c := range map[string]struct {
		change func(*Image)
		ppi    float64
		want   templates.Reason
	}{
		"not stated": {func(m *Image) { m.PPI = 0 }, 500, templates.ReasonResolution},
		"impossible": {func(m *Image) { m.PPI = 50 }, 500, templates.ReasonResolution},
		"NaN":        {func(m *Image) { m.PPI = math.NaN() }, 500, templates.ReasonResolution},
		"wanted":     {func(*Image) {}, 2001, templates.ReasonResolution},
		"wanted NaN": {func(*Image) {}, math.NaN(), templates.ReasonResolution},
		"infinite":   {func(*Image) {}, math.Inf(1), templates.ReasonResolution},
		"pixels":     {func(m *Image) { m.Pix = m.Pix[1:] }, 250, templates.ReasonWrongLength},
		"no width":   {func(m *Image) { m.Width = 0 }, 250, templates.ReasonOutOfRange},
		"large": {func(m *Image) { *m = Image{Pix: make([]byte, 1<<20), Width: 1 << 10, Height: 1 << 10, PPI: 100} }, 2000,
			templates.ReasonOversized},
	} {
		m := good
		c.change(&m)
		if _, err := m.Resample(c.ppi); reasonOf(t, err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func BenchmarkResample(b *testing.B) {
	for name, ppi := range map[string]float64{"from=1000": 1000, "from=508": 508, "from=300": 300} {
		b.Run(name, func(b *testing.B) {
			m := ridges(ppi, 500)
			b.SetBytes(int64(len(m.Pix)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Resample(500); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
