package synth

import "math"

// meshStep is the distance of the places where pose, contact and skin are computed,
// px; between them they are interpolated.
const (
	meshStep    = 8
	meshColumns = ImageWidth/meshStep + 1
	meshRows    = ImageHeight/meshStep + 1
)

// meshNode is what holds at a place of the image.
type meshNode struct {
	x, y    float32 // column and row of the master's ridges
	contact float32
	skin    float32 // wetness, about -1..1
}

func (n *meshNode) toward(o *meshNode, t float32) meshNode {
	return meshNode{
		n.x + float32((o.x-n.x)*t), n.y + float32((o.y-n.y)*t),
		n.contact + float32((o.contact-n.contact)*t), n.skin + float32((o.skin-n.skin)*t),
	}
}

func (t *touch) mesh() []meshNode {
	mesh := make([]meshNode, 0, meshColumns*meshRows)
	for row := range meshRows {
		for column := range meshColumns {
			p := point{float64(column*meshStep) - ImageWidth/2, ImageHeight/2 - float64(row*meshStep)}
			n := meshNode{contact: float32(t.contact(p))}
			if n.contact > 0 || t.near(p) {
				at := t.pose.inverse(p)
				n.x = float32(at.x + masterWidth/2 - 0.5)
				n.y = float32(masterHeight/2 - 0.5 - at.y)
				n.skin = float32(t.wet + float64(0.22*t.skin.at(p)))
			}
			mesh = append(mesh, n)
		}
	}
	return mesh
}

// near tells whether a place can neighbor one that touches.
func (t *touch) near(p point) bool {
	return math.Abs(p.x)-2*meshStep < float64(1.2*t.half.x) && math.Abs(p.y)-2*meshStep < float64(1.2*t.half.y)
}

// render draws the impression: ridges through the skin's distortion, thick where
// the finger is wet and broken where it is dry, on the sensor's background.
func (m *MasterPrint) render(s *stream, t *touch) []uint8 {
	mesh := t.mesh()
	fine, coarse, mottle := newGrain(s, 1), newGrain(s, 2), newGrain(s, 13)
	tone := newGrain(s, 64)
	ink := make([]float32, ImageWidth*ImageHeight)
	worn := float32(math.Min(2.2, t.worn))
	for y := range ImageHeight {
		ty := float32(y%meshStep) / meshStep
		for cell := range meshColumns - 1 {
			a := mesh[y/meshStep*meshColumns+cell:]
			b := mesh[(y/meshStep+1)*meshColumns+cell:]
			left, right := a[0].toward(&b[0], ty), a[1].toward(&b[1], ty)
			if left.contact <= 0 && right.contact <= 0 {
				continue
			}
			for i := range meshStep {
				x := cell*meshStep + i
				n := left.toward(&right, float32(i)/meshStep)
				if n.contact <= 0 {
					continue
				}
				ridge, damage := m.at(n.x, n.y)
				rough := coarse.at(x, y) + float32(0.5*fine.at(x, y))
				uneven := mottle.at(x, y)
				// Height of the skin over the glass: what stands high prints.
				height := ridge + float32(0.75*n.skin) - float32(damage*1.5)
				height += float32(uneven * (0.2 + float32(0.22*worn)))
				height += float32(rough * (0.16 + float32(0.24*worn) + float32(0.6*max(0, -n.skin)) + float32(0.7*(1-n.contact))))
				height -= float32((1 - n.contact) * 1.3)
				v := (height + 0.35) / 1.0
				v = max(0, min(1, v))
				v = float32(v * v * (3 - float32(2*v)))
				ink[y*ImageWidth+x] = float32(v * min(1, float32(n.contact*3)) * (0.86 + float32(0.22*uneven)))
			}
		}
	}
	out := make([]uint8, len(ink))
	soft := blur(ink)
	for i, v := range soft {
		x, y := i%ImageWidth, i/ImageWidth
		grey := float32(t.paper) + float32(5*tone.at(x, y)) - float32(float32(t.ink)*v)
		grey += float32(float32(t.noise) * fine.at(ImageWidth-1-x, y) * 1.2)
		grey += float32(float32(18*coarse.at(y, x)) * v)
		out[i] = uint8(max(0, min(255, grey+0.5)))
	}
	return out
}

// at reads ridge and damage between four pixels; outside there is valley.
func (m *MasterPrint) at(x, y float32) (ridge, damage float32) {
	if !(x >= 0 && y >= 0 && x < masterWidth-1 && y < masterHeight-1) {
		return -1, 0
	}
	column, row := int(x), int(y)
	u, v := x-float32(column), y-float32(row)
	at := row*masterWidth + column
	return between(m.ridges, at, u, v), between(m.damage, at, u, v)
}

func between(pix []float32, at int, u, v float32) float32 {
	a, b := pix[at], pix[at+1]
	c, d := pix[at+masterWidth], pix[at+masterWidth+1]
	a += float32((b - a) * u)
	c += float32((d - c) * u)
	return a + float32((c-a)*v)
}

// blur is the sensor's point spread: 1 2 1 in both directions.
func blur(pix []float32) []float32 {
	across := make([]float32, len(pix))
	out := make([]float32, len(pix))
	for i := 1; i < len(pix)-1; i++ {
		across[i] = float32(0.25*(pix[i-1]+pix[i+1])) + float32(0.5*pix[i])
	}
	for i := ImageWidth; i < len(pix)-ImageWidth; i++ {
		out[i] = float32(0.25*(across[i-ImageWidth]+across[i+ImageWidth])) + float32(0.5*across[i])
	}
	return out
}

// grain is noise of mean 0 and variance about 1/3, correlated over size px.
type grain struct {
	size   int
	values []float32
}

// grainSide is the side of the square of random numbers, which repeats.
const grainSide = 512

func newGrain(s *stream, size int) grain {
	g := grain{size: size, values: make([]float32, grainSide*grainSide)}
	for i := 0; i < len(g.values); i += 8 {
		v := s.pcg.Uint64()
		for j := range 8 {
			g.values[i+j] = (float32(v&255) - 127.5) / 127.5
			v >>= 8
		}
	}
	return g
}

func (g *grain) at(x, y int) float32 {
	const mask = grainSide - 1
	if g.size == 1 {
		return g.values[(y&mask)*grainSide+x&mask]
	}
	column, row := x/g.size, y/g.size
	u, v := float32(x%g.size)/float32(g.size), float32(y%g.size)/float32(g.size)
	r0, r1 := (row&mask)*grainSide, ((row+1)&mask)*grainSide
	a, b := g.values[r0+column&mask], g.values[r0+(column+1)&mask]
	c, d := g.values[r1+column&mask], g.values[r1+(column+1)&mask]
	a += float32((b - a) * u)
	c += float32((d - c) * u)
	return a + float32((c-a)*v)
}
