//go:build amd64 && !purego

package simd

const (
	tileBlocks512  = 4 // with 6 probes, 24 sums in 32 registers
	tileProbes512  = 6
	tileProbesAVX2 = 4
)

func scanInt8Vector(l Level, scores []int32, plane []byte, blocks int, p *Int8Probes, i int) {
	if l == AVX512 {
		int8ScanAVX512(&scores[0], &plane[0], blocks, p.groups, &p.bytes[i*4*p.groups], int(p.start[i]))
		return
	}
	for b := range blocks {
		int8TileAVX2(scores[b*BlockRows:], BlockRows, plane[b*64*p.groups:], p, i, 1)
	}
}

// scanTiles walks over the plane in tiles of four blocks (single blocks at the end)
// and, for each, over the probes in parts: the rows of a tile stay in the first or
// second cache while all probes meet them. Parts are as equal as can be, since a part
// of one or two probes leaves multipliers idle, and two at least, because a part asks
// for the memory of two blocks of the next tile (in turn, while it computes: all at
// once would stall).
func scanTiles(plane []byte, blocks, blockBytes, probes int, tile func(b, count, from, n int, next *byte, nstep int)) {
	parts := max((probes+tileProbes512-1)/tileProbes512, min(probes, 2))
	for b := 0; b < blocks; {
		count := 1
		if blocks-b >= tileBlocks512 {
			count = tileBlocks512
		}
		from := 0
		for part := range parts {
			n := (probes - from) / (parts - part)
			next, step := b+count+2*(part%2), 1
			if parts >= tileBlocks512 { // one block each is enough
				next, step = b+count+part%tileBlocks512, 0
			}
			if next+step >= blocks {
				next, step = b, 0 // the last ones ask for what is there
			}
			tile(b, count, from, n, &plane[next*blockBytes], step*blockBytes)
			from += n
		}
		b += count
	}
}

func scanInt8BatchVector(l Level, scores []int32, plane []byte, blocks int, p *Int8Probes) {
	rows, size := blocks*BlockRows, 64*p.groups
	if l != AVX512 {
		// Block by block, so that the block stays in the first cache for all probes.
		parts := (p.n + tileProbesAVX2 - 1) / tileProbesAVX2
		for b := range blocks {
			from := 0
			for part := range parts {
				n := (p.n - from) / (parts - part)
				int8TileAVX2(scores[from*rows+b*BlockRows:], rows, plane[b*size:], p, from, n)
				from += n
			}
		}
		return
	}
	pstride, ostride := 4*p.groups, 4*rows
	scanTiles(plane, blocks, size, p.n, func(b, count, from, n int, next *byte, nstep int) {
		row, probe := &plane[b*size], &p.bytes[from*pstride]
		out, start := &scores[from*rows+b*BlockRows], &p.start[from]
		if count == tileBlocks512 {
			switch n {
			case 1:
				int8Tile4x1AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep, start)
			case 2:
				int8Tile4x2AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep, start)
			case 3:
				int8Tile4x3AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep, start)
			case 4:
				int8Tile4x4AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep, start)
			case 5:
				int8Tile4x5AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep, start)
			case 6:
				int8Tile4x6AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep, start)
			}
			return
		}
		switch n {
		case 1:
			int8Tile1x1AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep, start)
		case 2:
			int8Tile1x2AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep, start)
		case 3:
			int8Tile1x3AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep, start)
		case 4:
			int8Tile1x4AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep, start)
		case 5:
			int8Tile1x5AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep, start)
		case 6:
			int8Tile1x6AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep, start)
		}
	})
}

// int8TileAVX2 scores the first block of plane with n probes (1..4) from probe from
// on; results of two probes are apart places apart.
func int8TileAVX2(scores []int32, apart int, plane []byte, p *Int8Probes, from, n int) {
	row, probe, pstride := &plane[0], &p.words[from*4*p.groups], 8*p.groups
	out, ostride, start := &scores[0], 4*apart, &p.start[from]
	switch n {
	case 1:
		int8Tile1x1AVX2(row, p.groups, probe, pstride, out, ostride, start)
	case 2:
		int8Tile1x2AVX2(row, p.groups, probe, pstride, out, ostride, start)
	case 3:
		int8Tile1x3AVX2(row, p.groups, probe, pstride, out, ostride, start)
	case 4:
		int8Tile1x4AVX2(row, p.groups, probe, pstride, out, ostride, start)
	}
}

