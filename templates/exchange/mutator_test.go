package exchange

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"slices"

	"immis/templates"
)

// field is a number in a file that is, or may be, a length or a count.
type field struct {
	at, size int
	order    binary.ByteOrder // nil: decimal digits
}

// outline is what a mutation needs to know of a file: where its parts begin (the first
// is 0, and the end of the last is that of the file) and where its lengths stand.
type outline struct {
	cuts    []int
	lengths []field
}

func outlineOf(f templates.Format, data []byte) outline {
	o := outline{cuts: []int{0}}
	cut := func(i int) {
		if i > o.cuts[len(o.cuts)-1] && i < len(data) {
			o.cuts = append(o.cuts, i)
		}
	}
	length := func(at, size int, order binary.ByteOrder) {
		if at >= 0 && at+size <= len(data) {
			o.lengths = append(o.lengths, field{at, size, order})
		}
	}
	be, le := binary.ByteOrder(binary.BigEndian), binary.ByteOrder(binary.LittleEndian)
	switch f {
	case templates.FormatPNG:
		for i := 8; i+12 <= len(data); i += 12 + int(be.Uint32(data[i:])) {
			cut(i)
			length(i, 4, be)
		}
		length(16, 4, be)
		length(20, 4, be)
	case templates.FormatJPEG, templates.FormatWSQ, templates.FormatJP2:
		for i := 0; f == templates.FormatJP2 && i+8 <= len(data); {
			cut(i)
			length(i, 4, be)
			name, n := string(data[i+4:i+8]), int(be.Uint32(data[i:]))
			if name == "jp2h" || name == "jp2c" || n < 8 {
				n = 8
			}
			if i += n; name == "jp2c" {
				break
			}
		}
		for i := 0; i+4 <= len(data); i++ {
			if m := data[i+1]; data[i] == 0xff && m >= 0x4f && m != 0xff && i >= o.cuts[len(o.cuts)-1] {
				cut(i)
				length(i+2, 2, be)
				for j := 4; j < 16 && m != 0xda; j += 2 { // sizes, counts
					length(i+j, 2, be)
				}
			}
		}
	case templates.FormatBMP:
		for i := 2; i < 54; i += 4 {
			cut(i)
			length(i, 4, le)
		}
		cut(54)
	case templates.FormatTIFF:
		order := le
		if data[0] == 'M' {
			order = be
		}
		cut(8)
		length(4, 4, order)
		if at := int(order.Uint32(data[4:])); at+2 < len(data) {
			length(at, 2, order)
			for i := range int(order.Uint16(data[at:])) {
				e := at + 2 + 12*i
				cut(e)
				length(e+4, 4, order)
				length(e+8, 4, order)
				length(e+8, 2, order)
			}
		}
	case templates.FormatANSINIST:
		for i, c := range data {
			if c == 0x1c || c == 0x1d || c == 0x1e || c == 0x1f {
				cut(i + 1)
			}
		}
		o.digits(data)
	case templates.FormatCBEFF:
		for i, c := range data {
			if c == '<' || i > 0 && data[i-1] == '>' {
				cut(i)
			}
		}
		o.digits(data)
	default: // records: every number near the front that could count what follows
		unit := 4
		switch f {
		case templates.FormatISO19794_2_CardNormal:
			unit = 5
		case templates.FormatISO19794_2_CardCompact:
			unit = 3
		}
		for i := 0; i < len(data) && i < 4096; i += unit {
			cut(i)
		}
		for i := range min(len(data), 200) {
			length(i, 1, be)
			length(i, 2, be)
			length(i, 4, be)
		}
		length(len(data)-2, 2, be)
	}
	return o
}

// digits adds numbers of 1 to 9 digits.
func (o *outline) digits(data []byte) {
	for i := 0; i < len(data) && len(o.lengths) < 4000; i++ {
		n := 0
		for n < 10 && i+n < len(data) && data[i+n] >= '0' && data[i+n] <= '9' {
			n++
		}
		if n > 0 && n < 10 {
			o.lengths = append(o.lengths, field{i, n, nil})
		}
		i += n
	}
}

// mutator makes damaged files from sound ones of a format.
type mutator struct {
	format templates.Format
	*rand.Rand
}

