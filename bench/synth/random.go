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
	drawDeviates
	drawUniform
	drawRow
	drawRowSample
	drawRidges
	drawPrint
	drawPortrait
	drawHousehold
	drawIndividual
	drawDeclared
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
// Relative accuracy about 1e-16 in real arithmetic. The polynomials are summed
// by pairs (Estrin), which halves the time of Horner's chain.
func quantile(p float64) float64 {
	q := p - 0.5
	if math.Abs(q) > 0.425 {
		return quantileTail(p)
	}
	r := 0.180625 - float64(q*q)
	r2 := float64(r * r)
	r4 := float64(r2 * r2)
	num0 := 3.3871328727963666080e0 + float64(r*1.3314166789178437745e+2)
	num2 := 1.9715909503065514427e+3 + float64(r*1.3731693765509461125e+4)
	num4 := 4.5921953931549871457e+4 + float64(r*6.7265770927008700853e+4)
	num6 := 3.3430575583588128105e+4 + float64(r*2.5090809287301226727e+3)
	num := (num0 + float64(r2*num2)) + float64(r4*(num4+float64(r2*num6)))
	den0 := 1 + float64(r*4.2313330701600911252e+1)
	den2 := 6.8718700749205790830e+2 + float64(r*5.3941960214247511077e+3)
	den4 := 2.1213794301586595867e+4 + float64(r*3.9307895800092710610e+4)
	den6 := 2.8729085735721942674e+4 + float64(r*5.2264952788528545610e+3)
	den := (den0 + float64(r2*den2)) + float64(r4*(den4+float64(r2*den6)))
	return q * num / den
}

// quantileTail is quantile outside 0.075..0.925.
func quantileTail(p float64) float64 {
	tail := math.Min(p, 1-p)
	r := math.Sqrt(-log(tail))
	var z float64
	if r <= 5 {
		r -= 1.6
		r2 := float64(r * r)
		r4 := float64(r2 * r2)
		num0 := 1.42343711074968357734e0 + float64(r*4.63033784615654529590e0)
		num2 := 5.76949722146069140550e0 + float64(r*3.64784832476320460504e0)
		num4 := 1.27045825245236838258e0 + float64(r*2.41780725177450611770e-1)
		num6 := 2.27238449892691845833e-2 + float64(r*7.74545014278341407640e-4)
		num := (num0 + float64(r2*num2)) + float64(r4*(num4+float64(r2*num6)))
		den0 := 1 + float64(r*2.05319162663775882187e0)
		den2 := 1.67638483018380384940e0 + float64(r*6.89767334985100004550e-1)
		den4 := 1.48103976427480074590e-1 + float64(r*1.51986665636164571966e-2)
		den6 := 5.47593808499534494600e-4 + float64(r*1.05075007164441684324e-9)
		den := (den0 + float64(r2*den2)) + float64(r4*(den4+float64(r2*den6)))
		z = num / den
	} else {
		r -= 5
		r2 := float64(r * r)
		r4 := float64(r2 * r2)
		num0 := 6.65790464350110377720e0 + float64(r*5.46378491116411436990e0)
		num2 := 1.78482653991729133580e0 + float64(r*2.96560571828504891230e-1)
		num4 := 2.65321895265761230930e-2 + float64(r*1.24266094738807843860e-3)
		num6 := 2.71155556874348757815e-5 + float64(r*2.01033439929228813265e-7)
		num := (num0 + float64(r2*num2)) + float64(r4*(num4+float64(r2*num6)))
		den0 := 1 + float64(r*5.99832206555887937690e-1)
		den2 := 1.36929880922735805310e-1 + float64(r*1.48753612908506148525e-2)
		den4 := 7.86869131145613259100e-4 + float64(r*1.84631831751005468180e-5)
		den6 := 1.42151175831644588870e-7 + float64(r*2.04426310338993978564e-15)
		den := (den0 + float64(r2*den2)) + float64(r4*(den4+float64(r2*den6)))
		z = num / den
	}
	if p < 0.5 {
		return -z
	}
	return z
}
