package jpeg2000

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

// A small encoder, written from the standard and apart from the decoder: it
// computes contexts from plain arrays and places from definitions, sample by
// sample, and shares no table and no geometry with what it tests.

// recipe is how an image is encoded.
type recipe struct {
	w, h, x0, y0     int
	tileW, tileH     int // 0: one tile
	tileX, tileY     int
	n, depth         int
	lossy, mct       bool
	levels, cbW, cbH int // exponents
	style, order     int
	precincts        []int // exponents, lowest resolution first; nil: 15
	sop, eph         bool
	layers           int
	perPart          int // packets per tile-part, 0: all
	shift            int // region shift of component 0
	changes          []change
	empty            bool // every second block is left out
	step             float64
	guard            int
	trailer          []byte
	openLength, coc  bool
	drop             int
}

func (r recipe) defaults() recipe {
	if r.n == 0 {
		r.n = 1
	}
	if r.depth == 0 {
		r.depth = 8
	}
	if r.cbW == 0 {
		r.cbW, r.cbH = 4, 4
	}
	if r.layers == 0 {
		r.layers = 1
	}
	if r.tileW == 0 {
		r.tileX, r.tileY, r.tileW, r.tileH = 0, 0, r.x0+r.w, r.y0+r.h
	}
	if r.guard == 0 {
		r.guard = 3
	}
	if r.step == 0 {
		r.step = 1.0 / 64
	}
	return r
}

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

// forward is one level of a wavelet on a line whose first sample has coordinate
// i0: the low-pass samples, then the high-pass samples.
func forward(a []float64, i0 int, lossy bool) {
	n := len(a)
	if n == 1 {
		if i0&1 == 1 {
			a[0] *= 2
		}
		return
	}
	get := func(i int) float64 { // mirrored
		if i < 0 {
			i = -i
		}
		if i >= n {
			i = 2*(n-1) - i
		}
		return a[i]
	}
	lift := func(parity int, f func(l, r float64) float64) {
		for i := range a {
			if (i0+i)&1 == parity {
				a[i] += f(get(i-1), get(i+1))
			}
		}
	}
	if lossy {
		for k, c := range []float64{-1.586134342059924, -0.052980118572961, 0.882911075530934, 0.443506852043971} {
			lift(1-k&1, func(l, r float64) float64 { return c * (l + r) })
		}
	} else {
		lift(1, func(l, r float64) float64 { return -math.Floor((l + r) / 2) })
		lift(0, func(l, r float64) float64 { return math.Floor((l + r + 2) / 4) })
	}
	var low, high []float64
	for i, x := range a {
		if (i0+i)&1 == 0 {
			if lossy {
				x /= 1.230174104914001
			}
			low = append(low, x)
		} else {
			if lossy {
				x *= 1.230174104914001
			}
			high = append(high, x)
		}
	}
	copy(a, append(low, high...))
}

func up(a, b int) int { return int(math.Ceil(float64(a) / float64(b))) }

