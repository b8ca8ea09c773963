package jpeg2000

import "math/bits"

// mqWriter is the encoder of Annex C.2.
type mqWriter struct {
	a, c uint32
	ct   int
	out  []byte // out[0] is a place before the first byte
	i    [19]int
	mps  [19]int
}

var writerStates = func() (t [47][4]int) {
	qe := []int{0x5601, 0x3401, 0x1801, 0x0AC1, 0x0521, 0x0221, 0x5601, 0x5401, 0x4801, 0x3801, 0x3001, 0x2401, 0x1C01, 0x1601, 0x5601, 0x5401, 0x5101, 0x4801, 0x3801, 0x3401, 0x3001, 0x2801, 0x2401, 0x2201, 0x1C01, 0x1801, 0x1601, 0x1401, 0x1201, 0x1101, 0x0AC1, 0x09C1, 0x08A1, 0x0521, 0x0441, 0x02A1, 0x0221, 0x0141, 0x0111, 0x0085, 0x0049, 0x0025, 0x0015, 0x0009, 0x0005, 0x0001, 0x5601}
	nm := []int{1, 2, 3, 4, 5, 38, 7, 8, 9, 10, 11, 12, 13, 29, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 45, 46}
	nl := []int{1, 6, 9, 12, 29, 33, 6, 14, 14, 14, 17, 18, 20, 21, 14, 14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 46}
	for i := range t {
		t[i] = [4]int{qe[i], nm[i], nl[i], 0}
	}
	t[0][3], t[6][3], t[14][3] = 1, 1, 1
	return t
}()

func (m *mqWriter) contexts() {
	m.i, m.mps = [19]int{0: 4, 17: 3, 18: 46}, [19]int{}
}

func (m *mqWriter) start() { m.a, m.c, m.ct, m.out = 0x8000, 0, 12, []byte{0} }

func (m *mqWriter) put(cx, d int) {
	s := writerStates[m.i[cx]]
	q := uint32(s[0])
	m.a -= q
	if d == m.mps[cx] {
		if m.a&0x8000 != 0 {
			m.c += q
			return
		}
		if m.a < q {
			m.a = q
		} else {
			m.c += q
		}
		m.i[cx] = s[1]
	} else {
		if m.a < q {
			m.c += q
		} else {
			m.a = q
		}
		if s[3] == 1 {
			m.mps[cx] ^= 1
		}
		m.i[cx] = s[2]
	}
	for {
		m.a <<= 1
		m.c <<= 1
		if m.ct--; m.ct == 0 {
			m.byteOut()
		}
		if m.a&0x8000 != 0 {
			return
		}
	}
}

func (m *mqWriter) byteOut() {
	last := len(m.out) - 1
	if m.out[last] != 0xff && m.c >= 0x8000000 {
		m.out[last]++
		m.c &= 0x7ffffff
	}
	if m.out[last] == 0xff {
		m.out = append(m.out, byte(m.c>>20))
		m.c &= 0xfffff
		m.ct = 7
		return
	}
	m.out = append(m.out, byte(m.c>>19))
	m.c &= 0x7ffff
	m.ct = 8
}

func (m *mqWriter) flush() []byte {
	top := m.c + m.a
	m.c |= 0xffff
	if m.c >= top {
		m.c -= 0x8000
	}
	m.c <<= m.ct
	m.byteOut()
	m.c <<= m.ct
	m.byteOut()
	out := m.out[1:]
	for len(out) > 0 && out[len(out)-1] == 0xff {
		out = out[:len(out)-1]
	}
	return out
}

// bitWriter stuffs a bit after each byte 0xff.
type bitWriter struct {
	out []byte
	cur byte
	n   int
}

func (w *bitWriter) put(v, n int) {
	for n--; n >= 0; n-- {
		room := 8
		if len(w.out) > 0 && w.out[len(w.out)-1] == 0xff {
			room = 7
		}
		w.cur |= byte(v>>n&1) << (room - 1 - w.n)
		if w.n++; w.n == room {
			w.out = append(w.out, w.cur)
			w.cur, w.n = 0, 0
		}
	}
}

func (w *bitWriter) end() []byte {
	if w.n > 0 {
		w.out = append(w.out, w.cur)
		w.cur, w.n = 0, 0
	}
	if len(w.out) > 0 && w.out[len(w.out)-1] == 0xff {
		w.out = append(w.out, 0)
	}
	return w.out
}

// coded is an encoded block: its segments and what they hold.
type coded struct {
	planes   int
	segments [][]byte
	passes   []int
}

