package jpeg2000

// The three coding passes, clause D.3. d of the arithmetic decoder and the
// flags of the column at hand are kept in local variables: this is where the
// time goes.

// significance is the significance propagation pass, clause D.3.1.
func (b *blockDecoder) significance(plane uint) {
	d, zero := b.d, b.zero
	for y, base := 0, b.stride+1; y < b.height; y, base = y+rows, base+b.stride {
		n := uint(min(rows, b.height-y))
		samples := b.samples[y*b.width:]
		for x := range b.width {
			f := b.flags[base+x]
			if f == 0 {
				continue
			}
			before := f
			for r := uint(0); r < n; r++ {
				around := f >> (3 * r & 31)
				if around&flagSelf != 0 || around&flagNeighbours == 0 {
					continue
				}
				k := &b.label[zero[around&0x1ff]&0xf]
				bit := uint32(k.mps)
				if d -= int(k.q); d < 0 {
					bit, d = b.slow(k, d)
				}
				if bit != 0 {
					var negative uint32
					negative, d = b.sign(base+x, r, f, d)
					samples[x*rows+int(r)] = 3<<plane | negative<<31
					f |= b.spread(base+x, r, negative)
				}
				f |= 1 << (flagVisited + r&3)
			}
			if f != before {
				b.flags[base+x] = f
			}
		}
	}
	b.d = d
}

// refinement is the magnitude refinement pass, clause D.3.3.
func (b *blockDecoder) refinement(plane uint) {
	d := b.d
	for y, base := 0, b.stride+1; y < b.height; y, base = y+rows, base+b.stride {
		n := uint(min(rows, b.height-y))
		samples := b.samples[y*b.width:]
		flags := b.flags[base : base+b.width]
		for x, f := range flags {
			// Significant, not visited: bits 4, 7, 10, 13 against 24..27.
			if f&(flagSelf|flagSelf<<3|flagSelf<<6|flagSelf<<9) == 0 {
				continue
			}
			for r := uint(0); r < n; r++ {
				around := f >> (3 * r & 31)
				if around&flagSelf == 0 || f>>(flagVisited+r&31)&1 != 0 {
					continue
				}
				label := contextRefine
				if f>>(flagRefined+r&31)&1 != 0 {
					label = contextRefine + 2
				} else if around&flagNeighbours != 0 {
					label = contextRefine + 1
				}
				k := &b.label[label]
				bit := uint32(k.mps)
				if d -= int(k.q); d < 0 {
					bit, d = b.slow(k, d)
				}
				i := x*rows + int(r)
				samples[i] = samples[i] ^ (1^bit)<<(plane+1&31) | 1<<(plane&31)
				f |= 1 << (flagRefined + r&3)
			}
			flags[x] = f
		}
	}
	b.d = d
}

// cleanup is the cleanup pass, clause D.3.4. It ends the bit-plane, so it
// clears what the significance pass visited.
func (b *blockDecoder) cleanup(plane uint) {
	d, zero := b.d, b.zero
	for y, base := 0, b.stride+1; y < b.height; y, base = y+rows, base+b.stride {
		n := uint(min(rows, b.height-y))
		samples := b.samples[y*b.width:]
		for x := range b.width {
			f := b.flags[base+x]
			r := uint(0)
			sure := false
			if f == 0 && n == rows {
				// Four samples with nothing around them share a symbol.
				k := &b.label[contextRun]
				bit := uint32(k.mps)
				if d -= int(k.q); d < 0 {
					bit, d = b.slow(k, d)
				}
				if bit == 0 {
					continue
				}
				b.d = d
				r = uint(b.symbol(contextUniform)<<1 | b.symbol(contextUniform))
				d = b.d
				sure = true
			}
			for ; r < n; r++ {
				around := f >> (3 * r & 31)
				if around&flagSelf != 0 || f>>(flagVisited+r&31)&1 != 0 {
					continue
				}
				bit := uint32(1)
				if !sure {
					k := &b.label[zero[around&0x1ff]&0xf]
					bit = uint32(k.mps)
					if d -= int(k.q); d < 0 {
						bit, d = b.slow(k, d)
					}
				}
				sure = false
				if bit != 0 {
					var negative uint32
					negative, d = b.sign(base+x, r, f, d)
					samples[x*rows+int(r)] = 3<<plane | negative<<31
					f |= b.spread(base+x, r, negative)
				}
			}
			b.flags[base+x] = f &^ flagAllVisited
		}
	}
	b.d = d
}

