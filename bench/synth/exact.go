package synth

import "math"

// The elementary functions of this file use only operations that IEEE 754
// rounds in one way: + - * / and the square root, with every product rounded by
// a conversion before it meets a sum, so that no compiler may fuse the two.
// Package math does not promise that: its Exp differs between processors in the
// last bit, and one bit can move a quantized minutia.

// exp returns e^x for |x| <= 700; it clips x to that range. Error below 2 ulp.
// Method: x = k ln2 + r, |r| <= ln2/2; then the rational form and the minimax
// coefficients of fdlibm's e_exp.c.
func exp(x float64) float64 {
	const (
		log2e = 1.44269504088896338700e+00
		ln2Hi = 6.93147180369123816490e-01
		ln2Lo = 1.90821492927058770002e-10
		p1    = 1.66666666666666657415e-01
		p2    = -2.77777777770155933842e-03
		p3    = 6.61375632143793436117e-05
		p4    = -1.65339022054652515390e-06
		p5    = 4.13813679705723846039e-08
	)
	x = math.Max(-700, math.Min(700, x))
	k := math.Floor(float64(x*log2e) + 0.5)
	hi := x - float64(k*ln2Hi)
	lo := float64(k * ln2Lo)
	r := hi - lo
	t := float64(r * r)
	p := float64(t*p5) + p4
	p = float64(p*t) + p3
	p = float64(p*t) + p2
	p = float64(p*t) + p1
	c := r - float64(p*t)
	y := 1 - ((lo - float64(r*c)/(2-c)) - hi)
	return float64(y * math.Float64frombits(uint64(int64(k)+1023)<<52))
}

// log returns the natural logarithm of a normal x > 0. Error below 1 ulp.
// Method: x = 2^k (1+f), sqrt(2)/2 <= 1+f < sqrt(2), s = f/(2+f); then the
// minimax coefficients of fdlibm's e_log.c.
func log(x float64) float64 {
	const (
		ln2Hi = 6.93147180369123816490e-01
		ln2Lo = 1.90821492927058770002e-10
		l1    = 6.666666666666735130e-01
		l2    = 3.999999999940941908e-01
		l3    = 2.857142874366239149e-01
		l4    = 2.222219843214978396e-01
		l5    = 1.818357216161805012e-01
		l6    = 1.531383769920937332e-01
		l7    = 1.479819860511658591e-01
	)
	word := math.Float64bits(x)
	exponent := int(word>>52) - 1022
	fraction := math.Float64frombits(word&(1<<52-1) | 1022<<52) // in [0.5, 1)
	if fraction < math.Sqrt2/2 {
		fraction = float64(fraction * 2)
		exponent--
	}
	k := float64(exponent)
	f := fraction - 1
	s := f / (2 + f)
	s2 := float64(s * s)
	s4 := float64(s2 * s2)
	odd := float64(s4*l7) + l5
	odd = float64(odd*s4) + l3
	odd = float64(odd*s4) + l1
	even := float64(s4*l6) + l4
	even = float64(even*s4) + l2
	r := float64(s2*odd) + float64(s4*even)
	half := float64(0.5 * f * f)
	return float64(k*ln2Hi) - ((half - (float64(s*(half+r)) + float64(k*ln2Lo))) - f)
}

// sincos returns the sine and cosine of x in radians, |x| <= 1e6, with an
// absolute error below 1e-15. Method: subtract the nearest multiple of pi/2 in
// three parts, then the polynomials of Cephes (Moshier).
func sincos(x float64) (sin, cos float64) {
	const (
		twoOverPi = 2 / math.Pi
		piA       = 2 * 7.85398125648498535156e-1
		piB       = 2 * 3.77489470793079817668e-8
		piC       = 2 * 2.69515142907905952645e-15
	)
	k := math.Floor(float64(x*twoOverPi) + 0.5)
	z := ((x - float64(k*piA)) - float64(k*piB)) - float64(k*piC)
	zz := float64(z * z)
	s := float64(zz*1.58962301576546568060e-10) - 2.50507477628578072866e-8
	s = float64(s*zz) + 2.75573136213857245213e-6
	s = float64(s*zz) - 1.98412698295895385996e-4
	s = float64(s*zz) + 8.33333333332211858878e-3
	s = float64(s*zz) - 1.66666666666666307295e-1
	s = z + float64(z*zz*s)
	c := float64(zz*-1.13585365213876817300e-11) + 2.08757008419747316778e-9
	c = float64(c*zz) - 2.75573141792967388112e-7
	c = float64(c*zz) + 2.48015872888517045348e-5
	c = float64(c*zz) - 1.38888888888730564116e-3
	c = float64(c*zz) + 4.16666666666665929218e-2
	c = (1 - float64(0.5*zz)) + float64(zz*zz*c)
	switch int64(k) & 3 {
	case 0:
		return s, c
	case 1:
		return c, -s
	case 2:
		return -s, -c
	}
	return -c, s
}

// atan2 returns the angle of (x, y) in (-pi, pi], 0 at the origin, with an
// absolute error below 1e-15. Method: the rational approximation of Cephes on
// [0, 0.66], reached by arctan a = pi/4 + arctan((a-1)/(a+1)) with the smaller
// coordinate over the larger.
func atan2(y, x float64) float64 {
	ax, ay := math.Abs(x), math.Abs(y)
	if ax == 0 && ay == 0 {
		return 0
	}
	a := math.Min(ax, ay) / math.Max(ax, ay)
	base := 0.0
	if a > 0.66 {
		base = math.Pi / 4
		a = (a - 1) / (a + 1)
	}
	z := float64(a * a)
	p := float64(z*-8.750608600031904122785e-01) - 1.615753718733365076637e+01
	p = float64(p*z) - 7.500855792314704667340e+01
	p = float64(p*z) - 1.228866684490136173410e+02
	p = float64(p*z) - 6.485021904942025371773e+01
	q := z + 2.485846490142306297962e+01
	q = float64(q*z) + 1.650270098316988542046e+02
	q = float64(q*z) + 4.328810604912902668951e+02
	q = float64(q*z) + 4.853903996359136964868e+02
	q = float64(q*z) + 1.945506571482613964425e+02
	angle := base + (a + float64(a*(float64(z*p)/q)))
	if ay > ax {
		angle = math.Pi/2 - angle
	}
	if x < 0 {
		angle = math.Pi - angle
	}
	if y < 0 {
		return -angle
	}
	return angle
}

// wave returns the cosine of x turns (2 pi x), |x| <= 1e6, with an absolute
// error below 1e-9: all a random field needs, without branches and so several
// times faster than sincos. Method: fold x to the quarter turn around the nearest
// zero, then the Taylor series of the sine up to the 13th power.
func wave(x float64) float64 {
	const tau = 2 * math.Pi
	x -= math.Floor(x + 0.5)
	u := 0.25 - math.Abs(x)
	z := float64(tau * tau * u * u)
	s := 1.0/39916800 - float64(z*(1.0/6227020800))
	s = 1.0/362880 - float64(z*s)
	s = 1.0/5040 - float64(z*s)
	s = 1.0/120 - float64(z*s)
	s = 1.0/6 - float64(z*s)
	s = 1 - float64(z*s)
	return float64(tau * u * s)
}