// encodeBlock codes a block of signed integers.
func encodeBlock(v []int, w, h, orient, style int) coded {
	most := 0
	for _, x := range v {
		most = max(most, x, -x)
	}
	planes := bits.Len(uint(most))
	if planes == 0 {
		return coded{}
	}
	sig, visited, refined := make([]bool, w*h), make([]bool, w*h), make([]bool, w*h)
	causal := style&8 != 0
	// at tells about the neighbour (dx, dy) of (x, y): 0 not significant, else its sign.
	at := func(x, y, dx, dy int) int {
		nx, ny := x+dx, y+dy
		if nx < 0 || ny < 0 || nx >= w || ny >= h || causal && dy == 1 && y%4 == 3 || !sig[ny*w+nx] {
			return 0
		}
		if v[ny*w+nx] < 0 {
			return -1
		}
		return 1
	}
	count := func(x, y int) (hh, vv, dd int) {
		for dy := -1; dy <= 1; dy++ {
			for dx := -1; dx <= 1; dx++ {
				if n := at(x, y, dx, dy) & 1; dx != 0 && dy != 0 {
					dd += n
				} else if dx != 0 {
					hh += n
				} else if dy != 0 {
					vv += n
				}
			}
		}
		return
	}
	zero := func(x, y int) int {
		hh, vv, dd := count(x, y)
		if orient == 1 {
			hh, vv = vv, hh
		}
		if orient == 3 {
			hv := hh + vv
			switch {
			case dd >= 3:
				return 8
			case dd == 2 && hv >= 1:
				return 7
			case dd == 2:
				return 6
			case dd == 1 && hv >= 2:
				return 5
			case dd == 1 && hv == 1:
				return 4
			case dd == 1:
				return 3
			}
			return min(hv, 2)
		}
		switch {
		case hh == 2:
			return 8
		case hh == 1 && vv >= 1:
			return 7
		case hh == 1 && dd >= 1:
			return 6
		case hh == 1:
			return 5
		case vv == 2:
			return 4
		case vv == 1:
			return 3
		}
		return min(dd, 2)
	}
	var m mqWriter
	m.contexts()
	var raw *bitWriter
	put := func(cx, d int) {
		if raw != nil {
			raw.put(d, 1)
		} else {
			m.put(cx, d)
		}
	}
	sign := func(x, y int) {
		d := 0
		if v[y*w+x] < 0 {
			d = 1
		}
		hh := max(-1, min(1, at(x, y, -1, 0)+at(x, y, 1, 0)))
		vv := max(-1, min(1, at(x, y, 0, -1)+at(x, y, 0, 1)))
		t := map[[2]int][2]int{{1, 1}: {13, 0}, {1, 0}: {12, 0}, {1, -1}: {11, 0}, {0, 1}: {10, 0}, {0, 0}: {9, 0}, {0, -1}: {10, 1}, {-1, 1}: {11, 1}, {-1, 0}: {12, 1}, {-1, -1}: {13, 1}}[[2]int{hh, vv}]
		if raw == nil {
			d ^= t[1]
		}
		put(t[0], d)
		sig[y*w+x] = true
	}
	c := coded{planes: planes}
	open := false
	total := 3*planes - 2
	for p := range total {
		plane := planes - 1 - (p+2)/3
		kind := (p + 2) % 3
		isRaw := style&1 != 0 && p >= 10 && kind != 2
		if !open {
			raw = nil
			if isRaw {
				raw = new(bitWriter)
			} else {
				m.start()
			}
			c.segments, c.passes, open = append(c.segments, nil), append(c.passes, 0), true
		}
		c.passes[len(c.passes)-1]++
		bit := func(i int) int {
			x := v[i]
			return max(x, -x) >> plane & 1
		}
		for y0 := 0; y0 < h; y0 += 4 {
			for x := range w {
				start := y0
				forced := false
				if kind == 2 && y0+4 <= h {
					free := true
					for y := y0; y < y0+4; y++ {
						hh, vv, dd := count(x, y)
						free = free && hh+vv+dd == 0 && !sig[y*w+x] && !visited[y*w+x]
					}
					if free {
						r := 0
						for r < 4 && bit((y0+r)*w+x) == 0 {
							r++
						}
						if r == 4 {
							put(17, 0)
							continue
						}
						put(17, 1)
						put(18, r>>1)
						put(18, r&1)
						start, forced = y0+r, true
					}
				}
				for y := start; y < min(y0+4, h); y++ {
					i := y*w + x
					hh, vv, dd := count(x, y)
					any := hh+vv+dd > 0
					switch {
					case kind == 0 && !sig[i] && any, kind == 2 && !sig[i] && !visited[i]:
						if !forced {
							put(zero(x, y), bit(i))
						}
						forced = false
						if bit(i) == 1 {
							sign(x, y)
						}
						visited[i] = kind == 0
					case kind == 1 && sig[i] && !visited[i]:
						cx := 14
						if refined[i] {
							cx = 16
						} else if any {
							cx = 15
						}
						put(cx, bit(i))
						refined[i] = true
					}
				}
			}
		}
		if kind == 2 {
			clear(visited)
			if style&32 != 0 {
				for _, d := range []int{1, 0, 1, 0} {
					put(18, d)
				}
			}
		}
		ends := p == total-1 || style&4 != 0
		if style&1 != 0 && p >= 9 && kind != 0 {
			ends = true
		}
		if ends {
			if raw != nil {
				c.segments[len(c.segments)-1] = raw.end()
			} else {
				c.segments[len(c.segments)-1] = m.flush()
			}
			open = false
		}
		if style&2 != 0 {
			m.contexts()
		}
	}
	return c
}
