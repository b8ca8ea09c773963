// Package index searches the rows of one model for the people nearest to a probe.
// It knows keys, people as numbers, and vectors; what a number stands for, who may
// see it and what a score means belongs to the rooms above.
//
// Every row is held in up to three forms: the row itself in 16-bit floats, 8-bit
// integers that a scan reads, and, for long vectors, one bit per dimension. A search
// reads the small forms of all rows and scores with the row itself those that can be
// among the best. The exact search proves that no other can; the fast one says how
// large its doubt is. docs/INDEX.md draws all of it.
//
// Searches run beside each other and beside writers and never wait for them: a search
// works on the version of the index that was current when it began. The package
// refuses approximate structures that lose rows (graphs, clusters) and anything that
// has to be trained, flushed or paused.
package index

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"immis/internal/mutant"
	"immis/internal/offheap"
	"immis/internal/simd"
)

// MinDim and MaxDim bound the dimensions of a row.
const (
	MinDim = 16
	MaxDim = simd.MaxDim
)

// fastDim is the least dimension that has a plane of bits. Below it bits lose mates
// that the exact search finds (3.5 % at 128 dimensions, none seen at 512), so fast
// mode is exact mode there.
const fastDim = 384

// Options are the choices of an index. The zero value of a field means its default.
type Options struct {
	// Budget bounds the memory of the planes; default no bound. Indexes may share one.
	Budget *offheap.Budget
	// SegmentRows is how many rows the largest segments hold, a multiple of 64;
	// default 65,536. Tests use less.
	SegmentRows int
	// Workers is how many goroutines search at once; default GOMAXPROCS.
	Workers int
	// Files, unless nil, is where copies of segments are kept.
	Files *Files
}

func (o Options) withDefaults() (Options, error) {
	if o.SegmentRows == 0 {
		o.SegmentRows = 1 << 16
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.SegmentRows < 64 || o.SegmentRows > 1<<rowBits || o.SegmentRows%64 != 0 {
		return o, fmt.Errorf("index: segments of %d rows, want a multiple of 64 up to %d", o.SegmentRows, 1<<rowBits)
	}
	if o.Workers < 1 {
		return o, fmt.Errorf("index: %d workers, want at least 1", o.Workers)
	}
	return o, nil
}

// Gallery is a set of rows that searches can be bounded to.
type Gallery uint32

// Attributes are what searches can be narrowed by, besides galleries. Zero values
// mean unknown, which no filter excludes.
type Attributes struct {
	BirthYear   uint16
	Nationality uint16 // a number that the caller gives each nationality
	Sex         uint8
	Quality     uint8 // 1..101: quality 0..100 plus one
}

// Row is one vector to be searched.
type Row struct {
	Key    uint64    // unique; equal scores rank by it, lower first
	Person uint64    // rows of one person fold into one candidate
	Vector []float32 // of unit length
	Attributes
	Galleries []Gallery
	// Origin is a digest of what the vector was taken from, by which a row in a file is
	// known to be of the same; 0 for a row that files are not to give again.
	Origin uint64
}

// Index holds the rows of one model. All methods may be called at any time from any
// goroutine; writers exclude each other.
type Index struct {
	dim  int
	opts Options
	form *form

	current atomic.Pointer[version] // what new searches see
	share   sharing

	mu       sync.Mutex // held by writers
	segments []*segment // in the order of the version's views
	closed   bool
	reserved int // rows that there must be room for
	tidying  bool
	tidied   sync.WaitGroup

	places places // key -> row
	files  files
	reap   reaper
}

// New returns an empty index of vectors with dim dimensions, MinDim..MaxDim.
func New(dim int, o Options) (*Index, error) {
	if dim < MinDim || dim > MaxDim {
		return nil, fmt.Errorf("index: dimension %d, want %d..%d", dim, MinDim, MaxDim)
	}
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	x := &Index{dim: dim, opts: o, form: formOf(dim)}
	x.places = newPlaces()
	first := &version{number: 1}
	first.refs.Store(1)
	x.current.Store(first)
	x.reap.oldest, x.reap.free = first, (*segment).free
	return x, nil
}

// Wait returns when no pass goes on for callers that have left. No search may begin
// meanwhile.
func (x *Index) Wait() { x.share.ended.Wait() }

// Close frees the memory, what searches under way read when they have ended. Searches
// that come later find nothing, and nothing can be added.
func (x *Index) Close() {
	x.mu.Lock()
	x.closed = true
	x.mu.Unlock()
	x.tidied.Wait()
	x.mu.Lock()
	defer x.mu.Unlock()
	old := x.segments
	x.segments = nil
	x.places.clear()
	x.publish(old...)
}

// Dim is the number of dimensions of a row.
func (x *Index) Dim() int { return x.dim }

// Rows is the number of rows that searches see.
func (x *Index) Rows() int { return x.current.Load().alive }

// Bytes is the memory held for rows: planes and columns.
func (x *Index) Bytes() int64 { return x.current.Load().bytes }

// Version is the number of the newest version: it grows with each change.
func (x *Index) Version() uint64 { return x.current.Load().number }

// Append adds rows, all or none. Searches that start after it returns see all of
// them; none sees a part. It fails with *InputError on a row that cannot be searched
// or a key in use, and with *offheap.BudgetError when there is no memory for them.
func (x *Index) Append(rows ...Row) error { return x.Replace(nil, rows...) }

// AppendReserved is Append for who has reserved room for the rows: it takes that room
// and what was reserved in one step, and does not fail for want of memory.
func (x *Index) AppendReserved(rows ...Row) error { return x.replace(nil, rows, len(rows)) }

// Delete withdraws the rows of the keys that are there and returns how many those
// are. Searches that start after it returns do not see them.
func (x *Index) Delete(keys ...uint64) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := x.withdraw(keys)
	if n > 0 {
		x.publish()
		x.tidy()
	}
	return n
}

