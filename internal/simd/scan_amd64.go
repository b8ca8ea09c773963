//go:build amd64 && !purego

package simd

const (
	tileBlocks512  = 4 // with 6 probes, 24 sums in 32 registers
	tileProbes512  = 6
	tileProbesAVX2 = 4
)

func scanInt8Vector(l Level, scores []int32, plane []byte, blocks int, p *Int8Probes, i int) {
	if l == AVX512 {
		int8StreamsAVX512(scores, plane, blocks, p, i)
		return
	}
	for b := range blocks {
		int8TileAVX2(scores[b*BlockRows:], BlockRows, plane[b*64*p.groups:], p, i, 1)
	}
}

// scanTiles walks over the plane in tiles of four blocks (single blocks at the end)
// and, for each, over the probes in parts: the rows of a tile stay in the first or
// second cache while all probes meet them. Parts are as equal as can be, since a part
// of one or two probes leaves multipliers idle. Each part asks for an equal share of
// the next tile, a little with each group: all at once would stall, and a machine of
// little memory bandwidth needs the whole time of the tile to bring the next one.
func scanTiles(blocks, blockBytes, probes int, tile func(b, count, from, n, ahead, step int)) {
	parts := max((probes+tileProbes512-1)/tileProbes512, 2)
	for b := 0; b < blocks; {
		count := 1
		if blocks-b >= tileBlocks512 {
			count = tileBlocks512
		}
		from := 0
		for part := range parts {
			n := (probes - from) / (parts - part)
			// A part of one probe asks for its share of four blocks; of more probes, the
			// first half of the parts for two blocks, the second for the other two.
			ahead, share, of := count*blockBytes, part, parts
			if n > 1 {
				if first := (parts + 1) / 2; part < first {
					of = first
				} else {
					ahead, share, of = ahead+2*blockBytes, part-first, parts-first
				}
			}
			tile(b, count, from, n, ahead+blockBytes*share/of, 64/of)
			from += n
		}
		b += count
	}
}

// streamAhead is how far ahead one probe asks for the memory of each stream.
const streamAhead = 4096

func scanInt8BatchVector(l Level, scores []int32, plane []byte, blocks int, p *Int8Probes) {
	if l == AMX {
		l = AVX512 // AMX has kernels with limits only
	}
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
	if p.n == 1 {
		int8StreamsAVX512(scores, plane, blocks, p, 0)
		return
	}
	int8TilesAVX512(scores, plane, blocks, p)
}

// int8StreamsAVX512 scores all blocks with one probe: four quarters of the plane side by
// side, which keeps more reads under way than one after the other and is 40 % faster
// where that is what limits a core.
func int8StreamsAVX512(scores []int32, plane []byte, blocks int, p *Int8Probes, i int) {
	size, probe, start, quarter := 64*p.groups, &p.bytes[i*4*p.groups], &p.start[i], blocks/tileBlocks512
	for b := range quarter {
		int8Tile4x1AVX512(&plane[b*size], quarter*size, p.groups, probe, 0, &scores[b*BlockRows], 0, 4*BlockRows*quarter, streamAhead, 64, start)
	}
	for b := quarter * tileBlocks512; b < blocks; b++ {
		int8Tile1x1AVX512(&plane[b*size], size, p.groups, probe, 0, &scores[b*BlockRows], 0, 0, 0, 0, start)
	}
}

