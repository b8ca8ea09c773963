package fmr

import (
	"math/big"
	"testing"

	"immis/templates"
)

// TestAngles: every angle of every version comes back, and is the nearest.
func TestAngles(t *testing.T) {
	for _, angles := range []uint32{64, 180, 256} {
		c := Codes{Angles: angles}
		for a := range angles {
			exact := big.NewRat(int64(a)*0x10000, int64(angles))
			off := new(big.Rat).Sub(exact, big.NewRat(int64(c.NormalAngle(uint8(a))), 1))
			if off.Abs(off).Cmp(big.NewRat(1, 2)) > 0 {
				t.Errorf("%d of %d is %s from its normal form", a, angles, off)
			}
			if back := c.ExchangeAngle(c.NormalAngle(uint8(a))); uint32(back) != a {
				t.Errorf("%d of %d comes back as %d", a, angles, back)
			}
		}
		if got := c.ExchangeAngle(0xffff); got != 0 {
			t.Errorf("almost a turn of %d angles is %d, want 0", angles, got)
		}
	}
}

func TestQualities(t *testing.T) {
	early, later := Codes{Angles: 256}, Codes{Angles: 256, Unreported: NotReported}
	for q := range 256 {
		q := uint8(q)
		if got := early.GoodQuality(q); got != (q <= 100) {
			t.Errorf("quality %d of 2005: %t", q, got)
		}
		if got := later.GoodQuality(q); got != (q <= 100 || q >= 254) {
			t.Errorf("quality %d of 2011: %t", q, got)
		}
		if (early.CheckQuality(q, 0, "quality") == nil) != early.GoodQuality(q) || (later.CheckQuality(q, 0, "quality") == nil) != later.GoodQuality(q) {
			t.Errorf("quality %d: the check differs", q)
		}
	}
	for _, c := range []struct {
		codes        Codes
		normal, code uint8
	}{{early, 0, 1}, {early, 1, 1}, {early, 100, 100}, {early, templates.QualityUnknown, 0},
		{later, 0, 0}, {later, 1, 1}, {later, 100, 100}, {later, templates.QualityUnknown, NotReported}} {
		if got := c.codes.exchangeQuality(c.normal); got != c.code {
			t.Errorf("quality %d is written %d, want %d", c.normal, got, c.code)
		}
	}
	for q, want := range map[uint8]uint8{0: 0, 100: 100, NotReported: templates.QualityUnknown, Failed: templates.QualityUnknown} {
		if got := later.normalQuality(q); got != want {
			t.Errorf("quality %d is read %d, want %d", q, got, want)
		}
	}
}
