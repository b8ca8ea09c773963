//go:build amd64 && !purego

package simd

// scanAsymmetricBatchVector goes over some blocks at a time, whose bits stay in the
// first cache while parts of the probes meet them. Parts are as equal as can be.
func scanAsymmetricBatchVector(l Level, scores []int32, plane []byte, blocks int, p *BitQueryBatch) {
	if l == AMX {
		l = AVX512 // AMX has kernels with limits only
	}
	if p.n == 1 {
		scanAsymmetricVector(l, scores, plane, blocks, p.one(0))
		return
	}
	most := tileProbesAVX2
	if l == AVX512 {
		most = tileProbes512
	}
	const cached = 16 << 10
	rows, size, parts := blocks*BlockRows, 64*p.groups, (p.n+most-1)/most
	step := max(1, cached/size)
	for b := 0; b < blocks; b += step {
		from := 0
		for part := range parts {
			n := (p.n - from) / (parts - part)
			asymmetricTile(l, scores[from*rows+b*BlockRows:], 4*rows, plane[b*size:], min(step, blocks-b), p, from, n)
			from += n
		}
	}
}

// asymmetricTile scores the first blocks of plane with n probes from probe from on;
// results of two probes are ostride bytes apart.
func asymmetricTile(l Level, scores []int32, ostride int, plane []byte, blocks int, p *BitQueryBatch, from, n int) {
	row, pstride, out := &plane[0], 32*p.groups, &scores[0]
	probe, minus := &p.bytes[from*pstride], &p.minus[from]
	if l == AVX512 {
		switch n {
		case 1:
			asymmetricTile1AVX512(row, blocks, p.groups, probe, pstride, minus, out, ostride)
		case 2:
			asymmetricTile2AVX512(row, blocks, p.groups, probe, pstride, minus, out, ostride)
		case 3:
			asymmetricTile3AVX512(row, blocks, p.groups, probe, pstride, minus, out, ostride)
		case 4:
			asymmetricTile4AVX512(row, blocks, p.groups, probe, pstride, minus, out, ostride)
		case 5:
			asymmetricTile5AVX512(row, blocks, p.groups, probe, pstride, minus, out, ostride)
		case 6:
			asymmetricTile6AVX512(row, blocks, p.groups, probe, pstride, minus, out, ostride)
		}
		return
	}
	switch n {
	case 1:
		asymmetricTile1AVX2(row, blocks, p.groups, probe, pstride, minus, out, ostride)
	case 2:
		asymmetricTile2AVX2(row, blocks, p.groups, probe, pstride, minus, out, ostride)
	case 3:
		asymmetricTile3AVX2(row, blocks, p.groups, probe, pstride, minus, out, ostride)
	case 4:
		asymmetricTile4AVX2(row, blocks, p.groups, probe, pstride, minus, out, ostride)
	}
}