// int8TilesAVX512 scores all blocks with two or more probes.
func int8TilesAVX512(scores []int32, plane []byte, blocks int, p *Int8Probes) {
	rows, size := blocks*BlockRows, 64*p.groups
	pstride, ostride := 4*p.groups, 4*rows
	scanTiles(blocks, size, p.n, func(b, count, from, n, ahead, step int) {
		row, probe := &plane[b*size], &p.bytes[from*pstride]
		out, start := &scores[from*rows+b*BlockRows], &p.start[from]
		if count == tileBlocks512 {
			switch n {
			case 1:
				int8Tile4x1AVX512(row, size, p.groups, probe, pstride, out, ostride, 4*BlockRows, ahead, step, start)
			case 2:
				int8Tile4x2AVX512(row, size, p.groups, probe, pstride, out, ostride, 4*BlockRows, ahead, step, start)
			case 3:
				int8Tile4x3AVX512(row, size, p.groups, probe, pstride, out, ostride, 4*BlockRows, ahead, step, start)
			case 4:
				int8Tile4x4AVX512(row, size, p.groups, probe, pstride, out, ostride, 4*BlockRows, ahead, step, start)
			case 5:
				int8Tile4x5AVX512(row, size, p.groups, probe, pstride, out, ostride, 4*BlockRows, ahead, step, start)
			case 6:
				int8Tile4x6AVX512(row, size, p.groups, probe, pstride, out, ostride, 4*BlockRows, ahead, step, start)
			}
			return
		}
		switch n {
		case 1:
			int8Tile1x1AVX512(row, size, p.groups, probe, pstride, out, ostride, 4*BlockRows, ahead, step, start)
		case 2:
			int8Tile1x2AVX512(row, size, p.groups, probe, pstride, out, ostride, 4*BlockRows, ahead, step, start)
		case 3:
			int8Tile1x3AVX512(row, size, p.groups, probe, pstride, out, ostride, 4*BlockRows, ahead, step, start)
		case 4:
			int8Tile1x4AVX512(row, size, p.groups, probe, pstride, out, ostride, 4*BlockRows, ahead, step, start)
		case 5:
			int8Tile1x5AVX512(row, size, p.groups, probe, pstride, out, ostride, 4*BlockRows, ahead, step, start)
		case 6:
			int8Tile1x6AVX512(row, size, p.groups, probe, pstride, out, ostride, 4*BlockRows, ahead, step, start)
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
	if l == AVX512 {
		hammingStreamsAVX512(dist, plane, blocks, p, i)
		return
	}
	hammingScanAVX2(&dist[0], &plane[0], blocks, p.groups, &p.words[i*p.groups])
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
	if p.n == 1 {
		hammingStreamsAVX512(dist, plane, blocks, p, 0)
		return
	}
	hammingTilesAVX512(dist, plane, blocks, p)
}

// hammingStreamsAVX512 is int8StreamsAVX512 for the bit plane.
func hammingStreamsAVX512(dist []uint16, plane []byte, blocks int, p *BitProbes, i int) {
	size, probe, quarter := 64*p.groups, &p.words[i*p.groups], blocks/tileBlocks512
	for b := range quarter {
		hammingTile4x1AVX512(&plane[b*size], quarter*size, p.groups, probe, 0, &dist[b*BlockRows], 0, 2*BlockRows*quarter, streamAhead, 64)
	}
	for b := quarter * tileBlocks512; b < blocks; b++ {
		hammingTile1x1AVX512(&plane[b*size], size, p.groups, probe, 0, &dist[b*BlockRows], 0, 0, 0, 0)
	}
}

// hammingTilesAVX512 compares all blocks with two or more probes.
func hammingTilesAVX512(dist []uint16, plane []byte, blocks int, p *BitProbes) {
	rows, size := blocks*BlockRows, 64*p.groups
	pstride, ostride := 4*p.groups, 2*rows
	scanTiles(blocks, size, p.n, func(b, count, from, n, ahead, step int) {
		row, probe, out := &plane[b*size], &p.words[from*p.groups], &dist[from*rows+b*BlockRows]
		if count == tileBlocks512 {
			switch n {
			case 1:
				hammingTile4x1AVX512(row, size, p.groups, probe, pstride, out, ostride, 2*BlockRows, ahead, step)
			case 2:
				hammingTile4x2AVX512(row, size, p.groups, probe, pstride, out, ostride, 2*BlockRows, ahead, step)
			case 3:
				hammingTile4x3AVX512(row, size, p.groups, probe, pstride, out, ostride, 2*BlockRows, ahead, step)
			case 4:
				hammingTile4x4AVX512(row, size, p.groups, probe, pstride, out, ostride, 2*BlockRows, ahead, step)
			case 5:
				hammingTile4x5AVX512(row, size, p.groups, probe, pstride, out, ostride, 2*BlockRows, ahead, step)
			case 6:
				hammingTile4x6AVX512(row, size, p.groups, probe, pstride, out, ostride, 2*BlockRows, ahead, step)
			}
			return
		}
		switch n {
		case 1:
			hammingTile1x1AVX512(row, size, p.groups, probe, pstride, out, ostride, 2*BlockRows, ahead, step)
		case 2:
			hammingTile1x2AVX512(row, size, p.groups, probe, pstride, out, ostride, 2*BlockRows, ahead, step)
		case 3:
			hammingTile1x3AVX512(row, size, p.groups, probe, pstride, out, ostride, 2*BlockRows, ahead, step)
		case 4:
			hammingTile1x4AVX512(row, size, p.groups, probe, pstride, out, ostride, 2*BlockRows, ahead, step)
		case 5:
			hammingTile1x5AVX512(row, size, p.groups, probe, pstride, out, ostride, 2*BlockRows, ahead, step)
		case 6:
			hammingTile1x6AVX512(row, size, p.groups, probe, pstride, out, ostride, 2*BlockRows, ahead, step)
		}
	})
}

// scanAsymmetricVector goes through four quarters of the plane side by side, one block
// of each in turn, as int8StreamsAVX512 does.
func scanAsymmetricVector(l Level, scores []int32, plane []byte, blocks int, p *BitQueries) {
	size, quarter := 64*p.groups, blocks/4
	for b := range quarter {
		asymmetricBlocks(l, scores[b*BlockRows:], plane[b*size:], 4, p, (quarter-1)*size, 4*BlockRows*quarter)
	}
	if b := 4 * quarter; b < blocks {
		asymmetricBlocks(l, scores[b*BlockRows:], plane[b*size:], blocks-b, p, 0, 4*BlockRows)
	}
}

func asymmetricBlocks(l Level, scores []int32, plane []byte, blocks int, p *BitQueries, skip, apart int) {
	out, rows, probe, pstride, minus := &scores[0], &plane[0], &p.bytes[0], 32*p.groups, &p.minus[0]
	if l == AVX512 {
		switch p.n {
		case 1:
			asymmetric1AVX512(out, rows, blocks, p.groups, probe, pstride, minus, skip, apart)
		case 2:
			asymmetric2AVX512(out, rows, blocks, p.groups, probe, pstride, minus, skip, apart)
		case 3:
			asymmetric3AVX512(out, rows, blocks, p.groups, probe, pstride, minus, skip, apart)
		case 4:
			asymmetric4AVX512(out, rows, blocks, p.groups, probe, pstride, minus, skip, apart)
		}
		return
	}
	switch p.n {
	case 1:
		asymmetric1AVX2(out, rows, blocks, p.groups, probe, pstride, minus, skip, apart)
	case 2:
		asymmetric2AVX2(out, rows, blocks, p.groups, probe, pstride, minus, skip, apart)
	case 3:
		asymmetric3AVX2(out, rows, blocks, p.groups, probe, pstride, minus, skip, apart)
	case 4:
		asymmetric4AVX2(out, rows, blocks, p.groups, probe, pstride, minus, skip, apart)
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

// readStreams reads whole pieces of streamPiece bytes; 0 where there is no such loop.
func readStreams(buf []byte) uint64 {
	if best()[OpInt8] != AVX512 {
		return 0
	}
	sum := uint64(0)
	for ; len(buf) >= streamPiece; buf = buf[streamPiece:] {
		sum += readStreamsAVX512(&buf[0], streamPiece/4, streamPiece/4/64)
	}
	return sum
}

func peakVector(turns int) { peakAVX512(turns) }
