package index

import (
	"sync"

	"immis/internal/simd"
)

// place is where a row is: the number of its segment and its row there. It holds no
// pointer, so that the collector of garbage need not look into maps of millions.
type place uint64

func placeOf(s *segment, row int) place { return place(s.number)<<rowBits | place(row) }

func (p place) row() int { return int(p & (1<<rowBits - 1)) }

// places finds rows by key. Its lock is held for lookups and single scores, never for
// a scan.
type places struct {
	mu       sync.RWMutex
	rows     map[uint64]place
	segments map[uint64]*segment // by number
	numbers  uint64
}

func newPlaces() places {
	return places{rows: map[uint64]place{}, segments: map[uint64]*segment{}}
}

// enter gives a segment its number.
func (p *places) enter(s *segment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.numbers++
	s.number = p.numbers
	p.segments[s.number] = s
}

// change puts a segment in the place of another with the same number and rows.
func (p *places) change(s *segment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.segments[s.number] = s
}

// segment is the segment of a place.
func (p *places) segment(at place) *segment {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.segments[uint64(at>>rowBits)]
}

// leave forgets a segment that no key points to any more.
func (p *places) leave(s *segment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.segments, s.number)
}

func (p *places) has(key uint64) bool {
	_, _, ok := p.get(key)
	return ok
}

func (p *places) get(key uint64) (*segment, int, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	at, ok := p.rows[key]
	if !ok {
		return nil, 0, false
	}
	return p.segments[uint64(at>>rowBits)], at.row(), true
}

// put sets the places of consecutive rows.
func (p *places) put(s *segment, first int, keys []uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, k := range keys {
		p.rows[k] = placeOf(s, first+i)
	}
}

// move points the keys of a segment's live rows to it.
func (p *places) move(s *segment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for row, k := range s.keys[:s.count] {
		if !s.dead.has(row) {
			p.rows[k] = placeOf(s, row)
		}
	}
}

func (p *places) take(key uint64) (*segment, int, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok := p.rows[key]
	if !ok {
		return nil, 0, false
	}
	delete(p.rows, key)
	return p.segments[uint64(at>>rowBits)], at.row(), true
}

func (p *places) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows, p.segments = map[uint64]place{}, map[uint64]*segment{}
}

// score holds the lock while it reads the row: a segment is freed only after its rows
// have left the map.
func (x *Index) score(probe *Probe, key uint64) (float32, bool, error) {
	p := &x.places
	p.mu.RLock()
	defer p.mu.RUnlock()
	at, ok := p.rows[key]
	if !ok {
		return 0, false, nil
	}
	s, buf := p.segments[uint64(at>>rowBits)], []simd.F16(nil)
	if s.half == nil {
		buf = make([]simd.F16, x.dim)
	}
	row, err := x.row(s, at.row(), buf)
	if err != nil {
		return 0, false, err
	}
	return clamp(simd.DotF16(probe.rotated, row)), true, nil
}
