package jpeg2000

// zeroLabels are the context labels of zero coding, Table D.1, by band (LL, HL,
// LH, HH) and by the nine bits of significance around a sample: bit 3*(row+1) +
// column+1.
var zeroLabels = [4][512]uint8{
	zeroTable(axisLabel, false), zeroTable(axisLabel, true),
	zeroTable(axisLabel, false), zeroTable(diagonalLabel, false),
}

func zeroTable(label func(h, v, d int) uint8, swapped bool) (t [512]uint8) {
	for i := range t {
		bit := func(n int) int { return i >> n & 1 }
		h, v := bit(3)+bit(5), bit(1)+bit(7)
		if swapped {
			h, v = v, h
		}
		t[i] = label(h, v, bit(0)+bit(2)+bit(6)+bit(8))
	}
	return t
}

func axisLabel(h, v, d int) uint8 {
	switch {
	case h == 2:
		return 8
	case h == 1 && v >= 1:
		return 7
	case h == 1 && d >= 1:
		return 6
	case h == 1:
		return 5
	case v > 0:
		return uint8(2 + v)
	}
	return uint8(min(d, 2))
}

func diagonalLabel(h, v, d int) uint8 {
	switch {
	case d >= 3:
		return 8
	case d == 2:
		return uint8(6 + min(h+v, 1))
	case d == 1:
		return uint8(3 + min(h+v, 2))
	}
	return uint8(min(h+v, 2))
}

// signLabels are the context labels of sign coding with the prediction in bit
// 7, Tables D.2 and D.3. The index: bits 0..3 tell whether the neighbour to the
// left, right, above, below is significant, bits 4..7 whether it is negative.
var signLabels = signTable()

func signTable() (t [256]uint8) {
	for i := range t {
		sign := func(n int) int { return (i >> n & 1) * (1 - 2*(i>>(n+4)&1)) }
		h := max(-1, min(1, sign(0)+sign(1)))
		v := max(-1, min(1, sign(2)+sign(3)))
		flip := uint8(0)
		if h < 0 || h == 0 && v < 0 {
			h, v, flip = -h, -v, 0x80
		}
		// (1,1) 13, (1,0) 12, (1,-1) 11, (0,1) 10, (0,0) 9
		t[i] = flip | uint8(contextSign+3*h+v)
	}
	return t
}