// encode makes a codestream of samples[component][y*w+x].
func encode(r recipe, samples [][]int) []byte {
	r = r.defaults()
	var out []byte
	u16 := func(v ...int) {
		for _, x := range v {
			out = binary.BigEndian.AppendUint16(out, uint16(x))
		}
	}
	u32 := func(v ...int) {
		for _, x := range v {
			out = binary.BigEndian.AppendUint32(out, uint32(x))
		}
	}
	u8 := func(v ...int) {
		for _, x := range v {
			out = append(out, byte(x))
		}
	}
	u16(0xff4f, 0xff51, 38+3*r.n, 0)
	u32(r.x0+r.w, r.y0+r.h, r.x0, r.y0, r.tileW, r.tileH, r.tileX, r.tileY)
	u16(r.n)
	for range r.n {
		u8(r.depth-1, 1, 1)
	}
	scod, mct, wavelet := 0, 0, 1
	if r.precincts != nil {
		scod |= 1
	}
	if r.sop {
		scod |= 2
	}
	if r.eph {
		scod |= 4
	}
	if r.mct {
		mct = 1
	}
	if r.lossy {
		wavelet = 0
	}
	u16(0xff52, 12+len(r.precincts))
	u8(scod, r.order)
	u16(r.layers)
	u8(mct, r.levels, r.cbW-2, r.cbH-2, r.style, wavelet)
	for _, p := range r.precincts {
		u8(p | p<<4)
	}
	if r.coc { // says the same again for the last component
		u16(0xff53, 9+len(r.precincts))
		u8(r.n-1, scod&1, r.levels, r.cbW-2, r.cbH-2, r.style, wavelet)
		for _, p := range r.precincts {
			u8(p | p<<4)
		}
	}
	bands := 3*r.levels + 1
	exponent := r.depth + 3
	if r.lossy {
		// A step of r.step for each band: 2^(R-e), with R the depth and the gain.
		u16(0xff5c, 3+2*bands)
		u8(r.guard<<5 | 2)
		for b := range bands {
			gain := []int{1, 1, 2}[(b+2)%3]
			if b == 0 {
				gain = 0
			}
			u16((r.depth + gain - int(math.Log2(r.step))) << 11)
		}
	} else {
		u16(0xff5c, 3+bands)
		u8(r.guard << 5)
		for range bands {
			u8(exponent << 3)
		}
	}
	if r.shift > 0 {
		u16(0xff5e, 5)
		u8(0, 0, r.shift)
	}
	if r.changes != nil {
		u16(0xff5f, 2+7*len(r.changes))
		for _, p := range r.changes {
			u8(p.resolution, p.channel)
			u16(p.layers)
			u8(p.resolutionEnd, p.channels, p.order)
		}
	}
	across, down := up(r.x0+r.w-r.tileX, r.tileW), up(r.y0+r.h-r.tileY, r.tileH)
	var parts [][]byte
	for t := range across * down {
		packets := encodeTile(r, samples, t%across, t/across)
		per := r.perPart
		if per == 0 {
			per = len(packets)
		}
		i := 0
		for chunk := range slices.Chunk(packets, per) {
			body := bytes.Join(chunk, nil)
			var p []byte
			p = append(p, 0xff, 0x90, 0, 10, byte(t>>8), byte(t))
			n := len(body) + 14
			if r.openLength && t == across*down-1 && (i+1)*per >= len(packets) {
				n = 0
			}
			p = binary.BigEndian.AppendUint32(p, uint32(n))
			p = append(p, byte(i), 0, 0xff, 0x93)
			parts = append(parts, append(p, body...))
			i++
		}
	}
	if r.perPart > 0 && !r.openLength { // tile-parts of the tiles mixed
		slices.SortStableFunc(parts, func(a, b []byte) int { return int(a[10]) - int(b[10]) })
	}
	out = append(out, bytes.Join(parts, nil)...)
	u16(0xffd9)
	return append(out, r.trailer...)
}

