package wsq

import (
	"encoding/binary"
	"fmt"
	"math"

	"immis/templates"
)

// Lengths of marker segments that have only one, counting the length field.
const (
	frameLength = 17
	quantLength = 2 + 3 + 6*subbands
	blockLength = 3
)

// quantTable is the quantization table: the centre of the bins
// and, per subband, the width of its bins and of its zero bin. Width 0: the
// subband is not transmitted.
type quantTable struct {
	center     float32
	bins, zero [subbands]float32
}

// scaled16 reads an exponent and a 16-bit value: value / 10^exponent. The
// reference divides step by step and rounds each time; so does this.
func scaled16(b []byte) float32 {
	return tenths(float32(binary.BigEndian.Uint16(b[1:])), b[0])
}

// scaled32 is scaled16 of a 32-bit value.
func scaled32(b []byte) float32 {
	return tenths(float32(binary.BigEndian.Uint32(b[1:])), b[0])
}

func tenths(v float32, exponent byte) float32 {
	for ; exponent > 0; exponent-- {
		v /= 10
	}
	return v
}

// maxTap bounds a filter coefficient. Those in use are below 1; with this bound
// no sum of a reconstruction leaves the range of float32.
const maxTap = 4

// transform reads a transform table:
//
//	u8 length of the analysis lowpass filter, u8 of the highpass filter
//	then of each the right half, the middle one first:
//	    u8 sign (not 0: negative), u8 exponent, u32 value
//
// A filter of odd length is symmetric about its middle tap, of even length about
// the gap between the two middle taps. The synthesis filters follow from the
// analysis filters by exchanging the two and alternating signs.
func (p *parser) transform() error {
	start := p.pos
	b, offset, err := p.segment("transform table")
	if err != nil {
		return err
	}
	if len(b) < 2 {
		return templates.BadAt(start, templates.ReasonWrongLength, "transform table: length", len(b)+2, ">= 4")
	}
	low, high := int(b[0]), int(b[1])
	for i, n := range []int{low, high} {
		if n < 1 || n > 32 {
			return templates.BadAt(offset+i, templates.ReasonOutOfRange, "transform table: filter length", n, "1..32 taps")
		}
	}
	// Only such lengths put the samples of both bands where perfect
	// reconstruction needs them.
	if low%2 != high%2 || low%2 == 1 && (low+high)%4 != 0 || low%2 == 0 && (low-high)%4 != 0 {
		return templates.BadAt(offset, templates.ReasonUnsupported, "transform table: filter lengths", fmt.Sprintf("%d and %d", low, high),
			"a pair of one symmetry, e.g. 9 and 7 or 8 and 8")
	}
	nl, nh := (low+1)/2, (high+1)/2
	if want := 2 + 6*(nl+nh); len(b) != want {
		return templates.BadAt(start, templates.ReasonWrongLength, "transform table: length", len(b)+2, want+2)
	}
	t := transform{low, high, make([]float64, nl), make([]float64, nh)}
	at := 2
	for _, half := range [][]float64{t.low, t.high} {
		begin, nonzero := at, false
		for i := range half {
			v := scaled32(b[at+1:])
			if v > maxTap {
				return templates.BadAt(offset+at, templates.ReasonOutOfRange, "transform table: coefficient", v, fmt.Sprintf("<= %d", maxTap))
			}
			nonzero = nonzero || v != 0
			if b[at] != 0 {
				v = -v
			}
			half[i] = float64(v)
			at += 6
		}
		if !nonzero {
			return templates.BadAt(offset+begin, templates.ReasonOutOfRange, "transform table: filter", "all zero", "a filter")
		}
	}
	p.filters = t.synthesis()
	p.haveFilters = true
	return nil
}

// quantization reads a quantization table:
//
//	u8 exponent, u16 value: centre C of the bins, 0.44 in practice
//	64 of: u8 exponent, u16 value: width of the bins; u8, u16: of the zero bin
func (p *parser) quantization() error {
	b, offset, err := p.sized("quantization table", quantLength)
	if err != nil {
		return err
	}
	var q quantTable
	q.center = scaled16(b)
	sent := false
	for k := range subbands {
		at := 3 + 6*k
		q.bins[k], q.zero[k] = scaled16(b[at:]), scaled16(b[at+3:])
		if q.bins[k] == 0 {
			continue
		}
		sent = true
		if k >= coded {
			// The specification's encoders never send these, and the reference
			// drops them: what a file with them shall look like is unknown.
			return templates.BadAt(offset+at, templates.ReasonUnsupported, fmt.Sprintf("subband %d: bin width", k), q.bins[k], "0, not transmitted")
		}
	}
	if !sent {
		return templates.BadAt(offset, templates.ReasonMalformed, "quantization table", "no subband transmitted", "at least one")
	}
	p.quant, p.haveQuant = q, true
	return nil
}

// appendScaled16 writes v >= 0 with as many digits as 16 bits hold.
func appendScaled16(b []byte, v float64) []byte {
	exponent, value := scale10(v, math.MaxUint16)
	return binary.BigEndian.AppendUint16(append(b, exponent), uint16(value))
}

// appendScaled32 writes sign and magnitude of a filter coefficient.
func appendScaled32(b []byte, v float64) []byte {
	sign := byte(0)
	if v < 0 {
		sign, v = 1, -v
	}
	exponent, value := scale10(v, math.MaxUint32)
	return binary.BigEndian.AppendUint32(append(b, sign, exponent), uint32(value))
}

// scale10 returns the largest exponent and the value with value/10^exponent
// nearest to v and value <= limit. v is at most limit.
func scale10(v, limit float64) (exponent uint8, value float64) {
	if v <= 0 {
		return 0, 0
	}
	value = math.Round(v)
	for exponent < 20 {
		next := math.Round(v * math.Pow10(int(exponent)+1))
		if next > limit {
			break
		}
		exponent, value = exponent+1, next
	}
	return exponent, math.Min(value, limit)
}
