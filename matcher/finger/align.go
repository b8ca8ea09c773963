package finger

import (
	"math"
	"slices"

	"immis/templates"
)

// Parameters of the refinement.
const (
	refineRounds = 3
	wideTurn     = 6258 // 0.6 rad between the directions of a pair
	closeTurn    = 4694 // 0.45 rad, in the last round
	maxOffers    = 4    // minutiae of the other side that one minutia is offered
)

// Motion is the rigid motion that lays the probe on the reference, in pixels at
// 500 ppi with y up: x' = Cos x - Sin y + DX, y' = Sin x + Cos y + DY, where y
// is minus the y of the image.
type Motion struct{ Cos, Sin, DX, DY float64 }

// apply gives the place of (x, y) after the motion.
func (m Motion) apply(x, y float32) (float32, float32) {
	return float32(float64(m.Cos*float64(x)) - float64(m.Sin*float64(y)) + m.DX),
		float32(float64(m.Sin*float64(x)) + float64(m.Cos*float64(y)) + m.DY)
}

// inverse undoes the motion.
func (m Motion) inverse() Motion {
	return Motion{
		Cos: m.Cos, Sin: -m.Sin,
		DX: -(float64(m.Cos*m.DX) + float64(m.Sin*m.DY)),
		DY: float64(m.Sin*m.DX) - float64(m.Cos*m.DY),
	}
}

// turn is the rotation in angle units.
func (m Motion) turn() uint16 { return atan2(m.Sin, m.Cos) }

// motionOf is the motion a single pair of minutiae stands for.
func motionOf(a, b *minutia) Motion {
	sin, cos := sincos(b.angle - a.angle)
	m := Motion{Cos: cos, Sin: sin}
	x, y := m.apply(a.x, a.y)
	m.DX, m.DY = float64(b.x)-float64(x), float64(b.y)-float64(y)
	return m
}

// moved is a minutia of the first side after the motion.
type moved struct {
	x, y  float32
	limit float32 // px
	angle uint16
}

// offer is a possible pair with its cost: half the squared deviation in place
// and direction, in units of their spreads, so that exp(-cost) is the pair's
// weight. Bits of the cost (a float32 >= 0, whose bits order like its value),
// then a, then b: one integer comparison is the total order of offers.
type offer uint64

func newOffer(cost float32, a, b int) offer {
	return offer(math.Float32bits(cost))<<16 | offer(a)<<8 | offer(b)
}

func (o offer) cost() float32 { return math.Float32frombits(uint32(o >> 16)) }
func (o offer) a() uint8      { return uint8(o >> 8) }
func (o offer) b() uint8      { return uint8(o) }

// Spreads of truly paired minutiae, see FINDINGS of the experiments: px and rad.
const (
	spreadPlace = 7.0
	spreadTurn  = 0.2
)

// start pairs the two sides under the motion of one seed, with wide limits, and
// leaves the pairs in c.pairs.
func (c *Comparer) start(a, b *Template, seed *candidate) Motion {
	pa := &a.minutiae[seed.a]
	m := motionOf(pa, &b.minutiae[seed.b])
	c.move(a, m, pa, 0)
	c.pair(a, b, wideTurn)
	return m
}

// refine fits the motion to the pairs in c.best and pairs again, in rounds.
func (c *Comparer) refine(a, b *Template, m Motion) Motion {
	for round := range refineRounds {
		if c.bestCount < 2 {
			break
		}
		m = refit(a, b, c.best[:c.bestCount], m)
		if round < refineRounds-1 {
			c.move(a, m, nil, 19)
			c.pair(a, b, wideTurn)
		} else {
			c.move(a, m, nil, 15)
			c.pair(a, b, closeTurn)
		}
		c.bestCount = copy(c.best[:], c.pairs[:c.pairCount])
	}
	return m
}

// move puts every minutia of a to its place under m. The allowed distance of a
// partner is given, or grows with the distance from the seed if there is one.
func (c *Comparer) move(a *Template, m Motion, seed *minutia, pixels float32) {
	turn := m.turn()
	for i := range a.minutiae {
		p := &a.minutiae[i]
		x, y := m.apply(p.x, p.y)
		limit := pixels
		if seed != nil {
			dx, dy := p.x-seed.x, p.y-seed.y
			limit = allowed(toleranceNear, float32(dx*dx)+float32(dy*dy))
		}
		c.moved[i] = moved{x: x, y: y, limit: limit, angle: p.angle + turn}
	}
}

