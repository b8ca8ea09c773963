package imaging

import (
	"cmp"
	"fmt"
	"slices"

	"immis/templates"
)

// readBlocks reads where the strips or tiles are. Their number follows from the size
// of the image, and the values lie in the file: their memory is bounded by it.
func (f *tiffFile) readBlocks() (err error) {
	w, h := f.info.Width, f.info.Height
	offsetsTag, sizesTag := tagStripOffsets, tagStripBytes
	f.blockWidth, f.across = w, 1
	if f.tiled = f.dir.find(tagTileWidth) != nil; f.tiled {
		offsetsTag, sizesTag = tagTileOffsets, tagTileBytes
		if f.blockWidth, err = f.dir.number(tagTileWidth, 0); err != nil {
			return err
		}
		if f.blockHeight, err = f.dir.number(tagTileHeight, 0); err != nil {
			return err
		}
		for _, side := range []int{f.blockWidth, f.blockHeight} {
			if side < tiffTileStep || side > MaxSide || side%tiffTileStep != 0 {
				return templates.BadAt(f.dir.find(tagTileWidth).valueAt, templates.ReasonOutOfRange, "TIFF tile side", side,
					fmt.Sprintf("a multiple of %d up to %d", tiffTileStep, MaxSide))
			}
		}
		f.across = (w + f.blockWidth - 1) / f.blockWidth
	} else {
		if f.blockHeight, err = f.dir.number(tagRowsPerStrip, h); err != nil {
			return err
		}
		if f.blockHeight < 1 {
			return templates.BadAt(f.dir.find(tagRowsPerStrip).valueAt, templates.ReasonOutOfRange, "TIFF rows per strip", f.blockHeight, ">= 1")
		}
		f.blockHeight = min(f.blockHeight, h)
	}
	n := f.across * ((h + f.blockHeight - 1) / f.blockHeight)
	if n > tiffMaxBlocks {
		return templates.BadAt(f.dir.nextAt, templates.ReasonOversized, "TIFF blocks", n, fmt.Sprintf("<= %d", tiffMaxBlocks))
	}
	if padded := n * f.blockWidth * f.blockHeight; f.tiled && padded > max(tiffPadding*w*h, 1<<20) {
		return templates.BadAt(f.dir.find(tagTileWidth).valueAt, templates.ReasonOversized, "TIFF tiles of",
			fmt.Sprintf("%d pixels for %d x %d", padded, w, h), fmt.Sprintf("<= %d times the image", tiffPadding))
	}
	if f.offsets, err = f.dir.numbers(offsetsTag, n, n); err != nil {
		return err
	}
	if f.sizes, err = f.dir.numbers(sizesTag, n, n); err != nil {
		return err
	}
	if f.offsets == nil || f.sizes == nil {
		return templates.BadAt(f.dir.nextAt, templates.ReasonMalformed, "TIFF offsets or sizes of the pixels", "are missing", "there")
	}
	f.blocksAt = f.dir.find(offsetsTag).at
	return f.checkBlocks()
}

// checkBlocks refuses blocks that leave the file or share bytes: no writer makes
// them, and one block used a thousand times is a bomb.
func (f *tiffFile) checkBlocks() error {
	order := make([]int32, len(f.offsets))
	for i := range order {
		order[i] = int32(i)
		off, size := f.offsets[i], f.sizes[i]
		if off > len(f.dir.data) || size > len(f.dir.data)-off {
			return truncated(f.blocksAt, fmt.Sprintf("TIFF block %d", i+1), len(f.dir.data)-off, size)
		}
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(f.offsets[a], f.offsets[b]) })
	end := tiffHeaderSize
	for _, i := range order {
		if f.sizes[i] == 0 {
			return templates.BadAt(f.offsets[i], templates.ReasonTruncated, fmt.Sprintf("TIFF block %d has", i+1), "0 bytes", "pixels")
		}
		if f.offsets[i] < end {
			return templates.BadAt(f.offsets[i], templates.ReasonMalformed, fmt.Sprintf("TIFF block %d", i+1), "overlaps another part", "blocks apart")
		}
		end = f.offsets[i] + f.sizes[i]
	}
	return nil
}
