package simd

import (
	"fmt"
	"math/bits"
)

// Hit is a score that reached the limit of its probe.
type Hit struct {
	Row, Probe int32
	Score      int32
}

// Selector scans for the scores that reach a limit, and has the memory for it: the use
// of one goroutine. The zero value is ready.
//
// A search wants few of the scores of a batch, and to write all of them and read them
// again takes longer than to make them.
type Selector struct {
	hits   []Hit
	scores []int32
	mask   []uint64
	amx    amxSpace
}

// Int8 returns the rows and probes whose product, as ScanInt8Batch makes it, is at least
// the limit of the probe, in no order that is promised. The hits are good until the next
// call. It panics where ScanInt8Batch does and if there is not one limit a probe.
func (s *Selector) Int8(plane []byte, rows int, p *Int8Probes, limits []int32) []Hit {
	blocks := s.begin(len(plane), rows, 64*p.groups, p.n, limits)
	if blocks == 0 {
		return nil
	}
	if l := level(OpInt8Batch); l == AMX && p.tiles != nil {
		s.scanAMX(plane, blocks, 64*p.groups, p.tiles, p.start, limits, false)
	} else {
		if p.n == 1 {
			ScanInt8(s.scores, plane, rows, p, 0)
		} else {
			ScanInt8Batch(s.scores, plane, rows, p)
		}
		s.compare(blocks, limits)
	}
	s.cut(rows)
	if checkIndex {
		s.check(rows, limits, func(i, r int) int32 { return readInt8Score(plane, r, p, i) })
	}
	return s.hits
}

// Asymmetric is Int8 for the bit plane and the products of ScanAsymmetricBatch.
func (s *Selector) Asymmetric(plane []byte, rows int, p *BitQueryBatch, limits []int32) []Hit {
	blocks := s.begin(len(plane), rows, 64*p.groups, p.n, limits)
	if blocks == 0 {
		return nil
	}
	if l := level(OpAsymmetricBatch); l == AMX && p.tiles != nil {
		s.scanAMX(plane, blocks, 64*p.groups, p.tiles, p.minus, limits, true)
	} else {
		ScanAsymmetricBatch(s.scores, plane, rows, p)
		s.compare(blocks, limits)
	}
	s.cut(rows)
	if checkIndex {
		s.check(rows, limits, func(i, r int) int32 { return readAsymmetricBatch(plane, r, p, i) })
	}
	return s.hits
}

// begin checks what the assembly relies on and returns the number of blocks.
func (s *Selector) begin(plane, rows, blockBytes, probes int, limits []int32) int {
	if len(limits) != probes {
		panic(fmt.Sprintf("simd: %d limits for %d probes", len(limits), probes))
	}
	s.hits = s.hits[:0]
	blocks := checkBlocks(plane, rows, blockBytes)
	if n := blocks * BlockRows * probes; cap(s.scores) < n {
		s.scores = make([]int32, n)
	} else {
		s.scores = s.scores[:n]
	}
	return blocks
}

// compare makes hits of scores that are all there.
func (s *Selector) compare(blocks int, limits []int32) {
	n := blocks * BlockRows
	if words := (n + 63) / 64; cap(s.mask) < words {
		s.mask = make([]uint64, words)
	} else {
		s.mask = s.mask[:words]
	}
	for i, limit := range limits {
		scores := s.scores[i*n:][:n]
		SelectScores(s.mask, scores, limit)
		for w, word := range s.mask {
			for ; word != 0; word &= word - 1 {
				r := 64*w + bits.TrailingZeros64(word)
				s.hits = append(s.hits, Hit{int32(r), int32(i), scores[r]})
			}
		}
	}
}

// cut takes away the hits of rows that do not count: a last block is scored whole.
func (s *Selector) cut(rows int) {
	if rows%BlockRows == 0 {
		return
	}
	kept := s.hits[:0]
	for _, h := range s.hits {
		if int(h.Row) < rows {
			kept = append(kept, h)
		}
	}
	s.hits = kept
}

// check compares the hits with the obvious reader.
func (s *Selector) check(rows int, limits []int32, read func(i, r int) int32) {
	hits := make(map[Hit]bool, len(s.hits))
	for _, h := range s.hits {
		hits[h] = true
	}
	if len(hits) != len(s.hits) {
		panic("simd: the kernel of a batch with limits found a row twice")
	}
	for i, limit := range limits {
		for r := range rows {
			score := read(i, r)
			if hits[Hit{int32(r), int32(i), score}] != (score >= limit) {
				panic(fmt.Sprintf("simd: the kernel of a batch with limits and the reader differ at row %d, probe %d", r, i))
			}
		}
	}
}
