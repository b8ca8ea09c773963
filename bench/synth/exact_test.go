package synth

import (
	"math"
	"os/exec"
	"regexp"
	"testing"
)

// The functions of package math are the slow obvious twins: they may differ from
// machine to machine, but never by as much as these bounds.
func TestExactFunctionsAgreeWithMath(t *testing.T) {
	s := newStream(1, drawIdentity, 2, 3)
	for range 200_000 {
		x := s.between(-40, 40)
		if got, want := exp(x), math.Exp(x); math.Abs(got-want) > 4e-16*want {
			t.Fatalf("exp(%v) = %v, want %v", x, got, want)
		}
		if got, want := log(exp(x)), x; math.Abs(got-want) > 1e-14 {
			t.Fatalf("log(exp(%v)) = %v", x, got)
		}
		if p := math.Abs(x) + 1e-9; math.Abs(log(p)-math.Log(p)) > 1e-15*(1+math.Abs(math.Log(p))) {
			t.Fatalf("log(%v) = %v, want %v", p, log(p), math.Log(p))
		}
		a := 50 * x
		sin, cos := sincos(a)
		if math.Abs(sin-math.Sin(a)) > 1e-15 || math.Abs(cos-math.Cos(a)) > 1e-15 {
			t.Fatalf("sincos(%v) = %v, %v, want %v, %v", a, sin, cos, math.Sin(a), math.Cos(a))
		}
		if got, want := wave(a), math.Cos(2*math.Pi*a); math.Abs(got-want) > 1e-9 {
			t.Fatalf("wave(%v) = %v, want %v", a, got, want)
		}
		y := s.between(-40, 40)
		if got, want := atan2(y, x), math.Atan2(y, x); math.Abs(got-want) > 1e-15 {
			t.Fatalf("atan2(%v, %v) = %v, want %v", y, x, got, want)
		}
	}
}

func TestExactFunctionsAtTheirEdges(t *testing.T) {
	for _, c := range []struct{ got, want float64 }{
		{exp(0), 1}, {log(1), 0}, {exp(-1e9), exp(-700)}, {exp(1e9), exp(700)},
		{atan2(0, 0), 0}, {atan2(0, -1), math.Pi}, {atan2(1, 0), math.Pi / 2}, {atan2(-1, 0), -math.Pi / 2},
		{atan2(1, 1), math.Pi / 4}, {atan2(-1, -1), -3 * math.Pi / 4},
	} {
		if c.got != c.want {
			t.Errorf("got %v, want %v", c.got, c.want)
		}
	}
}

// Reference values: statistics.NormalDist().inv_cdf of Python 3.11, which is
// another implementation of the same algorithm.
func TestQuantile(t *testing.T) {
	for _, c := range []struct{ p, want float64 }{
		{1e-300, -37.0470962993612}, {1e-20, -9.262340089798405}, {1e-10, -6.361340902404056},
		{0.0001, -3.71901648545568}, {0.01, -2.3263478740408408}, {0.05, -1.6448536269514726},
		{0.0749, -1.4402382675279632}, {0.0751, -1.4388253927525398}, {0.2, -0.8416212335729142},
		{0.5, 0}, {0.7, 0.5244005127080407}, {0.95, 1.6448536269514715}, {0.999, 3.090232306167813},
		{0.999999999, 5.997807019601638},
	} {
		if got := quantile(c.p); math.Abs(got-c.want) > 2e-15*(1+math.Abs(c.want)) {
			t.Errorf("quantile(%v) = %v, want %v", c.p, got, c.want)
		}
	}
}

func TestGaussMoments(t *testing.T) {
	s := newStream(7, drawFace, 1, 1)
	const n = 400_000
	var m1, m2, m3, m4, lag, last float64
	for range n {
		g := s.gauss()
		m1 += g
		m2 += g * g
		m3 += g * g * g
		m4 += g * g * g * g
		lag += g * last
		last = g
	}
	for _, c := range []struct {
		name            string
		got, want, band float64
	}{ // bands: 5 standard errors
		{"mean", m1 / n, 0, 5 / math.Sqrt(n)}, {"variance", m2 / n, 1, 5 * math.Sqrt(2.0/n)},
		{"third moment", m3 / n, 0, 5 * math.Sqrt(15.0/n)}, {"fourth moment", m4 / n, 3, 5 * math.Sqrt(96.0/n)},
		{"lag-1 product", lag / n, 0, 5 / math.Sqrt(n)},
	} {
		if math.Abs(c.got-c.want) > c.band {
			t.Errorf("%s %v, want %v +- %v", c.name, c.got, c.want, c.band)
		}
	}
}

// The first draws of neighbouring people and of neighbouring purposes must be
// unrelated: they are what a weak seeding spoils first.
func TestStreamsAreUnrelated(t *testing.T) {
	const n = 100_000
	var people, purposes, subs float64
	for i := range uint64(n) {
		a, b := newStream(1, drawFace, i, 0), newStream(1, drawFace, i+1, 0)
		c, d := newStream(1, drawFinger, i, 0), newStream(1, drawFace, i, 1)
		g := a.gauss()
		people += g * b.gauss()
		purposes += g * c.gauss()
		subs += g * d.gauss()
	}
	for name, sum := range map[string]float64{"people": people, "purposes": purposes, "subs": subs} {
		if math.Abs(sum/n) > 5/math.Sqrt(n) {
			t.Errorf("correlation of first draws between %s: %v", name, sum/n)
		}
	}
}

func TestBelowIsUniform(t *testing.T) {
	s := newStream(1, drawFace, 1, 9)
	var counts [7]int
	for range 70_000 {
		counts[s.below(7)]++
	}
	for v, c := range counts {
		if c < 9_500 || c > 10_500 {
			t.Errorf("value %d came %d times of 70000, want about 10000", v, c)
		}
	}
}

// Compilers for other processors fuse a product and a sum unless the product is
// rounded by a conversion. This asks the compiler for arm64, which fuses
// wherever it may, whether any such instruction is left in the package.
func TestNoFusedMultiplyAdd(t *testing.T) {
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go tool on this machine: fused instructions not looked for")
	}
	build := exec.Command(tool, "build", "-gcflags=-S", ".")
	build.Env = append(build.Environ(), "GOARCH=arm64", "GOOS=linux", "CGO_ENABLED=0")
	listing, err := build.CombinedOutput()
	if err != nil {
		t.Fatalf("build for arm64: %v\n%s", err, listing)
	}
	if !regexp.MustCompile(`\bFMULD\b`).Match(listing) {
		t.Fatal("the listing shows no multiplication: it is not the package's code")
	}
	fused := regexp.MustCompile(`(?m)^.*\bFN?M(ADD|SUB)[DS]\b.*$`)
	for _, line := range fused.FindAll(listing, 20) {
		t.Errorf("fused: %s", line)
	}
}