// encodeTile returns the packets of a tile in order.
func encodeTile(r recipe, samples [][]int, p, q int) [][]byte {
	tx0, ty0 := max(r.tileX+p*r.tileW, r.x0), max(r.tileY+q*r.tileH, r.y0)
	tx1, ty1 := min(r.tileX+(p+1)*r.tileW, r.x0+r.w), min(r.tileY+(q+1)*r.tileH, r.y0+r.h)
	w, h := tx1-tx0, ty1-ty0
	planes := make([][]float64, r.n)
	for c := range planes {
		planes[c] = make([]float64, w*h)
		for y := range h {
			for x := range w {
				planes[c][y*w+x] = float64(samples[c][(ty0+y-r.y0)*r.w+tx0+x-r.x0] - 1<<(r.depth-1))
			}
		}
	}
	if r.mct {
		for i := range planes[0] {
			a, b, c := planes[0][i], planes[1][i], planes[2][i]
			if r.lossy {
				planes[0][i] = 0.299*a + 0.587*b + 0.114*c
				planes[1][i] = -0.168736*a - 0.331264*b + 0.5*c
				planes[2][i] = 0.5*a - 0.418688*b - 0.081312*c
			} else {
				planes[0][i], planes[1][i], planes[2][i] = math.Floor((a+2*b+c)/4), c-b, a-b
			}
		}
	}
	// packet[c][res][precinct][layer]
	packet := make([][][][][]byte, r.n)
	type place struct{ x, y, c, r, k int }
	var places []place
	for c := range planes {
		packet[c] = make([][][][]byte, r.levels+1)
		mb := r.guard + r.depth + 3 - 1
		quantized := func(x float64) int { return int(x) }
		for res := r.levels; res >= 0; res-- {
			var bands []int
			d := 1 << (r.levels - res)
			x0, y0, x1, y1 := up(tx0, d), up(ty0, d), up(tx1, d), up(ty1, d)
			rw, rh := x1-x0, y1-y0
			if res > 0 {
				for x := range rw {
					col := make([]float64, rh)
					for y := range rh {
						col[y] = planes[c][y*w+x]
					}
					if rh > 0 {
						forward(col, y0, r.lossy)
					}
					for y := range rh {
						planes[c][y*w+x] = col[y]
					}
				}
				for y := range rh {
					if rw > 0 {
						forward(planes[c][y*w:][:rw], x0, r.lossy)
					}
				}
				bands = []int{1, 2, 3}
			} else {
				bands = []int{0}
			}
			pp := 15
			if r.precincts != nil {
				pp = r.precincts[res]
			}
			size := 1 << pp
			if rw <= 0 || rh <= 0 {
				continue
			}
			k := 0
			for py := y0 / size; py*size < y1; py++ {
				for px := x0 / size; px*size < x1; px++ {
					places = append(places, place{max(px*size*d, tx0), max(py*size*d, ty0), c, res, k})
					k++
					headers := make([]bitWriter, r.layers)
					bodies := make([][]byte, r.layers)
					for l := range headers {
						headers[l].put(1, 1)
					}
					for _, o := range bands {
						half, bx, by, cbW, cbH := 1, 0, 0, min(r.cbW, pp), min(r.cbH, pp)
						if res > 0 {
							half, bx, by, cbW, cbH = 2, o&1, o>>1, min(r.cbW, pp-1), min(r.cbH, pp-1)
						}
						// The band's samples n are those of the resolution at 2n+b.
						band := func(v, b int) int { return up(v-b, half) }
						b0x, b0y := band(x0, bx), band(y0, by)
						left, top := max(px*size/half, b0x), max(py*size/half, b0y)
						right, bottom := min((px+1)*size/half, band(x1, bx)), min((py+1)*size/half, band(y1, by))
						if left >= right || top >= bottom {
							continue
						}
						lowW, lowH := 0, 0
						if res > 0 {
							lowW, lowH = bx*(up(x1, 2)-up(x0, 2)), by*(up(y1, 2)-up(y0, 2))
						}
						var blocks []coded
						cw, ch := 1<<cbW, 1<<cbH
						cols, rows := 0, 0
						for cy := top / ch; cy*ch < bottom; cy++ {
							rows++
							cols = 0
							for cx := left / cw; cx*cw < right; cx++ {
								cols++
								l, t, ri, bo := max(cx*cw, left), max(cy*ch, top), min((cx+1)*cw, right), min((cy+1)*ch, bottom)
								var v []int
								for y := t; y < bo; y++ {
									for x := l; x < ri; x++ {
										f := planes[c][(y-b0y+lowH)*w+x-b0x+lowW]
										if r.lossy {
											f /= r.step
										}
										n := quantized(f)
										if r.empty && (len(blocks))&1 == 1 {
											n = 0
										}
										if c == 0 && r.shift > 0 {
											// A region of interest: the even columns.
											if n &= ^0; x&1 == 0 {
												n <<= r.shift
											}
										}
										v = append(v, n)
									}
								}
								blocks = append(blocks, encodeBlock(v, ri-l, bo-t, o, r.style))
							}
						}
						m := mb
						if r.lossy {
							gain := bx + by
							m = r.guard + r.depth + gain - int(math.Log2(r.step)) - 1
						}
						if c == 0 {
							m += r.shift
						}
						writeBlocks(headers, bodies, blocks, cols, rows, m, r)
					}
					var ps [][]byte
					for l := range headers {
						var out []byte
						out = append(out, headers[l].end()...)
						if r.eph {
							out = append(out, 0xff, 0x92)
						}
						ps = append(ps, append(out, bodies[l]...))
					}
					packet[c][res] = append(packet[c][res], ps)
				}
			}
		}
	}
	changes := r.changes
	if changes == nil {
		changes = []change{{order: r.order, layers: r.layers, resolutionEnd: 33, channels: r.n}}
	}
	type id struct{ place, layer int }
	sent := map[id]bool{}
	var out [][]byte
	for _, ch := range changes {
		type item struct {
			key [5]int
			id  id
		}
		var items []item
		for i, pl := range places {
			if pl.r < ch.resolution || pl.r >= ch.resolutionEnd || pl.c < ch.channel || pl.c >= ch.channels {
				continue
			}
			for l := range min(r.layers, ch.layers) {
				var key [5]int
				switch ch.order {
				case 0:
					key = [5]int{l, pl.r, pl.c, pl.k}
				case 1:
					key = [5]int{pl.r, l, pl.c, pl.k}
				case 2:
					key = [5]int{pl.r, pl.y, pl.x, pl.c, l}
				case 3:
					key = [5]int{pl.y, pl.x, pl.c, pl.r, l}
				case 4:
					key = [5]int{pl.c, pl.y, pl.x, pl.r, l}
				}
				items = append(items, item{key, id{i, l}})
			}
		}
		slices.SortStableFunc(items, func(a, b item) int { return slices.Compare(a.key[:], b.key[:]) })
		for _, it := range items {
			if sent[it.id] {
				continue
			}
			sent[it.id] = true
			pl := places[it.id.place]
			var pk []byte
			if r.sop {
				pk = append(pk, 0xff, 0x91, 0, 4, byte(len(out)>>8), byte(len(out)))
			}
			out = append(out, append(pk, packet[pl.c][pl.r][pl.k][it.id.layer]...))
		}
	}
	return out[:len(out)-r.drop]
}

