package finger

import "math"

// Arithmetic that gives the same bits on every machine. math.Exp, math.Sin and
// math.Atan2 have assembly on some architectures and are compiled with fused
// multiply-add on others, so their last bits differ between servers of one
// installation. Here every product is converted explicitly before it is added;
// the specification of Go forbids fusing across a conversion. math.Sqrt is
// correctly rounded everywhere and is used as it is.

// Angles are uint16 in units of 2*pi/65536; differences wrap by themselves.
const (
	halfTurn    = 1 << 15
	quarterTurn = 1 << 14
	radPerUnit  = math.Pi / halfTurn
)

// turn is the signed difference a - b in angle units, -32768..32767.
func turn(a, b uint16) int { return int(int16(a - b)) }

// absTurn is the size of the difference of two directions, 0..32768.
func absTurn(a, b uint16) int {
	d := turn(a, b)
	if d < 0 {
		return -d
	}
	return d
}

// expNeg is exp(-x) for x >= 0 with a relative error below 1e-8, and 0 above 50.
// Method: x = n ln 2 + r with |r| <= ln 2 / 2, Taylor series of degree 7 in r.
func expNeg(x float64) float64 {
	if !(x < 50) {
		return 0
	}
	n := int(float64(x*math.Log2E) + 0.5)
	r := float64(float64(n)*math.Ln2) - x
	p := float64(r*(1.0/5040)) + 1.0/720
	p = float64(r*p) + 1.0/120
	p = float64(r*p) + 1.0/24
	p = float64(r*p) + 1.0/6
	p = float64(r*p) + 0.5
	p = float64(r*p) + 1
	p = float64(r*p) + 1
	return float64(math.Float64frombits(uint64(1023-n)<<52) * p)
}

// sincos gives the sine and cosine of an angle in units, error below 1e-10.
// Method: reduction to an eighth of a turn, Taylor series.
func sincos(angle uint16) (sin, cos float64) {
	quadrant := (angle + quarterTurn/2) >> 14
	r := float64(float64(turn(angle, quadrant<<14)) * radPerUnit)
	r2 := float64(r * r)
	s := 1 - float64(r2/72*(1-r2/110))
	s = 1 - float64(r2/42*s)
	s = 1 - float64(r2/20*s)
	s = float64(r * (1 - float64(r2/6*s)))
	c := 1 - float64(r2/90*(1-r2/132))
	c = 1 - float64(r2/56*c)
	c = 1 - float64(r2/30*c)
	c = 1 - float64(r2/12*c)
	c = 1 - float64(r2/2*c)
	switch quadrant & 3 {
	case 0:
		return s, c
	case 1:
		return c, -s
	case 2:
		return -s, -c
	}
	return -c, s
}

// atan2 gives the direction of the vector (x, y) in angle units, error below
// one unit (1e-4 rad); the null vector has direction 0. Method: reduction to an
// eighth of a turn, Taylor series around 0 and around tan(pi/8).
func atan2(y, x float64) uint16 {
	ax, ay := math.Abs(x), math.Abs(y)
	if ax == 0 && ay == 0 {
		return 0
	}
	num, den, base := min(ax, ay), max(ax, ay), 0.0
	// atan(n/d) = pi/8 + atan((n - k d) / (d + k n)), k = tan(pi/8): |argument| <= 0.199
	const k = math.Sqrt2 - 1
	if num > float64(den*0.198912367379658) {
		num, den, base = num-float64(k*den), den+float64(k*num), math.Pi/8
	}
	z := num / den
	z2 := float64(z * z)
	p := 1.0/9 - float64(z2/11)
	p = 1.0/7 - float64(z2*p)
	p = 1.0/5 - float64(z2*p)
	p = 1.0/3 - float64(z2*p)
	a := base + float64(z*(1-float64(z2*p)))
	if ay > ax {
		a = math.Pi/2 - a
	}
	units := int(math.Floor(a/radPerUnit + 0.5))
	if x < 0 {
		units = halfTurn - units
	}
	if y < 0 {
		units = -units
	}
	return uint16(units)
}

// gaussIntegral is the standard normal distribution function, error below 2e-7.
// Method: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
func gaussIntegral(x float64) float64 {
	z := math.Abs(x) / math.Sqrt2
	t := 1 / (1 + float64(0.3275911*z))
	p := float64(1.061405429*t) - 1.453152027
	p = float64(p*t) + 1.421413741
	p = float64(p*t) - 0.284496736
	p = float64(p*t) + 0.254829592
	tail := float64(float64(float64(0.5*p)*t) * expNeg(float64(z*z)))
	if x > 0 {
		return 1 - tail
	}
	return tail
}
