package synth

import (
	"math"
	"strconv"
)

// PortraitWidth and PortraitHeight are the size of a portrait's drawing in units;
// an image of scale 1 has as many pixels.
const (
	PortraitWidth  = 240
	PortraitHeight = 300
)

// Portrait is a flat drawing that stands where a face would: clearly a drawing, of
// nobody. It says nothing of the person's face vectors.
type Portrait struct{ shapes []portraitShape }

// portraitShape is a closed polygon of one color, y down.
type portraitShape struct {
	fill    [3]uint8
	outline []point
}

// The colors that people are drawn with. The last three of hair are for the old.
func portraitColors() (skin, hair, cloth, wall [][3]uint8) {
	skin = [][3]uint8{{255, 219, 190}, {241, 194, 155}, {222, 170, 128}, {190, 134, 92}, {148, 98, 64}, {104, 67, 45}}
	hair = [][3]uint8{{38, 30, 30}, {74, 48, 34}, {120, 78, 44}, {196, 150, 84}, {160, 74, 40}, {168, 168, 170}, {200, 200, 202}, {226, 226, 224}}
	cloth = [][3]uint8{{44, 96, 140}, {176, 70, 66}, {66, 128, 92}, {226, 178, 70}, {110, 84, 140}, {70, 78, 92}, {214, 120, 84}, {60, 150, 156}}
	wall = [][3]uint8{{214, 230, 238}, {240, 226, 208}, {222, 236, 218}, {236, 220, 230}, {230, 230, 222}}
	return skin, hair, cloth, wall
}

func pick(s *stream, from [][3]uint8) [3]uint8 { return from[s.below(uint64(len(from)))] }

// shade darkens (share below 1) a color.
func shade(c [3]uint8, share float64) [3]uint8 {
	for i, v := range c {
		c[i] = uint8(math.Min(255, float64(float64(v)*share)))
	}
	return c
}

// Portrait draws the portrait of a person. It panics on a negative person.
func (w *World) Portrait(person int) Portrait {
	checkIndex("person", person)
	s := newStream(w.config.Seed, drawPortrait, uint64(person), 0)
	skins, hairs, cloths, walls := portraitColors()
	age := s.uniform() // 0 young .. 1 old
	tone := s.below(uint64(len(skins)))
	skin, cloth, wall := skins[tone], pick(&s, cloths), pick(&s, walls)
	hair := hairs[s.below([]uint64{5, 5, 4, 3, 2, 2}[tone])]
	if age > 0.7 {
		hair = hairs[5+s.below(3)]
	}
	wide, high := s.between(46, 56), s.between(62, 72)
	long, scarf := s.chance(0.45), s.chance(0.12)
	var p Portrait
	p.add(wall, point{0, 0}, point{PortraitWidth, 0}, point{PortraitWidth, PortraitHeight}, point{0, PortraitHeight})

	const x, y = 120.0, 128.0 // the middle of the face
	fringe := s.between(0.35, 0.62)
	switch {
	case scarf:
		p.oval(cloth, x, y+8, wide+20, high+26, 2.3)
	case long:
		p.oval(hair, x, y+26, wide+17, high+32, 2.6)
	}
	p.oval(cloth, x, 330, s.between(88, 106), 108, 2.6)
	p.oval(shade(skin, 0.88), x, 205, 24, 36, 2.4)
	if !scarf {
		p.oval(shade(skin, 0.94), x-wide, y+6, 9, 14, 2)
		p.oval(shade(skin, 0.94), x+wide, y+6, 9, 14, 2)
		p.oval(hair, x, y-18, wide+6, high-4, 2.2)
	}
	p.oval(skin, x, y+6, wide, high, s.between(2.1, 2.5))
	p.face(&s, skin, hair, age, wide)
	if s.chance(0.3) && !long && !scarf {
		p.beard(skin, hair, wide, high)
	}
	p.mouth(skin, s.between(4, 9))
	switch {
	case scarf:
		p.cap(cloth, wide+3, high+2, 0.58)
	case age > 0.55 && !long && s.chance(0.5): // bald above
	default:
		p.cap(hair, wide+2, high+2, fringe)
	}
	if s.chance(0.25 + float64(0.3*age)) {
		for _, side := range []float64{-1, 1} {
			p.ring([3]uint8{50, 50, 60}, x+float64(side*21), y+2, 15, 2)
		}
		p.add([3]uint8{50, 50, 60}, point{x - 7, y}, point{x + 7, y}, point{x + 7, y + 2.5}, point{x - 7, y + 2.5})
	}
	return p
}