// sign decodes the sign of row r of the column at flags[i], clause D.3.2: 1 for
// negative, and the new d.
func (b *blockDecoder) sign(i int, r uint, f uint32, d int) (uint32, int) {
	e := signLabels[b.signIndex(i, r, f)]
	k := &b.label[e&0x1f]
	bit := uint32(k.mps)
	if d -= int(k.q); d < 0 {
		bit, d = b.slow(k, d)
	}
	return bit ^ uint32(e>>7), d
}

func (b *blockDecoder) signIndex(i int, r uint, f uint32) uint8 {
	left, right := b.flags[i-1], b.flags[i+1]
	g := f >> (3 * r & 31)
	signs := f >> (18 + r&31)
	return uint8(g>>3&1 | g>>5&1<<1 | g>>1&1<<2 | g>>7&1<<3 |
		left>>(19+r&31)&1<<4 | right>>(19+r&31)&1<<5 | signs&1<<6 | signs>>2&1<<7)
}

// spread tells the neighbours that row r of the column at flags[i] is
// significant, and returns the bits for the column itself.
func (b *blockDecoder) spread(i int, r uint, negative uint32) uint32 {
	shift := 3 * r & 31
	b.flags[i-1] |= 0x20 << shift
	b.flags[i+1] |= 0x08 << shift
	switch {
	case r == 0 && !b.causal:
		above := b.flags[i-b.stride-1 : i-b.stride+2]
		above[0] |= 1 << 17
		above[1] |= 1<<16 | negative<<23
		above[2] |= 1 << 15
	case r == 3:
		below := b.flags[i+b.stride-1 : i+b.stride+2]
		below[0] |= 1 << 2
		below[1] |= 1<<1 | negative<<18
		below[2] |= 1
	}
	return flagSelf<<shift | negative<<(19+r&31)
}

// significanceRaw and refinementRaw are the passes of the bypass, clause D.6.
func (b *blockDecoder) significanceRaw(plane uint) {
	for y, base := 0, b.stride+1; y < b.height; y, base = y+rows, base+b.stride {
		n := uint(min(rows, b.height-y))
		for x := range b.width {
			f := b.flags[base+x]
			for r := uint(0); r < n && f != 0; r++ {
				around := f >> (3 * r)
				if around&flagSelf != 0 || around&flagNeighbours == 0 {
					continue
				}
				if b.raw.bit() != 0 {
					negative := b.raw.bit()
					b.samples[y*b.width+x*rows+int(r)] = 3<<plane | negative<<31
					f |= b.spread(base+x, r, negative)
				}
				f |= 1 << (flagVisited + r)
			}
			b.flags[base+x] = f
		}
	}
}

func (b *blockDecoder) refinementRaw(plane uint) {
	for y, base := 0, b.stride+1; y < b.height; y, base = y+rows, base+b.stride {
		n := uint(min(rows, b.height-y))
		for x := range b.width {
			f := b.flags[base+x]
			for r := uint(0); r < n; r++ {
				if f>>(3*r)&flagSelf == 0 || f>>(flagVisited+r)&1 != 0 {
					continue
				}
				i := y*b.width + x*rows + int(r)
				b.samples[i] = b.samples[i] ^ (1^b.raw.bit())<<(plane+1) | 1<<plane
				f |= 1 << (flagRefined + r)
			}
			b.flags[base+x] = f
		}
	}
}