// writeTree writes what a tag tree tells about a leaf up to a limit, by the
// definition: for each node from the root, zeros up to its value and a one.
func writeTree(w *bitWriter, told map[[3]int][2]int, values []int, cols, rows, leaf, limit int) {
	levels := 0
	for n := max(cols, rows); n > 1; n = (n + 1) / 2 {
		levels++
	}
	x, y := leaf%cols, leaf/cols
	low := 0
	for l := levels; l >= 0; l-- {
		least := math.MaxInt
		for yy := y >> l << l; yy < min((y>>l+1)<<l, rows); yy++ {
			for xx := x >> l << l; xx < min((x>>l+1)<<l, cols); xx++ {
				least = min(least, values[yy*cols+xx])
			}
		}
		key := [3]int{l, x >> l, y >> l}
		state := told[key] // how far it is known, and whether the one was written
		state[0] = max(state[0], low)
		for state[0] < limit && state[1] == 0 {
			if state[0] == least {
				w.put(1, 1)
				state[1] = 1
			} else {
				w.put(0, 1)
				state[0]++
			}
		}
		told[key] = state
		low = state[0]
	}
}

// writeBlocks adds the blocks of one band to the packets of all layers; each
// layer takes an equal share of the segments.
func writeBlocks(headers []bitWriter, bodies [][]byte, blocks []coded, cols, rows, mb int, r recipe) {
	layers := len(headers)
	first, missing := make([]int, len(blocks)), make([]int, len(blocks))
	until := func(b *coded, l int) int { return len(b.segments) * (l + 1) / layers }
	for i := range blocks {
		b := &blocks[i]
		first[i], missing[i] = layers, mb-b.planes
		for l := layers - 1; l >= 0; l-- {
			if until(b, l) > 0 {
				first[i] = l
			}
		}
	}
	told, toldMissing := map[[3]int][2]int{}, map[[3]int][2]int{}
	lblock := make([]int, len(blocks))
	for l := range layers {
		w := &headers[l]
		for i := range blocks {
			b := &blocks[i]
			from := 0
			if l > 0 {
				from = until(b, l-1)
			}
			to := until(b, l)
			if l <= first[i] {
				writeTree(w, told, first, cols, rows, i, l+1)
				if l < first[i] {
					continue
				}
				for limit := 1; limit <= missing[i]+1; limit++ {
					writeTree(w, toldMissing, missing, cols, rows, i, limit)
				}
				lblock[i] = 3
			} else if w.put(min(to-from, 1), 1); to == from {
				continue
			}
			passes := 0
			grow := 0
			for s := from; s < to; s++ {
				passes += b.passes[s]
				grow = max(grow, bits.Len(uint(len(b.segments[s])))-lblock[i]-bits.Len(uint(b.passes[s]))+1)
			}
			switch {
			case passes <= 2:
				w.put([]int{0, 2}[passes-1], passes)
			case passes <= 5:
				w.put(12+passes-3, 4)
			case passes <= 36:
				w.put(15<<5+passes-6, 9)
			default:
				w.put(511<<7+passes-37, 16)
			}
			for range grow {
				w.put(1, 1)
			}
			w.put(0, 1)
			lblock[i] += grow
			for s := from; s < to; s++ {
				w.put(len(b.segments[s]), lblock[i]+bits.Len(uint(b.passes[s]))-1)
				bodies[l] = append(bodies[l], b.segments[s]...)
			}
		}
	}
}

// picture is a synthetic image: waves, edges and noise.
func picture(w, h, n, depth int, seed uint64) [][]int {
	rnd := rand.New(rand.NewPCG(seed, 1))
	top := float64(int(1)<<depth - 1)
	out := make([][]int, n)
	for c := range out {
		for y := range h {
			for x := range w {
				v := 0.5 + 0.35*math.Sin(math.Hypot(float64(x)-10, float64(y)-7)/2.3+float64(c)) + 0.1*rnd.Float64()
				if (x/9+y/7)%5 == 0 {
					v = 0.3 * float64(c)
				}
				out[c] = append(out[c], int(max(0, min(top, v*top))))
			}
		}
	}
	return out
}

func noise(w, h, n, depth int, seed uint64) [][]int {
	rnd := rand.New(rand.NewPCG(seed, 2))
	out := make([][]int, n)
	for c := range out {
		for range w * h {
			out[c] = append(out[c], rnd.IntN(1<<depth))
		}
	}
	return out
}

func mustEncode(t testing.TB, r recipe, seed uint64) []byte {
	t.Helper()
	r = r.defaults()
	return encode(r, picture(r.w, r.h, r.n, r.depth, seed))
}
