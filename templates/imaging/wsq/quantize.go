package wsq

import "math"

// Constants of part 3 of the specification.
const (
	binCenter   = 0.44
	zeroBin     = 1.2     // of the width of the other bins
	minVariance = 1.01    // subbands below are not sent
	lowEnergy   = 20000.0 // of subbands 0..3: below, variances are over all samples
)

// The scale of the bins is searched between 2^finest and 2^coarsest. 1 stands for
// the bins of subbands 0..3 being as wide as the samples' unit.
const (
	finest   = -8.0
	coarsest = 10.0
	maxBin   = 60000.0
)

// scaler finds the bins of an image. Their proportions follow from the variances
// of the subbands as part 3 says; their common scale is searched until the
// coded size meets a target, because the rate that the specification's own
// formula predicts is missed by up to half.
type scaler struct {
	plane []float32
	width int
	bands []rect
	// base is the width of the bins at scale 1, 0 for subbands not sent; least is
	// what 15 bits of coefficient allow.
	base, least [subbands]float64

	quant        quantTable
	table        []byte // the quantization table of the scale, as sent
	coefficients []int16
	blocks       [4]int // where the three blocks start, and the end
	codes        [2]huffCode
}

func newScaler(plane []float32, width int, bands []rect) *scaler {
	s := &scaler{plane: plane, width: width, bands: bands, coefficients: make([]int16, 0, len(plane))}
	weights := [...]float64{1.32, 1.08, 1.42, 1.08, 1.32, 1.42, 1.08, 1.08} // of 52..59
	energy := 0.0
	for _, b := range bands[:4] {
		v, _ := s.spread(b, true)
		energy += v
	}
	for k, b := range bands[:coded] {
		if b.w*b.h == 0 {
			continue
		}
		variance, most := s.spread(b, energy >= lowEnergy)
		weight := 1.0
		if k >= block3 {
			weight = weights[k-block3]
		}
		switch {
		case k == 0: // a file without any subband would say nothing
			s.base[k] = 1
		case variance < minVariance:
			continue
		case k < 4:
			s.base[k] = 1
		default:
			s.base[k] = 10 / (weight * math.Log(variance))
		}
		s.least[k] = most / 32000
	}
	return s
}

// spread returns the variance of a subband, inner: of its middle, where the finger
// is, and the largest magnitude of all its samples.
func (s *scaler) spread(b rect, inner bool) (variance, most float64) {
	in := b
	if inner {
		in = rect{b.x + b.w/8, b.y + 9*b.h/32, 3 * b.w / 4, 7 * b.h / 16}
	}
	if in.w*in.h < 2 {
		in = b
	}
	sum, squares := 0.0, 0.0
	for y := in.y; y < in.y+in.h; y++ {
		for _, v := range s.plane[y*s.width+in.x:][:in.w] {
			sum += float64(v)
			squares += float64(float64(v) * float64(v)) // never fused: the same bins on every machine
		}
	}
	for y := b.y; y < b.y+b.h; y++ {
		for _, v := range s.plane[y*s.width+b.x:][:b.w] {
			most = max(most, math.Abs(float64(v)))
		}
	}
	n := float64(in.w * in.h)
	if n < 2 { // of one sample only its energy is known
		return squares, most
	}
	return (squares - sum*sum/n) / (n - 1), most
}

// search leaves the finest bins whose tables and blocks take at most target bytes.
// The size falls as bins widen, with small steps to the other side, so halving
// the interval is enough.
func (s *scaler) search(target float64) {
	low, high := finest, coarsest
	if s.size(low) <= target {
		return
	}
	at := 0.0
	for high-low > 1e-3 {
		size := s.size(at)
		if size <= target {
			high = at
			if size >= 0.99*target {
				return
			}
		} else {
			low = at
		}
		// Near the target the size goes about as 2^(-scale/2).
		guess := at + 2*math.Log2(size/(0.995*target))
		if at = (low + high) / 2; guess > low+0.05*(high-low) && guess < high-0.05*(high-low) {
			at = guess
		}
	}
	s.size(high)
}

// size quantises with a scale of 2^exponent and returns the bytes of Huffman
// tables and entropy-coded data.
func (s *scaler) size(exponent float64) float64 {
	s.setBins(math.Exp2(exponent))
	s.quantize()
	bits := 0
	for i := range s.codes {
		var counts histogram
		var blocks [3]histogram
		for b := range 3 {
			if codeOf(b) == i {
				blocks[b].count(s.coefficients[s.blocks[b]:s.blocks[b+1]])
				counts.add(&blocks[b])
			}
		}
		s.codes[i] = newHuffCode(&counts)
		bits += 8 * (4 + 1 + maxCodeLen + len(s.codes[i].symbols))
		for b := range 3 {
			if codeOf(b) == i {
				bits += (s.codes[i].bits(&blocks[b]) + 7) &^ 7
			}
		}
	}
	// One byte in 256 is FF and becomes two.
	return float64(bits) / 8 * (1 + 1.0/256)
}

// codeOf returns which of the two Huffman tables codes a block.
func codeOf(block int) int { return min(block, 1) }

// setBins sets the bins for a scale, as a decoder will read them.
func (s *scaler) setBins(scale float64) {
	s.table = appendScaled16(s.table[:0], binCenter)
	s.quant.center = scaled16(s.table)
	for k := range subbands {
		bin := 0.0
		if s.base[k] > 0 {
			bin = min(max(s.base[k]*scale, s.least[k]), maxBin/zeroBin)
		}
		s.table = appendScaled16(appendScaled16(s.table, bin), bin*zeroBin)
		at := s.table[len(s.table)-6:]
		s.quant.bins[k], s.quant.zero[k] = scaled16(at), scaled16(at[3:])
	}
}

// quantize fills coefficients: 0 within the zero bin, otherwise the number of the
// bin with the sign of the sample, clause A.3.
func (s *scaler) quantize() {
	s.coefficients = s.coefficients[:0]
	block := 0
	for k, b := range s.bands[:coded] {
		for block <= blockOf(k) {
			s.blocks[block] = len(s.coefficients)
			block++
		}
		bin, half := s.quant.bins[k], s.quant.zero[k]/2
		if bin == 0 {
			continue
		}
		inverse := 1 / bin
		for y := b.y; y < b.y+b.h; y++ {
			row := s.plane[y*s.width+b.x:][:b.w]
			at := len(s.coefficients)
			s.coefficients = s.coefficients[:at+b.w]
			for i, v := range row {
				p := int16(0)
				if v > half {
					p = int16(float32((v-half)*inverse) + 1)
				} else if v < -half {
					p = int16(float32((v+half)*inverse) - 1)
				}
				s.coefficients[at+i] = p
			}
		}
	}
	s.blocks[3] = len(s.coefficients)
}

func (s *scaler) appendQuantization(out []byte) []byte {
	return append(appendSegment(out, markDQT, len(s.table)), s.table...)
}

// appendBlocks writes the three blocks, each table before the first block that
// uses it.
func (s *scaler) appendBlocks(out []byte) []byte {
	for b := range 3 {
		code := &s.codes[codeOf(b)]
		if b < len(s.codes) {
			out = appendSegment(out, markDHT, 1+maxCodeLen+len(code.symbols))
			out = append(out, byte(codeOf(b)))
			out = append(out, code.counts[1:]...)
			out = append(out, code.symbols...)
		}
		out = append(appendSegment(out, markSOB, blockLength-2), byte(codeOf(b)))
		out = code.appendEntropy(out, s.coefficients[s.blocks[b]:s.blocks[b+1]])
	}
	return out
}
