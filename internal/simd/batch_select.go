package simd

import "fmt"

// A search wants few of the scores of a batch, and to write all of them and read them
// again takes a good part of the time of a scan with AMX: for 16 rows and a probe 64
// bytes are written where the products took a few nanoseconds. The scans below compare
// the sums while they are in registers, or next to them.
//
// Both set bit r%64 of mask[i*w+r/64], with w = (rows+63)/64, where the score of row r
// and probe i is at least limits[i], and clear all other bits of these words. They set
// scores[i*n+r], with n = 16*Blocks(rows), for the rows whose bit is set; what the other
// places hold is not defined.

// ScanInt8BatchSelect is ScanInt8Batch followed by SelectScores for each probe, except
// that scores are set only where a bit is.
func ScanInt8BatchSelect(mask []uint64, scores []int32, plane []byte, rows int, p *Int8Probes, limits []int32) {
	blocks := checkPlane(len(scores), len(plane), rows, 64*p.groups, p.n)
	sel := newSelection(mask, rows, p.n, limits)
	if blocks == 0 {
		return
	}
	if l := level(OpInt8Batch); l == AMX && p.tiles != nil {
		scanInt8AMX(scores, plane, blocks, p, sel)
	} else {
		ScanInt8Batch(scores, plane, rows, p)
		sel.compare(scores, blocks)
	}
	sel.clear(rows)
	if checkIndex {
		sel.check(scores, rows, func(i, r int) int32 { return readInt8Score(plane, r, p, i) })
	}
}

// ScanAsymmetricBatchSelect is ScanAsymmetricBatch followed by SelectScores for each
// probe, except that scores are set only where a bit is.
func ScanAsymmetricBatchSelect(mask []uint64, scores []int32, plane []byte, rows int, p *BitQueryBatch, limits []int32) {
	blocks := checkPlane(len(scores), len(plane), rows, 64*p.groups, p.n)
	sel := newSelection(mask, rows, p.n, limits)
	if blocks == 0 {
		return
	}
	if l := level(OpAsymmetricBatch); l == AMX && p.tiles != nil {
		scanAsymmetricAMX(scores, plane, blocks, p, sel)
	} else {
		ScanAsymmetricBatch(scores, plane, rows, p)
		sel.compare(scores, blocks)
	}
	sel.clear(rows)
	if checkIndex {
		sel.check(scores, rows, func(i, r int) int32 { return readAsymmetricBatch(plane, r, p, i) })
	}
}

// selection is what a scan compares its scores with and where it says so.
type selection struct {
	limits []int32 // one a probe
	mask   []uint64
	words  int // of the mask of a probe
}

// newSelection checks what the assembly relies on.
func newSelection(mask []uint64, rows, probes int, limits []int32) *selection {
	s := &selection{limits: limits, mask: mask, words: Blocks(rows)/4 + min(Blocks(rows)%4, 1)}
	if len(limits) != probes {
		panic(fmt.Sprintf("simd: %d limits for %d probes", len(limits), probes))
	}
	if want := s.words * probes; len(mask) < want {
		panic(fmt.Sprintf("simd: mask of %d words for %d rows and %d probes, want %d", len(mask), rows, probes, want))
	}
	return s
}

// compare compares scores that are all there.
func (s *selection) compare(scores []int32, blocks int) {
	n := blocks * BlockRows
	for i, limit := range s.limits {
		SelectScores(s.mask[i*s.words:][:s.words], scores[i*n:][:n], limit)
	}
}

// clear clears the bits behind the last row, of blocks that are not full or not there.
func (s *selection) clear(rows int) {
	used := rows % 64
	if used == 0 {
		return
	}
	for i := range s.limits {
		s.mask[(i+1)*s.words-1] &= 1<<used - 1
	}
}

// check compares a selection with the obvious reader.
func (s *selection) check(scores []int32, rows int, read func(i, r int) int32) {
	n := Blocks(rows) * BlockRows
	for i, limit := range s.limits {
		for r := range 64 * s.words {
			got, want := s.mask[i*s.words+r/64]>>(r%64)&1 != 0, r < rows && read(i, r) >= limit
			if got != want || want && scores[i*n+r] != read(i, r) {
				panic(fmt.Sprintf("simd: the kernel of a batch with limits and the reader differ at row %d, probe %d", r, i))
			}
		}
	}
}
