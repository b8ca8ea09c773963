package finger

import (
	"math"
	"math/rand/v2"

	"immis/templates"
)

// finger makes one synthetic finger of n minutiae on an ellipse of about
// 230 x 280 px: directions follow the ridge flow of a loop or a whorl (one or
// two cores and as many deltas; Sherlock and Monro 1993) with random sense, and
// no two minutiae lie closer than 8 px while there is room.
func finger(r *rand.Rand, n int) *templates.Finger {
	f := &templates.Finger{Width: 388, Height: 374, Quality: templates.QualityUnknown}
	type pole struct{ x, y, sign float64 }
	var poles []pole
	for k := range 1 + r.IntN(2) {
		side := float64(1 - 2*k)
		poles = append(poles,
			pole{194 + 15*r.NormFloat64(), 170 + side*20 + 12*r.NormFloat64(), 1},
			pole{194 + side*90 + 20*r.NormFloat64(), 290 + 25*r.NormFloat64(), -1})
	}
	for tries := 0; len(f.Minutiae) < n; tries++ {
		u, v := 2*r.Float64()-1, 2*r.Float64()-1
		if u*u+v*v > 1 {
			continue
		}
		x, y := 194+115*u, 187+140*v
		if tries < 100*n && crowded(f.Minutiae, x, y) {
			continue
		}
		angle := 0.1 * r.NormFloat64()
		for _, p := range poles {
			angle += p.sign * math.Atan2(p.y-y, x-p.x) / 2
		}
		if r.IntN(2) == 0 {
			angle += math.Pi
		}
		f.Minutiae = append(f.Minutiae, minutiaAt(x, y, angle))
	}
	return f
}

func crowded(ms []templates.Minutia, x, y float64) bool {
	for _, m := range ms {
		if math.Hypot(float64(m.X)/16-x, float64(m.Y)/16-y) < 8 {
			return true
		}
	}
	return false
}

func minutiaAt(x, y, angle float64) templates.Minutia {
	return templates.Minutia{
		X: uint16(min(387*16, max(0, x*16))), Y: uint16(min(373*16, max(0, y*16))),
		Angle: uint16(int64(math.Floor(angle/radPerUnit + 0.5))),
		Type:  templates.MinutiaEnding, Quality: templates.QualityUnknown,
	}
}

// impression is another view of f: turned, shifted, some minutiae lost, some
// false ones added, the rest jittered by 1.5 px and 5 degrees.
func impression(r *rand.Rand, f *templates.Finger, turn, dx, dy float64) *templates.Finger {
	out := &templates.Finger{Width: f.Width, Height: f.Height, Quality: f.Quality}
	sin, cos := math.Sincos(turn)
	for _, m := range f.Minutiae {
		if r.Float64() < 0.12 {
			continue
		}
		// y up, as the angles are.
		x, y := float64(m.X)/16-194, 187-float64(m.Y)/16
		x, y = cos*x-sin*y+dx+1.5*r.NormFloat64(), sin*x+cos*y+dy+1.5*r.NormFloat64()
		if math.Abs(x) > 190 || math.Abs(y) > 184 {
			continue
		}
		out.Minutiae = append(out.Minutiae, minutiaAt(194+x, 187-y, float64(m.Angle)*radPerUnit+turn+0.09*r.NormFloat64()))
	}
	for range len(f.Minutiae) / 12 {
		out.Minutiae = append(out.Minutiae, minutiaAt(80+230*r.Float64(), 60+250*r.Float64(), 2*math.Pi*r.Float64()))
	}
	r.Shuffle(len(out.Minutiae), func(i, j int) { out.Minutiae[i], out.Minutiae[j] = out.Minutiae[j], out.Minutiae[i] })
	return out
}
