package jpeg2000

// The MQ arithmetic decoder, Annex C. The interval A and the code register C of
// the standard are kept as A = a + d, C = c + d, with d = min(A - 0x8000, C):
// a symbol that is the more probable one and needs no renormalization, which is
// most of them, costs one subtraction and one comparison. All three are scaled
// by 2^16, as the code register is in Figure C.14.

// half is the smallest renormalized interval.
const half = 0x8000 << 16

// context is the adaptive state of one context label.
type context struct {
	// q is Qe of the state, scaled by 2^16.
	q     int32
	mps   uint8
	index uint8
}

// transition is a row of Table C.2.
type transition struct {
	qe         uint16
	nmps, nlps uint8
	swap       uint8
}

var transitions = [47]transition{
	{0x5601, 1, 1, 1}, {0x3401, 2, 6, 0}, {0x1801, 3, 9, 0}, {0x0ac1, 4, 12, 0},
	{0x0521, 5, 29, 0}, {0x0221, 38, 33, 0}, {0x5601, 7, 6, 1}, {0x5401, 8, 14, 0},
	{0x4801, 9, 14, 0}, {0x3801, 10, 14, 0}, {0x3001, 11, 17, 0}, {0x2401, 12, 18, 0},
	{0x1c01, 13, 20, 0}, {0x1601, 29, 21, 0}, {0x5601, 15, 14, 1}, {0x5401, 16, 14, 0},
	{0x5101, 17, 15, 0}, {0x4801, 18, 16, 0}, {0x3801, 19, 17, 0}, {0x3401, 20, 18, 0},
	{0x3001, 21, 19, 0}, {0x2801, 22, 19, 0}, {0x2401, 23, 20, 0}, {0x2201, 24, 21, 0},
	{0x1c01, 25, 22, 0}, {0x1801, 26, 23, 0}, {0x1601, 27, 24, 0}, {0x1401, 28, 25, 0},
	{0x1201, 29, 26, 0}, {0x1101, 30, 27, 0}, {0x0ac1, 31, 28, 0}, {0x09c1, 32, 29, 0},
	{0x08a1, 33, 30, 0}, {0x0521, 34, 31, 0}, {0x0441, 35, 32, 0}, {0x02a1, 36, 33, 0},
	{0x0221, 37, 34, 0}, {0x0141, 38, 35, 0}, {0x0111, 39, 36, 0}, {0x0085, 40, 37, 0},
	{0x0049, 41, 38, 0}, {0x0025, 42, 39, 0}, {0x0015, 43, 40, 0}, {0x0009, 44, 41, 0},
	{0x0005, 45, 42, 0}, {0x0001, 45, 43, 0}, {0x5601, 46, 46, 0},
}

func contextAt(index uint8) context {
	return context{q: int32(transitions[index].qe) << 16, index: index}
}

// arithmetic decodes the symbols of one codeword segment.
type arithmetic struct {
	a, c, d int
	// shifts is how often C can move before it needs the next byte.
	shifts int
	// data is the segment and two bytes 0xff, which stand for its end (clause
	// D.4.1: the decoder goes on with ones).
	data []byte
	pos  int
}

// start is INITDEC, Figure C.10.
func (m *arithmetic) start(data []byte) {
	m.data, m.pos = data, 0
	c := int(data[0]) << 16
	c = m.next(c) << 7
	m.shifts -= 7
	m.settle(half, c)
}

func (m *arithmetic) settle(a, c int) {
	m.d = min(a-half, c)
	m.a, m.c = a-m.d, c-m.d
}

// next is BYTEIN, Figure C.19.
func (m *arithmetic) next(c int) int {
	if m.data[m.pos] != 0xff {
		m.pos++
		m.shifts = 8
		return c + int(m.data[m.pos])<<8
	}
	if m.data[m.pos+1] > 0x8f {
		m.shifts = 8
		return c + 0xff00
	}
	m.pos++
	m.shifts = 7
	return c + int(m.data[m.pos])<<9
}

// slow finishes a symbol after d went below 0: it is the less probable one, or
// the interval must grow. It returns the symbol and the new d.
func (m *arithmetic) slow(k *context, d int) (uint32, int) {
	a, c, q := m.a+d, m.c+d, int(k.q)
	t := &transitions[k.index]
	bit := k.mps
	// The two exchanges of Figures C.16 and C.17: the sub-interval of the more
	// probable symbol may be the smaller one.
	less := a < q
	if c < 0 {
		c += q
		a = q
		less = !less
	}
	if less {
		bit ^= 1
		k.mps ^= t.swap
		k.index = t.nlps
	} else {
		k.index = t.nmps
	}
	k.q = int32(transitions[k.index].qe) << 16
	for a < half {
		if m.shifts == 0 {
			c = m.next(c)
		}
		a <<= 1
		c <<= 1
		m.shifts--
	}
	m.settle(a, c)
	return uint32(bit), m.d
}

// rawBits reads the bits of a segment that bypasses the arithmetic coder: after
// a byte 0xff comes a stuffed bit. Ones follow the end.
type rawBits struct {
	data []byte
	pos  int
	last byte
	n    int
}

func (r *rawBits) bit() uint32 {
	if r.n == 0 {
		r.n = 8
		if r.last == 0xff {
			r.n = 7
		}
		r.last = 0xff
		if r.pos < len(r.data) {
			r.last = r.data[r.pos]
			r.pos++
		}
	}
	r.n--
	return uint32(r.last>>r.n) & 1
}
