package synth

import "math"

// The damage of a finger: pores along the middle of the ridges, and the white
// lines of scars and creases.
const (
	poreStep  = 9   // px of ridge to a pore, about
	poreDepth = 0.9 // of a ridge, the deepest
	creases   = 1.6 // mean number of white lines
)

func drawDamage(s *stream, line []uint8) []float32 {
	out := make([]float32, len(line))
	for i, v := range line {
		if v == 1 && s.chance(1.0/poreStep) {
			depth := float32(poreDepth * s.uniform())
			for dy := -1; dy <= 1; dy++ {
				for dx := -1; dx <= 1; dx++ {
					share := float32(1)
					if dx != 0 {
						share = float32(share * 0.45)
					}
					if dy != 0 {
						share = float32(share * 0.45)
					}
					at := i + dy*masterWidth + dx
					out[at] = max(out[at], float32(depth*share))
				}
			}
		}
	}
	for range 5 {
		if s.chance(creases / 5) {
			drawCrease(s, out)
		}
	}
	return out
}

// drawCrease draws a white line, slightly bent, wide in its middle.
func drawCrease(s *stream, out []float32) {
	middle := inEllipse(s)
	sin, cos := sincos(math.Pi * s.uniform())
	bend := 0.002 * s.gauss()
	half := 12 * s.lognormal(0.7, 2)
	width := s.between(0.7, 1.8)
	for t := -half; t <= half; t += 0.5 {
		off := float64(bend * t * t)
		x := middle.x + float64(t*cos) - float64(off*sin) + masterWidth/2
		y := masterHeight/2 - (middle.y + float64(t*sin) + float64(off*cos))
		along := t / half
		wide := float64(width * (1 - float64(along*along)))
		for dy := -4; dy <= 4; dy++ {
			for dx := -4; dx <= 4; dx++ {
				column, row := int(math.Floor(x))+dx, int(math.Floor(y))+dy
				if column < 0 || row < 0 || column >= masterWidth || row >= masterHeight {
					continue
				}
				ex, ey := float64(column)-x, float64(row)-y
				far := math.Sqrt(float64(ex*ex) + float64(ey*ey))
				depth := math.Max(0, math.Min(1, wide-far+0.5))
				at := row*masterWidth + column
				out[at] = max(out[at], float32(depth))
			}
		}
	}
}
