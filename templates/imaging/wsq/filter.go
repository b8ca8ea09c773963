package wsq

// filters are one pair of taps for synthesis or for analysis, in the order in
// which they meet the samples from left to right: every output is a sum of tap i
// times sample start+i, taken in that order.
type filters struct {
	low, high []float32
	// odd: whole-sample symmetry, both lengths odd. Otherwise half-sample: the
	// lowpass is symmetric, the highpass antisymmetric, both lengths even.
	odd bool
}

// mirror widens the right half of a filter, its middle first, to all its n taps;
// odd lengths share the middle tap, and sign is that of the left half.
func mirror(half []float64, n int, sign float32) []float32 {
	taps := make([]float32, n)
	for k, v := range half {
		taps[(n-1)/2-k] = float32(v) * sign
		taps[n/2+k] = float32(v)
	}
	return taps
}

// transform is a pair of analysis filters as a file carries it: lengths and right
// halves, the middle first.
type transform struct {
	lowTaps, highTaps int
	low, high         []float64
}

// standardTransform is what part 3 of the specification prescribes.
func standardTransform() transform {
	return transform{
		lowTaps: 9, low: []float64{0.85269867900940344, 0.37740285561265380, -0.11062440441842342, -0.02384946501938000, 0.03782845550699546},
		highTaps: 7, high: []float64{0.78848561640566439, -0.41809227322221221, -0.04068941760955844, 0.06453888262893845},
	}
}

// append writes a transform table, see parser.transform.
func (t transform) append(out []byte) []byte {
	out = appendSegment(out, markDTT, 2+6*(len(t.low)+len(t.high)))
	out = append(out, byte(t.lowTaps), byte(t.highTaps))
	for _, half := range [][]float64{t.low, t.high} {
		for _, v := range half {
			out = appendScaled32(out, v)
		}
	}
	return out
}

// analysis returns the filters that take an image apart.
func (t transform) analysis() filters {
	f := filters{odd: t.lowTaps%2 == 1, low: mirror(t.low, t.lowTaps, 1)}
	if f.odd {
		f.high = mirror(t.high, t.highTaps, 1)
	} else {
		f.high = mirror(negated(t.high), t.highTaps, -1) // the sum runs against the filter
	}
	return f
}

// synthesis returns the filters that put it together: the lowpass is the analysis
// highpass with alternating signs and the other way round.
func (t transform) synthesis() filters {
	if t.lowTaps%2 == 1 {
		return filters{odd: true, low: mirror(alternate(t.high, 1), t.highTaps, 1), high: mirror(alternate(t.low, 1), t.lowTaps, 1)}
	}
	return filters{low: mirror(alternate(t.high, -1), t.highTaps, 1), high: mirror(negated(alternate(t.low, 1)), t.lowTaps, -1)}
}

func alternate(half []float64, sign float64) []float64 {
	out := make([]float64, len(half))
	for k, v := range half {
		out[k] = v * sign
		sign = -sign
	}
	return out
}

func negated[T float32 | float64](half []T) []T {
	out := make([]T, len(half))
	for k, v := range half {
		out[k] = -v
	}
	return out
}

// edge says how samples continue beyond an end of their row.
type edge uint8

const (
	edgeWhole    edge = iota // mirrored at the last sample
	edgeHalf                 // mirrored behind it, which so comes twice
	edgeNegHalf              // the same with the sign turned
	edgeNegWhole             // mirrored with the sign turned at a zero behind it
)

// extend returns the sample that stands for place i of n samples, and its sign;
// sign 0: a zero.
func extend(i, n int, left, right edge) (index int, sign float32) {
	if n == 0 {
		return 0, 0
	}
	if n == 1 && left == edgeWhole && right == edgeWhole {
		return 0, 1
	}
	sign = 1
	for i < 0 || i >= n {
		if i < 0 {
			switch left {
			case edgeWhole:
				i = -i
			case edgeHalf:
				i = -1 - i
			case edgeNegHalf:
				i, sign = -1-i, -sign
			}
			continue
		}
		switch right {
		case edgeWhole:
			i = 2*(n-1) - i
		case edgeHalf:
			i = 2*n - 1 - i
		case edgeNegHalf:
			i, sign = 2*n-1-i, -sign
		case edgeNegWhole:
			if i == n {
				return 0, 0
			}
			i, sign = 2*n-i, -sign
		}
	}
	return i, sign
}

// bandEdges returns how the low and the high band of n samples continue, which
// follows from the mirroring of the n samples themselves.
func (f *filters) bandEdges(n int) (low, high [2]edge) {
	switch even := n%2 == 0; {
	case f.odd && even:
		return [2]edge{edgeWhole, edgeHalf}, [2]edge{edgeHalf, edgeWhole}
	case f.odd:
		return [2]edge{edgeWhole, edgeWhole}, [2]edge{edgeHalf, edgeHalf}
	case even:
		return [2]edge{edgeHalf, edgeHalf}, [2]edge{edgeNegHalf, edgeNegHalf}
	default:
		return [2]edge{edgeHalf, edgeWhole}, [2]edge{edgeNegHalf, edgeNegWhole}
	}
}

// layout says which samples of the extended bands an output takes. The extended
// low band begins beforeLow samples before its first one, the high band
// beforeHigh. With j = output + skip, the output takes the taps 1-j%2, 3-j%2, ...
// and for them the extended samples j/2, j/2+1, ... of each band.
type layout struct {
	skip                  int
	beforeLow, beforeHigh int
}

func (f *filters) layout() layout {
	nl, nh := len(f.low), len(f.high)
	if f.odd {
		return layout{skip: 1 - (nl-1)/2%2, beforeLow: (nl - 1) / 4, beforeHigh: (nh + 1) / 4}
	}
	return layout{skip: 1 - nl/2%2, beforeLow: nl / 4, beforeHigh: nh / 4}
}

// span is how many extended samples n outputs of a filter take.
func (l layout) span(n, taps int) int { return (n-1+l.skip)/2 + (taps-1)/2 + 1 }