// Replace withdraws the rows of old, where they are there, and adds new ones, in one
// step: a search sees either the old rows or the new. Errors are those of Append and
// change nothing.
func (x *Index) Replace(old []uint64, rows ...Row) error { return x.replace(old, rows, 0) }

// replace uses up reserved of the rows that there must be room for.
func (x *Index) replace(old []uint64, rows []Row, reserved int) error {
	if len(rows) == 0 {
		x.Delete(old...)
		return nil
	}
	p, err := x.form.pack(rows)
	if err != nil {
		return err
	}
	defer x.form.give(p)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return fmt.Errorf("append rows: the index is closed")
	}
	if err := x.checkKeys(old, rows); err != nil {
		return err
	}
	at, err := x.makeRoom(len(rows) + x.reserved - reserved)
	if err != nil {
		return fmt.Errorf("append %d rows: %w", len(rows), err)
	}
	x.reserved -= reserved
	x.withdraw(old)
	for i := 0; i < len(rows); {
		s := x.segments[at]
		first := s.count
		for ; i < len(rows) && s.count < s.capacity; i++ {
			s.write(p, i, &rows[i])
		}
		x.places.put(s, first, s.keys[first:s.count])
		at++
	}
	x.publish()
	x.tidy()
	return nil
}

func (x *Index) checkKeys(old []uint64, rows []Row) error {
	leaving := make(map[uint64]bool, len(old))
	for _, k := range old {
		leaving[k] = true
	}
	coming := make(map[uint64]bool, len(rows))
	for i := range rows {
		k := rows[i].Key
		if coming[k] || x.places.has(k) && !leaving[k] {
			return &InputError{What: fmt.Sprintf("key of row %d", i), Got: fmt.Sprintf("%d, which is in use", k), Want: "a new one"}
		}
		coming[k] = true
	}
	return nil
}

// withdraw marks rows as dead.
func (x *Index) withdraw(keys []uint64) int {
	n := 0
	for _, k := range keys {
		s, row, ok := x.places.take(k)
		if !ok {
			continue
		}
		n++
		if mutant.On(mutant.DropMask) {
			continue
		}
		s.kill(row)
	}
	return n
}

// SetMember puts the rows of the keys that are there into a gallery or takes them
// out, and returns how many rows changed. Searches that start after it returns know.
func (x *Index) SetMember(g Gallery, in bool, keys ...uint64) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := 0
	for _, k := range keys {
		if s, row, ok := x.places.get(k); ok && s.setMember(g, row, in) {
			n++
		}
	}
	if n > 0 {
		x.publish()
	}
	return n
}

// Has tells whether a key has a row.
func (x *Index) Has(key uint64) bool { return x.places.has(key) }

// Score is the score of the row of a key, the one that a search gives it, and whether
// the row is there. It panics on a probe of another dimension, and fails where the row
// is in a file that cannot be read.
func (x *Index) Score(p *Probe, key uint64) (float32, bool, error) {
	if p.dim != x.dim {
		panic(fmt.Sprintf("index: probe of dimension %d, want %d", p.dim, x.dim))
	}
	return x.score(p, key)
}

// Reserve makes room for n more rows that nobody else gets, so that AppendReserved of as
// many cannot fail for want of memory. Unreserve gives back what will not be used. It
// fails with *offheap.BudgetError.
func (x *Index) Reserve(n int) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return fmt.Errorf("reserve %d rows: the index is closed", n)
	}
	if _, err := x.makeRoom(x.reserved + n); err != nil {
		return fmt.Errorf("reserve %d rows: %w", n, err)
	}
	x.reserved += n
	return nil
}

// Unreserve gives back room for n rows that was reserved and not used.
func (x *Index) Unreserve(n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.reserved -= n
}

// tail is the first of the segments at the end that have room: rows are added there.
func (x *Index) tail() int {
	at := len(x.segments)
	for at > 0 && x.segments[at-1].count < x.segments[at-1].capacity {
		at--
	}
	return at
}

// makeRoom makes segments for n more rows and returns the first that has room.
func (x *Index) makeRoom(n int) (int, error) {
	first, room, held := x.tail(), 0, 0
	for i, s := range x.segments {
		held += s.capacity
		if i >= first {
			room += s.capacity - s.count
		}
	}
	var made []*segment
	for room < n {
		// As many as there are, or as come now: a bulk load makes few small segments.
		capacity := min(max(firstRows, held, n-room), x.opts.SegmentRows)
		capacity = (capacity + 63) / 64 * 64
		s, err := newSegment(x.form, capacity, x.opts.Budget, x.opts.Files != nil, false)
		for err != nil && capacity > firstRows {
			// The last of a budget goes to small segments.
			capacity = max(capacity/2/64*64, firstRows)
			s, err = newSegment(x.form, capacity, x.opts.Budget, x.opts.Files != nil, false)
		}
		if err != nil {
			for _, s := range made {
				s.free()
			}
			return 0, err
		}
		made = append(made, s)
		room += capacity
		held += capacity
	}
	for _, s := range made {
		x.places.enter(s)
	}
	x.segments = append(x.segments, made...)
	return first, nil
}

// Search returns the people nearest to a probe, best first. Searches of one mode that
// arrive together share a pass over the rows; the answer is the same. Errors:
// *InputError, the context's within a few milliseconds.
func (x *Index) Search(ctx context.Context, q Query) (Answer, error) {
	if err := q.check(x.dim); err != nil {
		return Answer{}, err
	}
	return x.join(ctx, q)
}
