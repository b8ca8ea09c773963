package synth

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// purpose separates the random streams of one person, so that drawing one more
// number for the face does not move a minutia. Values are never reused.
type purpose uint8

const (
	drawIdentity purpose = iota + 1
	drawFamily
	drawVisit
	drawFace
	drawFaceSample
	drawFinger
	drawImpression
	drawClusters
)

// stream is a source of random numbers: PCG with the DXSM output function
// (O'Neill; 128 bits of state). math/rand/v2 specifies its output; the methods
// of rand.Rand above it are not used, because theirs may change.
type stream struct{ pcg rand.PCG }

// newStream starts the stream of (seed, purpose, index, sub). For one seed,
// purpose and sub, different indexes give different starting states: mix is a
// bijection. Across them 128 bits make a collision improbable.
func newStream(seed uint64, p purpose, index, sub uint64) stream {
	var s stream
	s.pcg.Seed(mix(mix(seed)^mix(uint64(p)<<56|sub)), mix(index))
	return s
}

// mix is the finalizer of SplitMix64 (Steele, Lea, Flood 2014) after one step of
// its counter, so that zero does not map to itself.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// uniform is in (0, 1): 52 bits and a half, so neither end is reached and both
// the sum and the scaling are exact.
func (s *stream) uniform() float64 {
	return float64((float64(s.pcg.Uint64()>>12) + 0.5) * (1.0 / (1 << 52)))
}

// between is uniform in (lo, hi).
func (s *stream) between(lo, hi float64) float64 {
	return lo + float64((hi-lo)*s.uniform())
}

// below is uniform in 0..n-1, n >= 1, by Lemire's multiply-shift. Its bias is at
// most n/2^64.
func (s *stream) below(n uint64) uint64 {
	hi, _ := bits.Mul64(s.pcg.Uint64(), n)
	return hi
}

// chance is true with probability p.
func (s *stream) chance(p float64) bool { return s.uniform() < p }

// gauss is standard normal, by inversion of one uniform number: one draw per
// value keeps streams aligned and the result monotonic in the draw.
func (s *stream) gauss() float64 { return quantile(s.uniform()) }

// lognormal is exp(sigma*g), with g kept within +-limit standard deviations.
func (s *stream) lognormal(sigma, limit float64) float64 {
	g := s.gauss()
	g = math.Max(-limit, math.Min(limit, g))
	return exp(sigma * g)
}

// quantile is the inverse of the standard normal distribution function for p in
// (0, 1): Wichura's PPND16, algorithm AS 241, Applied Statistics 37 (1988).
// Relative accuracy about 1e-16 in real arithmetic.
func quantile(p float64) float64 {
	q := p - 0.5
	if math.Abs(q) <= 0.425 {
		r := 0.180625 - float64(q*q)
		num := float64(r*2.5090809287301226727e+3) + 3.3430575583588128105e+4
		num = float64(num*r) + 6.7265770927008700853e+4
		num = float64(num*r) + 4.5921953931549871457e+4
		num = float64(num*r) + 1.3731693765509461125e+4
		num = float64(num*r) + 1.9715909503065514427e+3
		num = float64(num*r) + 1.3314166789178437745e+2
		num = float64(num*r) + 3.3871328727963666080e+0
		den := float64(r*5.2264952788528545610e+3) + 2.8729085735721942674e+4
		den = float64(den*r) + 3.9307895800092710610e+4
		den = float64(den*r) + 2.1213794301586595867e+4
		den = float64(den*r) + 5.3941960214247511077e+3
		den = float64(den*r) + 6.8718700749205790830e+2
		den = float64(den*r) + 4.2313330701600911252e+1
		den = float64(den*r) + 1.0
		return q * num / den
	}
	r := p
	if q > 0 {
		r = 1 - p
	}
	r = math.Sqrt(-log(r))
	var num, den float64
	if r <= 5 {
		r -= 1.6
		num = float64(r*7.74545014278341407640e-4) + 2.27238449892691845833e-2
		num = float64(num*r) + 2.41780725177450611770e-1
		num = float64(num*r) + 1.27045825245236838258e+0
		num = float64(num*r) + 3.64784832476320460504e+0
		num = float64(num*r) + 5.76949722146069140550e+0
		num = float64(num*r) + 4.63033784615654529590e+0
		num = float64(num*r) + 1.42343711074968357734e+0
		den = float64(r*1.05075007164441684324e-9) + 5.47593808499534494600e-4
		den = float64(den*r) + 1.51986665636164571966e-2
		den = float64(den*r) + 1.48103976427480074590e-1
		den = float64(den*r) + 6.89767334985100004550e-1
		den = float64(den*r) + 1.67638483018380384940e+0
		den = float64(den*r) + 2.05319162663775882187e+0
		den = float64(den*r) + 1.0
	} else {
		r -= 5
		num = float64(r*2.01033439929228813265e-7) + 2.71155556874348757815e-5
		num = float64(num*r) + 1.24266094738807843860e-3
		num = float64(num*r) + 2.65321895265761230930e-2
		num = float64(num*r) + 2.96560571828504891230e-1
		num = float64(num*r) + 1.78482653991729133580e+0
		num = float64(num*r) + 5.46378491116411436990e+0
		num = float64(num*r) + 6.65790464350110377720e+0
		den = float64(r*2.04426310338993978564e-15) + 1.42151175831644588870e-7
		den = float64(den*r) + 1.84631831751005468180e-5
		den = float64(den*r) + 7.86869131145613259100e-4
		den = float64(den*r) + 1.48753612908506148525e-2
		den = float64(den*r) + 1.36929880922735805310e-1
		den = float64(den*r) + 5.99832206555887937690e-1
		den = float64(den*r) + 1.0
	}
	if q < 0 {
		return -num / den
	}
	return num / den
}
