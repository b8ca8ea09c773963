package jpeg2000

import (
	"bytes"
	"encoding/binary"
	"math"
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
