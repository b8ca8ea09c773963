package simd

import "fmt"

// The scans below share one contract.
//
// plane holds at least Blocks(rows) blocks and is not changed during the call, except
// in rows that do not count yet (from rows on): a writer may append to the last block.
// What the result says of such rows is not defined. Results have 16 places per block,
// also for a last block that is not full. Nothing is read or written outside the
// slices; prefetches may name addresses behind them and never fault.
//
// All kernels give the same integers for any input. A call cannot be preempted: the
// caller keeps it below about 4,096 rows.

// ScanInt8 sets scores[r] to the product of row r and probe i, exactly.
func ScanInt8(scores []int32, plane []byte, rows int, p *Int8Probes, i int) {
	blocks := checkPlane(len(scores), len(plane), rows, 64*p.groups, 1)
	checkIndexOf(i, p.n)
	if blocks == 0 {
		return
	}
	if l := level(OpInt8); l != Portable {
		scanInt8Vector(l, scores, plane, blocks, p, i)
	} else {
		scanInt8Portable(scores, plane, blocks, p, i)
	}
	if checkIndex {
		checkInt8(scores, plane, rows, p, i)
	}
}

// ScanInt8Batch sets scores[i*n+r] to the product of row r and probe i, exactly, for
// all probes, with n = 16*Blocks(rows).
func ScanInt8Batch(scores []int32, plane []byte, rows int, p *Int8Probes) {
	blocks := checkPlane(len(scores), len(plane), rows, 64*p.groups, p.n)
	if blocks == 0 {
		return
	}
	n := blocks * BlockRows
	if l := level(OpInt8Batch); l != Portable {
		scanInt8BatchVector(l, scores, plane, blocks, p)
	} else {
		for i := range p.n {
			scanInt8Portable(scores[i*n:], plane, blocks, p, i)
		}
	}
	if checkIndex {
		for i := range p.n {
			checkInt8(scores[i*n:], plane, rows, p, i)
		}
	}
}

// ScanHamming sets dist[r] to the number of bits in which row r and probe i differ.
// Sixteen bits hold 4,096, and a batch writes less than half as many bytes as with
// 32: at 512 dimensions and 32 probes 64 bytes are read of a row and 64 written.
func ScanHamming(dist []uint16, plane []byte, rows int, p *BitProbes, i int) {
	blocks := checkPlane(len(dist), len(plane), rows, 64*p.groups, 1)
	checkIndexOf(i, p.n)
	if blocks == 0 {
		return
	}
	if l := level(OpHamming); l != Portable {
		scanHammingVector(l, dist, plane, blocks, p, i)
	} else {
		scanHammingPortable(dist, plane, blocks, p, i)
	}
	if checkIndex {
		checkHamming(dist, plane, rows, p, i)
	}
}

// ScanHammingBatch sets dist[i*n+r] to the number of bits in which row r and probe i
// differ, for all probes, with n = 16*Blocks(rows).
func ScanHammingBatch(dist []uint16, plane []byte, rows int, p *BitProbes) {
	blocks := checkPlane(len(dist), len(plane), rows, 64*p.groups, p.n)
	if blocks == 0 {
		return
	}
	n := blocks * BlockRows
	if l := level(OpHammingBatch); l != Portable {
		scanHammingBatchVector(l, dist, plane, blocks, p)
	} else {
		for i := range p.n {
			scanHammingPortable(dist[i*n:], plane, blocks, p, i)
		}
	}
	if checkIndex {
		for i := range p.n {
			checkHamming(dist[i*n:], plane, rows, p, i)
		}
	}
}

// ScanAsymmetric takes the bits of a row as +1 and -1 and sets scores[r] to the
// largest of its products with the queries: 2 * (sum of the query over set bits) -
// (sum of the query).
func ScanAsymmetric(scores []int32, plane []byte, rows int, p *BitQueries) {
	blocks := checkPlane(len(scores), len(plane), rows, 64*p.groups, 1)
	if blocks == 0 {
		return
	}
	if l := level(OpAsymmetric); l != Portable {
		scanAsymmetricVector(l, scores, plane, blocks, p)
	} else {
		scanAsymmetricPortable(scores, plane, blocks, p)
	}
	if checkIndex {
		checkAsymmetric(scores, plane, rows, p)
	}
}

// checkPlane returns the number of blocks; the assembly relies on it.
func checkPlane(out, plane, rows, blockBytes, probes int) int {
	blocks := checkBlocks(plane, rows, blockBytes)
	if want := blocks * BlockRows * probes; out < want {
		panic(fmt.Sprintf("simd: %d places for results, want %d", out, want))
	}
	return blocks
}

func checkBlocks(plane, rows, blockBytes int) int {
	blocks := Blocks(rows)
	// A division, since a product of a wrong rows could overflow.
	if blocks > plane/blockBytes {
		panic(fmt.Sprintf("simd: plane of %d bytes, want %d blocks of %d", plane, blocks, blockBytes))
	}
	return blocks
}

func checkIndexOf(i, n int) {
	if i < 0 || i >= n {
		panic(fmt.Sprintf("simd: probe %d of %d", i, n))
	}
}