// pair joins moved minutiae with minutiae of b one to one, cheapest first. Each
// minutia of a offers its maxOffers cheapest partners, which bounds the work
// where minutiae crowd. b is sorted by y, so only a band of it is looked at.
func (c *Comparer) pair(a, b *Template, turnLimit int) {
	offers := c.offers[:0]
	for i := range a.minutiae {
		p := &c.moved[i]
		own := len(offers)
		for j := firstFrom(b.minutiae, p.y-p.limit); j < len(b.minutiae); j++ {
			q := &b.minutiae[j]
			if q.y > p.y+p.limit {
				break
			}
			if cost, ok := costOf(p, q, turnLimit); ok {
				offers = insertOffer(offers, own, newOffer(cost, i, j))
			}
		}
	}
	slices.Sort(offers)
	var usedA, usedB [templates.MaxMinutiae]bool
	c.pairCount = 0
	for _, o := range offers {
		if !usedA[o.a()] && !usedB[o.b()] {
			usedA[o.a()], usedB[o.b()] = true, true
			c.pairs[c.pairCount] = o
			c.pairCount++
		}
	}
}

// costOf is the cost of pairing p with q, if they are near enough.
func costOf(p *moved, q *minutia, turnLimit int) (float32, bool) {
	t := absTurn(p.angle, q.angle)
	if t > turnLimit {
		return 0, false
	}
	dx, dy := p.x-q.x, p.y-q.y
	d := float32(dx*dx) + float32(dy*dy)
	if d > float32(p.limit*p.limit) {
		return 0, false
	}
	r := float32(float32(t) * float32(radPerUnit))
	return float32(d*(1/(2*spreadPlace*spreadPlace))) + float32(float32(r*r)*(1/(2*spreadTurn*spreadTurn))), true
}

// insertOffer keeps the last maxOffers entries from own on sorted and bounded.
func insertOffer(offers []offer, own int, n offer) []offer {
	if len(offers)-own == maxOffers {
		if n >= offers[len(offers)-1] {
			return offers
		}
		offers = offers[:len(offers)-1]
	}
	offers = append(offers, n)
	for k := len(offers) - 1; k > own && n < offers[k-1]; k-- {
		offers[k], offers[k-1] = offers[k-1], offers[k]
	}
	return offers
}

// firstFrom is the first index whose y is at least the given one.
func firstFrom(sorted []minutia, y float32) int {
	lo, hi := 0, len(sorted)
	for lo < hi {
		mid := (lo + hi) / 2
		if sorted[mid].y < y {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// refit is the rigid motion that leaves the least sum of squared distances of
// the pairs (Umeyama 1991 without scale). Pairs in one place keep the rotation.
func refit(a, b *Template, pairs []offer, before Motion) Motion {
	var ax, ay, bx, by float64
	for _, p := range pairs {
		ax += float64(a.minutiae[p.a()].x)
		ay += float64(a.minutiae[p.a()].y)
		bx += float64(b.minutiae[p.b()].x)
		by += float64(b.minutiae[p.b()].y)
	}
	n := float64(len(pairs))
	ax, ay, bx, by = ax/n, ay/n, bx/n, by/n
	var dot, cross float64
	for _, p := range pairs {
		ux, uy := float64(a.minutiae[p.a()].x)-ax, float64(a.minutiae[p.a()].y)-ay
		vx, vy := float64(b.minutiae[p.b()].x)-bx, float64(b.minutiae[p.b()].y)-by
		dot += float64(ux*vx) + float64(uy*vy)
		cross += float64(ux*vy) - float64(uy*vx)
	}
	m := before
	if length := math.Sqrt(float64(dot*dot) + float64(cross*cross)); length > 1e-6 {
		m.Cos, m.Sin = dot/length, cross/length
	}
	m.DX = bx - (float64(m.Cos*ax) - float64(m.Sin*ay))
	m.DY = by - (float64(m.Sin*ax) + float64(m.Cos*ay))
	return m
}
