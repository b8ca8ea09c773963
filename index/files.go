package index

import (
	"errors"
	"sync"
	"sync/atomic"

	"immis/index/segfile"
	"immis/internal/simd"
)

// Files says where an index keeps copies of its segments. A copy saves the work of
// making rows again at a start; who is found it does not decide: a row that comes from
// a file is searched only when the caller has claimed it. docs/INDEX.md draws it.
type Files struct {
	FS segfile.FS
	// Dir is a directory of this index alone, which exists.
	Dir string
	// Store and Model bind the files: those of others are not read.
	Store [16]byte
	Model string
	// Keys seals the keys of the files.
	Keys segfile.Wrapper
	// Cache, unless nil, has the rows themselves read from the files of full segments,
	// which then hold only codes and bits in memory. Indexes may share one.
	Cache *segfile.Cache
	// Vector makes the vector of a key again, where its row in a file is damaged. nil:
	// searches that need such a row fail.
	Vector func(key uint64) ([]float32, error)
	// Room, unless nil, is asked before a file of so many bytes is written.
	Room func(bytes int64) error
}

// formVersion is raised with every change of how vectors become rows, codes and bits, so
// that files of another form are not read.
const formVersion = 1

const suffix = ".seg"

// files is what an index knows of its files. saving is held by who writes them.
type files struct {
	saving  sync.Mutex
	next    uint64           // under saving: number of the next file
	offered map[uint64]place // under Index.mu: rows of files that nobody has claimed, by key
	gone    []string         // under Index.mu: files of segments that left the index
}

// saved is the file of a segment.
type saved struct {
	path  string
	rows  int // written
	alive int // of them, when written
	// open, unless nil, is where the rows are read: they are not in memory.
	open *segfile.File
	// damaged is set when a row could not be read: the file is to be written again.
	damaged atomic.Bool
}

func (x *Index) binding() segfile.Binding {
	f := x.opts.Files
	return segfile.Binding{Store: f.Store, Model: f.Model, Dim: x.dim, Form: formVersion}
}

// row returns row r itself: from memory, or read into buf.
func (x *Index) row(s *segment, r int, buf []simd.F16) ([]simd.F16, error) {
	if s.half != nil {
		return s.row16(r), nil
	}
	err := s.file.open.ReadRow(r, buf)
	if err == nil {
		return buf, nil
	}
	s.file.damaged.Store(true)
	if x.opts.Files.Vector == nil {
		return nil, &RowError{Key: s.keys[r], Err: err}
	}
	v, other := x.opts.Files.Vector(s.keys[r])
	if other == nil {
		other = checkVector("vector", v, x.dim)
	}
	if other != nil {
		return nil, &RowError{Key: s.keys[r], Err: errors.Join(err, other)}
	}
	scratch := make([]float32, x.dim)
	x.form.rotation.Apply(scratch, v)
	simd.ToF16(buf, scratch)
	return buf, nil
}