// mutate damages a file once; other is another sound file of the format.
func (m mutator) mutate(data, other []byte) (string, []byte) {
	o := outlineOf(m.format, data)
	out := bytes.Clone(data)
	piece := func() (from, to int) {
		i := m.IntN(len(o.cuts))
		if from, to = o.cuts[i], len(data); i+1 < len(o.cuts) {
			to = o.cuts[i+1]
		}
		return from, to
	}
	// place prefers the front, where headers are.
	place := func() int {
		if m.IntN(2) == 0 {
			return m.IntN(min(len(out), 64))
		}
		return m.IntN(len(out))
	}
	switch m.IntN(10) {
	case 0:
		for range 1 + m.IntN(8) {
			out[place()] ^= 1 << m.IntN(8)
		}
		return "bits", out
	case 1:
		for range 1 + m.IntN(4) {
			out[place()] = []byte{0, 255, 0x7f, 0x80}[m.IntN(4)]
		}
		return "bytes", out
	case 2, 3, 4:
		if len(o.lengths) == 0 {
			break
		}
		return "length", m.relength(out, o.lengths[m.IntN(len(o.lengths))])
	case 5:
		from, to := piece()
		return "duplicated", slices.Concat(out[:to], out[from:to], out[to:])
	case 6:
		from, to := piece()
		return "removed", slices.Concat(out[:from], out[to:])
	case 7:
		a, b := piece()
		c, d := piece()
		if c < a {
			a, b, c, d = c, d, a, b
		}
		if c == a {
			break
		}
		return "swapped", slices.Concat(out[:a], data[c:d], data[b:c], data[a:b], data[d:])
	case 8:
		if from, _ := piece(); from > 0 && m.IntN(2) == 0 {
			return "cut", out[:from]
		}
	case 9:
		from, _ := piece()
		theirs := outlineOf(m.format, other).cuts
		return "spliced", slices.Concat(out[:from], other[theirs[m.IntN(len(theirs))]:])
	}
	return "cut", out[:m.IntN(len(out))]
}

// relength changes a number by one, doubles it, or makes it 0 or the largest.
func (m mutator) relength(out []byte, f field) []byte {
	b := out[f.at : f.at+f.size]
	var v uint64
	most := uint64(1)<<(8*min(f.size, 7)) - 1
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	if f.order == nil {
		v, most = 0, uint64(math.Pow10(f.size))-1
		for _, c := range b {
			v = 10*v + uint64(c-'0')
		}
	} else if f.order == binary.LittleEndian {
		v = 0
		for i := range b {
			v |= uint64(b[i]) << (8 * i)
		}
	}
	v = []uint64{v + 1, v - 1, v * 2, 0, most, most / 2, v / 2, v + uint64(m.IntN(1000)), uint64(len(out))}[m.IntN(9)]
	if f.order == nil {
		// Also of another number of digits.
		return slices.Concat(out[:f.at], fmt.Append(nil, min(v, math.MaxUint64/2)), out[f.at+f.size:])
	}
	for i := range b {
		shift := 8 * i
		if f.order == binary.BigEndian {
			shift = 8 * (f.size - 1 - i)
		}
		b[i] = byte(v >> shift)
	}
	return out
}

// repair corrects what would hide a mutation from all but the first check: checksums,
// and the length of the whole.
func repair(f templates.Format, data []byte) []byte {
	be := binary.BigEndian
	switch {
	case f == templates.FormatPNG:
		for i := 8; i+12 <= len(data); {
			n := int(be.Uint32(data[i:]))
			if n > len(data)-i-12 {
				break
			}
			be.PutUint32(data[i+8+n:], crc32.ChecksumIEEE(data[i+4:i+8+n]))
			i += 12 + n
		}
	case f == templates.FormatANSINIST:
		if bytes.IndexByte(data, 0x1c) > 0 {
			data = relengthed(data)
		}
	case f == templates.FormatISO19794_4_2005 && len(data) >= 14:
		be.PutUint32(data[10:], uint32(len(data)))
	case (f == templates.FormatANSI378_2004 || f == templates.FormatANSI378_2007) && len(data) >= 10:
		be.PutUint16(data[8:], uint16(len(data)))
	case (f.Searchable() || f.Image()) && bytes.HasPrefix(data, []byte("F")) && len(data) >= 12:
		be.PutUint32(data[8:], uint32(len(data)))
	}
	return data
}
