package synth

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"testing"

	"immis/templates"
)

func TestPrintsAreWellFormed(t *testing.T) {
	for _, name := range Presets() {
		difficulty, err := FingerPreset(name)
		if err != nil {
			t.Fatal(err)
		}
		p := newWorld(t, Config{Seed: 21, People: 1, FingerDifficulty: difficulty}).NewPrinter()
		m := p.Master(3, templates.LeftIndex)
		if n := len(m.minutiae); n < 60 || n > 260 {
			t.Errorf("%s: %d minutiae on the finger, want 60-260", name, n)
		}
		for i := range 3 {
			print := m.Impression(i)
			if len(print.Pix) != ImageWidth*ImageHeight {
				t.Fatalf("%s: %d pixels, want %d", name, len(print.Pix), ImageWidth*ImageHeight)
			}
			if err := print.Finger.Validate(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if n := len(print.Finger.Minutiae); n < leastMinutiae {
				t.Errorf("%s: %d minutiae, want >= %d", name, n, leastMinutiae)
			}
		}
	}
}

func TestUnknownPreset(t *testing.T) {
	if _, err := FingerPreset("impossible"); err == nil {
		t.Error("a preset that does not exist was accepted")
	}
}

// The same seed makes the same bytes everywhere: the hash was computed once.
func TestGoldenPrint(t *testing.T) {
	print := newWorld(t, Config{Seed: 5, People: 1}).NewPrinter().Master(0, templates.RightIndex).Impression(1)
	sum := sha256.Sum256(print.Pix)
	const want = "0f00f96aff968fc00340f5bbc8125f4d37bf15c4dfe5d90c1310c467acbed0d8"
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}

func TestImpressionsDiffer(t *testing.T) {
	p := newWorld(t, Config{Seed: 6, People: 1}).NewPrinter()
	m := p.Master(0, templates.RightIndex)
	if a, b := m.Impression(0), m.Impression(1); bytes.Equal(a.Pix, b.Pix) {
		t.Error("two impressions are the same image")
	}
	if a, b := m.Impression(0), m.Impression(0); !bytes.Equal(a.Pix, b.Pix) {
		t.Error("one impression is two images")
	}
}

// Straight ridges with one ending and one bifurcation, drawn by hand, give those
// two and their directions: into the ridge, and between the branches.
func TestMinutiaeOfDrawnRidges(t *testing.T) {
	ridges := make([]float32, masterWidth*masterHeight)
	draw := func(x0, y0, x1, y1 int) {
		steps := max(x1-x0, y1-y0, y0-y1)
		for i := range steps + 1 {
			x, y := x0+(x1-x0)*i/steps, y0+(y1-y0)*i/steps
			for dy := -1; dy <= 1; dy++ {
				ridges[(y+dy)*masterWidth+x] = 1
			}
		}
	}
	draw(20, 240, 200, 240)  // ends at the right: the direction points back, left
	draw(20, 300, 220, 300)  // splits at the right
	draw(220, 300, 420, 280) // into two branches
	draw(220, 300, 420, 320)
	found := ridgeMinutiae(thin(ridges))
	var ending, fork []trueMinutia
	for _, m := range found {
		if m.kind == templates.MinutiaEnding {
			ending = append(ending, m)
		} else {
			fork = append(fork, m)
		}
	}
	if len(ending) != 1 || len(fork) != 1 {
		t.Fatalf("%d endings and %d bifurcations, want one each: %+v", len(ending), len(fork), found)
	}
	if turn := math.Abs(math.Remainder(ending[0].direction-math.Pi, 2*math.Pi)); turn > 0.15 {
		t.Errorf("ending points %.2f rad away from its ridge", turn)
	}
	if turn := math.Abs(math.Remainder(fork[0].direction, 2*math.Pi)); turn > 0.15 {
		t.Errorf("bifurcation points %.2f rad away from between its branches", turn)
	}
}

// A pose's inverse undoes it.
func TestPoseInverse(t *testing.T) {
	for i := range 200 {
		s := newStream(3, drawPrint, uint64(i), 0)
		p := drawPose(&s, 1.6)
		at := inEllipse(&s)
		q, _ := p.apply(at, 0)
		back := p.inverse(q)
		if off := math.Hypot(back.x-at.x, back.y-at.y); off > 0.5 {
			t.Errorf("pose %d: %v comes back %.2f px away", i, at, off)
		}
	}
}

// The truth is where the image has ridges: a bifurcation's middle is dark, and so
// is the ridge behind an ending.
func TestTruthLiesOnRidges(t *testing.T) {
	m := newWorld(t, Config{Seed: 8, People: 1, FingerDifficulty: 0.2}).NewPrinter().Master(0, templates.RightThumb)
	print := m.Impression(0)
	dark := 0
	for _, o := range print.Finger.Minutiae {
		ahead := 0.0
		if o.Type == templates.MinutiaEnding {
			ahead = 6
		}
		a := 2 * math.Pi * float64(o.Angle) / 65536
		x := int(float64(o.X)/templates.UnitsPerPixel + ahead*math.Cos(a))
		y := int(float64(o.Y)/templates.UnitsPerPixel - ahead*math.Sin(a))
		if print.Pix[y*ImageWidth+x] < 195 {
			dark++
		}
	}
	if share := float64(dark) / float64(len(print.Finger.Minutiae)); share < 0.85 {
		t.Errorf("%.2f of the truth on ridges, want >= 0.85", share)
	}
}

func BenchmarkMaster(b *testing.B) {
	p := newWorld(b, Config{Seed: 1, People: 1}).NewPrinter()
	i := 0
	for b.Loop() {
		p.Master(i, templates.RightIndex)
		i++
	}
}

func BenchmarkImpression(b *testing.B) {
	m := newWorld(b, Config{Seed: 1, People: 1}).NewPrinter().Master(0, templates.RightIndex)
	i := 0
	for b.Loop() {
		m.Impression(i)
		i++
	}
}