// face draws eyes, brows, nose, cheeks, and the lines of age.
func (p *Portrait) face(s *stream, skin, hair [3]uint8, age, wide float64) {
	const x, y = 120.0, 128.0
	eye := [3]uint8{46, 38, 36}
	cheek := shade(skin, 0.9)
	cheek[0] = uint8(math.Min(255, float64(skin[0])+8))
	lift, thick := s.between(11, 16), s.between(1.6, 3.2)
	for _, side := range []float64{-1, 1} {
		at := x + float64(side*21)
		p.oval([3]uint8{255, 255, 255}, at, y+2, 8, 5.5, 2)
		p.oval(eye, at, y+2, 4, 4.6, 2)
		p.oval(shade(hair, 0.8), at, y-lift, 10, thick, 2.4)
		p.oval(cheek, x+float64(side*wide*0.62), y+28, 8, 5, 2)
		if age > 0.6 {
			p.oval(shade(skin, 0.82), at, y+13, 8, 0.9, 2)
			p.oval(shade(skin, 0.84), x+float64(side*26), y+40, 0.9, 8, 2)
		}
	}
	if age > 0.5 {
		p.oval(shade(skin, 0.84), x, y-30, 20, 0.9, 2)
	}
	p.oval(shade(skin, 0.86), x, y+20, s.between(5, 8), s.between(4, 7), 2)
}

// mouth draws a smile: a crescent.
func (p *Portrait) mouth(skin [3]uint8, smile float64) {
	const x, y, half = 120.0, 168.0, 17.0
	var outline []point
	for i := range 21 {
		t := float64(i)/10 - 1
		outline = append(outline, point{x + float64(half*t), y + float64(smile*(1-float64(t*t)))})
	}
	for i := range 21 {
		t := 1 - float64(i)/10
		outline = append(outline, point{x + float64(half*t), y + float64((smile-4)*(1-float64(t*t)))})
	}
	red := shade(skin, 0.72)
	red[0] = uint8(min(255, int(red[0])+40))
	p.add(red, outline...)
}

// beard covers the lower face, with room for the mouth.
func (p *Portrait) beard(skin, hair [3]uint8, wide, high float64) {
	const x, y = 120.0, 134.0
	var outline []point
	for i := range 33 {
		sin, cos := sincos(math.Pi * float64(i) / 32)
		outline = append(outline, point{x + float64(wide*cos), y + 10 + float64((high-6)*sin)})
	}
	outline = append(outline, point{x - float64(wide*0.7), y + 26}, point{x, y + 20}, point{x + float64(wide*0.7), y + 26})
	p.add(hair, outline...)
	p.oval(skin, x, y+37, 23, 10, 2)
}

// cap covers the head above a hairline; fringe is the share of the upper face that
// stays free.
func (p *Portrait) cap(color [3]uint8, wide, high, fringe float64) {
	const x, y = 120.0, 134.0
	var outline []point
	for i := range 33 {
		sin, cos := sincos(math.Pi * float64(i) / 32)
		outline = append(outline, point{x + float64(wide*cos), y - 8 - float64((high-4)*sin)})
	}
	for i := range 33 {
		sin, cos := sincos(math.Pi * float64(32-i) / 32)
		outline = append(outline, point{x + float64((wide-4)*cos), y - 8 - float64(high*fringe*sin)})
	}
	p.add(color, outline...)
}