func scanHammingVector(l Level, dist []uint16, plane []byte, blocks int, p *BitProbes, i int) {
	probe := &p.words[i*p.groups]
	if l == AVX512 {
		hammingScanAVX512(&dist[0], &plane[0], blocks, p.groups, probe)
		return
	}
	hammingScanAVX2(&dist[0], &plane[0], blocks, p.groups, probe)
}

func scanHammingBatchVector(l Level, dist []uint16, plane []byte, blocks int, p *BitProbes) {
	rows, size := blocks*BlockRows, 64*p.groups
	if l != AVX512 {
		// As many blocks as stay in the first cache for all probes.
		step := max(1, 16<<10/size)
		for b := 0; b < blocks; b += step {
			for i := range p.n {
				hammingScanAVX2(&dist[i*rows+b*BlockRows], &plane[b*size], min(step, blocks-b), p.groups, &p.words[i*p.groups])
			}
		}
		return
	}
	pstride, ostride := 4*p.groups, 2*rows
	scanTiles(plane, blocks, size, p.n, func(b, count, from, n int, next *byte, nstep int) {
		row, probe, out := &plane[b*size], &p.words[from*p.groups], &dist[from*rows+b*BlockRows]
		if count == tileBlocks512 {
			switch n {
			case 1:
				hammingTile4x1AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep)
			case 2:
				hammingTile4x2AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep)
			case 3:
				hammingTile4x3AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep)
			case 4:
				hammingTile4x4AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep)
			case 5:
				hammingTile4x5AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep)
			case 6:
				hammingTile4x6AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep)
			}
			return
		}
		switch n {
		case 1:
			hammingTile1x1AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep)
		case 2:
			hammingTile1x2AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep)
		case 3:
			hammingTile1x3AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep)
		case 4:
			hammingTile1x4AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep)
		case 5:
			hammingTile1x5AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep)
		case 6:
			hammingTile1x6AVX512(row, size, p.groups, probe, pstride, out, ostride, next, nstep)
		}
	})
}

func scanAsymmetricVector(l Level, scores []int32, plane []byte, blocks int, p *BitQueries) {
	out, rows, probe, pstride, minus := &scores[0], &plane[0], &p.bytes[0], 32*p.groups, &p.minus[0]
	if l == AVX512 {
		switch p.n {
		case 1:
			asymmetric1AVX512(out, rows, blocks, p.groups, probe, pstride, minus)
		case 2:
			asymmetric2AVX512(out, rows, blocks, p.groups, probe, pstride, minus)
		case 3:
			asymmetric3AVX512(out, rows, blocks, p.groups, probe, pstride, minus)
		case 4:
			asymmetric4AVX512(out, rows, blocks, p.groups, probe, pstride, minus)
		}
		return
	}
	switch p.n {
	case 1:
		asymmetric1AVX2(out, rows, blocks, p.groups, probe, pstride, minus)
	case 2:
		asymmetric2AVX2(out, rows, blocks, p.groups, probe, pstride, minus)
	case 3:
		asymmetric3AVX2(out, rows, blocks, p.groups, probe, pstride, minus)
	case 4:
		asymmetric4AVX2(out, rows, blocks, p.groups, probe, pstride, minus)
	}
}

func dotF16Vector(l Level, probe []float32, row []F16) float32 {
	chunks, rest := len(row)/F16Lanes, len(row)%F16Lanes
	var tailProbe [F16Lanes]float32
	var tailRow [F16Lanes]F16
	var tail *F16
	if rest > 0 {
		copy(tailProbe[:], probe[chunks*F16Lanes:])
		copy(tailRow[:], row[chunks*F16Lanes:])
		tail = &tailRow[0]
	}
	if l == AVX512 {
		return dotF16AVX512(&probe[0], &row[0], chunks, &tailProbe[0], tail)
	}
	return dotF16AVX2(&probe[0], &row[0], chunks, &tailProbe[0], tail)
}

func selectScoresVector(l Level, mask []uint64, scores []int32, words int, limit int32) {
	if l == AVX512 {
		selectScoresAVX512(&mask[0], &scores[0], words, int(limit))
		return
	}
	selectScoresAVX2(&mask[0], &scores[0], words, int(limit))
}

func selectDistancesVector(l Level, mask []uint64, dist []uint16, words int, limit uint16) {
	if l == AVX512 {
		selectDistancesAVX512(&mask[0], &dist[0], words, int(limit))
		return
	}
	selectDistancesAVX2(&mask[0], &dist[0], words, int(limit))
}

func readVector(l Level, buf []byte, lines, ahead int) uint64 {
	if l == AVX512 {
		return readAVX512(&buf[0], lines, ahead)
	}
	return readAVX2(&buf[0], lines, ahead)
}

func peakVector(turns int) { peakAVX512(turns) }