// ring is a frame of glasses: the outer circle, then the inner one backwards.
func (p *Portrait) ring(color [3]uint8, x, y, radius, width float64) {
	var outline []point
	for _, r := range []float64{radius, radius - width} {
		for i := range 49 {
			turn := float64(i) / 48
			if r != radius {
				turn = -turn
			}
			sin, cos := sincos(2 * math.Pi * turn)
			outline = append(outline, point{x + float64(r*cos), y + float64(r*sin)})
		}
	}
	p.add(color, outline...)
}

// oval is an ellipse (power 2) or, above, one that leans towards a rectangle.
func (p *Portrait) oval(color [3]uint8, x, y, a, b, power float64) {
	outline := make([]point, 64)
	for i := range outline {
		sin, cos := sincos(2 * math.Pi * float64(i) / 64)
		bend := func(v float64) float64 {
			return math.Copysign(exp(2/power*log(math.Max(1e-9, math.Abs(v)))), v)
		}
		outline[i] = point{x + float64(a*bend(cos)), y + float64(b*bend(sin))}
	}
	p.add(color, outline...)
}

func (p *Portrait) add(color [3]uint8, outline ...point) {
	p.shapes = append(p.shapes, portraitShape{color, outline})
}

// SVG is the drawing as an SVG document.
func (p Portrait) SVG() []byte {
	out := []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 300"><title>Drawing of nobody</title>` + "\n")
	for _, shape := range p.shapes {
		out = append(out, `<path fill="#`...)
		for _, v := range shape.fill {
			const digits = "0123456789abcdef"
			out = append(out, digits[v>>4], digits[v&15])
		}
		out = append(out, `" fill-rule="evenodd" d="M`...)
		for i, at := range shape.outline {
			if i > 0 {
				out = append(out, 'L')
			}
			out = strconv.AppendFloat(out, at.x, 'f', 1, 64)
			out = append(out, ' ')
			out = strconv.AppendFloat(out, at.y, 'f', 1, 64)
		}
		out = append(out, "Z\"/>\n"...)
	}
	return append(out, "</svg>\n"...)
}

// portraitFine is how many samples a pixel has each way.
const portraitFine = 3

// Pixels is the drawing as PortraitWidth x PortraitHeight pixels of red, green and
// blue, row by row from the top, with smooth edges.
func (p Portrait) Pixels() []uint8 {
	out := make([]uint8, 3*PortraitWidth*PortraitHeight)
	var cover [PortraitWidth]int
	for _, shape := range p.shapes {
		for row := range PortraitHeight {
			clear(cover[:])
			for sub := range portraitFine {
				shape.cover(&cover, float64(row)+(float64(sub)+0.5)/portraitFine)
			}
			for column, n := range cover {
				for c := range 3 {
					v := &out[3*(row*PortraitWidth+column)+c]
					const full = portraitFine * portraitFine
					*v = uint8((int(*v)*(full-n) + int(shape.fill[c])*n) / full)
				}
			}
		}
	}
	return out
}

// cover counts the samples of a line that lie inside, by the even-odd rule.
func (f portraitShape) cover(count *[PortraitWidth]int, y float64) {
	var inside [PortraitWidth * portraitFine]bool
	for i, a := range f.outline {
		b := f.outline[(i+1)%len(f.outline)]
		if (a.y <= y) == (b.y <= y) {
			continue
		}
		x := a.x + float64((y-a.y)/(b.y-a.y)*(b.x-a.x))
		from := int(math.Ceil(float64(x*portraitFine) - 0.5))
		for k := max(0, from); k < len(inside); k++ {
			inside[k] = !inside[k]
		}
	}
	for k, in := range inside {
		if in {
			count[k/portraitFine]++
		}
	}
}
