package imaging

import (
	"encoding/binary"
	"fmt"

	"immis/templates"
)

// Tags of TIFF 6.0 that are read, here and in the EXIF segment of a JPEG.
const (
	tagWidth           = 256
	tagHeight          = 257
	tagBits            = 258
	tagCompression     = 259
	tagPhotometric     = 262
	tagFillOrder       = 266
	tagStripOffsets    = 273
	tagOrientation     = 274
	tagSamples         = 277
	tagRowsPerStrip    = 278
	tagStripBytes      = 279
	tagResolutionX     = 282
	tagResolutionY     = 283
	tagPlanar          = 284
	tagResolutionUnit  = 296
	tagPredictor       = 317
	tagColourMap       = 320
	tagTileWidth       = 322
	tagTileHeight      = 323
	tagTileOffsets     = 324
	tagTileBytes       = 325
	tagExtraSamples    = 338
	tagSampleFormat    = 339
	tiffHeaderSize     = 8
	tiffEntrySize      = 12
	tiffMaxEntries     = 512
	tiffByte           = 1
	tiffShort          = 3
	tiffLong           = 4
	tiffRational       = 5
	resolutionPerInch  = 2
	resolutionPerCM    = 3
	exifUnknownPPI     = 72 // what EXIF writes for a resolution that is not known
	maxOrientation     = 8
	defaultOrientation = 1
)

// tiffSizes are the sizes of the values by their type, 0 for types that are not known.
var tiffSizes = [...]int{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8}

// tiffDir is one image file directory.
type tiffDir struct {
	data    []byte
	order   binary.ByteOrder
	entries []tiffEntry // ascending tags
	// next is the offset of the next directory, 0 for none; nextAt is where it stands.
	next, nextAt int
}

// tiffEntry is one field: count values at offset valueAt. The directory made sure
// that values of a known type lie inside the data.
type tiffEntry struct {
	tag, kind, count, at, valueAt int
}

// readTIFFDir reads the header and the first directory. The number of entries and
// each of their values is bounded by the data; nothing is copied but the entries.
func readTIFFDir(data []byte) (*tiffDir, error) {
	if err := checkMagic(data, "TIFF", magicTIFFLE, magicTIFFBE); err != nil {
		return nil, err
	}
	if len(data) < tiffHeaderSize {
		return nil, truncated(0, "TIFF header", len(data), tiffHeaderSize)
	}
	d := &tiffDir{data: data, order: binary.LittleEndian}
	if data[0] == 'M' {
		d.order = binary.BigEndian
	}
	at := int(d.order.Uint32(data[4:]))
	if at < tiffHeaderSize {
		return nil, templates.BadAt(4, templates.ReasonMalformed, "TIFF directory at", fmt.Sprintf("byte %d", at), ">= 8")
	}
	if len(data)-at < 2 {
		return nil, truncated(4, "TIFF directory", len(data)-at, 2)
	}
	n := int(d.order.Uint16(data[at:]))
	if n < 1 || n > tiffMaxEntries {
		return nil, templates.BadAt(at, templates.ReasonOutOfRange, "TIFF directory entries", n, fmt.Sprintf("1..%d", tiffMaxEntries))
	}
	if have, want := len(data)-at-2, n*tiffEntrySize+4; have < want {
		return nil, truncated(at, "TIFF directory", have, want)
	}
	d.entries = make([]tiffEntry, n)
	for i := range d.entries {
		if err := d.entry(i, at+2+i*tiffEntrySize); err != nil {
			return nil, err
		}
	}
	d.nextAt = at + 2 + n*tiffEntrySize
	d.next = int(d.order.Uint32(data[d.nextAt:]))
	return d, nil
}

func (d *tiffDir) entry(i, at int) error {
	e := tiffEntry{
		tag: int(d.order.Uint16(d.data[at:])), kind: int(d.order.Uint16(d.data[at+2:])),
		count: int(d.order.Uint32(d.data[at+4:])), at: at, valueAt: at + 8,
	}
	if i > 0 && e.tag <= d.entries[i-1].tag {
		return templates.BadAt(at, templates.ReasonMalformed, "TIFF tag", e.tag, fmt.Sprintf("> %d, in ascending order", d.entries[i-1].tag))
	}
	size := 0
	if e.kind < len(tiffSizes) {
		size = tiffSizes[e.kind]
	}
	if size*e.count > 4 {
		e.valueAt = int(d.order.Uint32(d.data[at+8:]))
		if e.valueAt > len(d.data) || size*e.count > len(d.data)-e.valueAt {
			return truncated(at+8, fmt.Sprintf("TIFF tag %d: value", e.tag), len(d.data)-e.valueAt, size*e.count)
		}
	}
	d.entries[i] = e
	return nil
}

// find gives the entry of a tag, nil where there is none.
func (d *tiffDir) find(tag int) *tiffEntry {
	for i := range d.entries {
		if d.entries[i].tag == tag {
			return &d.entries[i]
		}
	}
	return nil
}

// numbers gives the unsigned values of a tag, nil where there is none; there must be
// least..most of them.
func (d *tiffDir) numbers(tag, least, most int) ([]int, error) {
	e := d.find(tag)
	if e == nil {
		return nil, nil
	}
	if e.kind != tiffByte && e.kind != tiffShort && e.kind != tiffLong {
		return nil, templates.BadAt(e.at+2, templates.ReasonMalformed, fmt.Sprintf("TIFF tag %d: type", tag), e.kind, "an unsigned number")
	}
	if e.count < least || e.count > most {
		want := fmt.Sprintf("%d", least)
		if most != least {
			want = fmt.Sprintf("%d..%d", least, most)
		}
		return nil, templates.BadAt(e.at+4, templates.ReasonMalformed, fmt.Sprintf("TIFF tag %d: values", tag), e.count, want)
	}
	out := make([]int, e.count)
	for i := range out {
		switch e.kind {
		case tiffByte:
			out[i] = int(d.data[e.valueAt+i])
		case tiffShort:
			out[i] = int(d.order.Uint16(d.data[e.valueAt+2*i:]))
		default:
			out[i] = int(d.order.Uint32(d.data[e.valueAt+4*i:]))
		}
	}
	return out, nil
}

// number gives the one value of a tag, or what its absence means.
func (d *tiffDir) number(tag, absent int) (int, error) {
	v, err := d.numbers(tag, 1, 1)
	if err != nil || v == nil {
		return absent, err
	}
	return v[0], nil
}

// resolution gives pixels per inch, 0 for what is not stated. A unit other than inch
// and centimetre states the shape of the pixels only.
func (d *tiffDir) resolution() (ppix, ppiy float64, err error) {
	unit, err := d.number(tagResolutionUnit, resolutionPerInch)
	if err != nil {
		return 0, 0, err
	}
	x, err := d.rational(tagResolutionX)
	if err != nil {
		return 0, 0, err
	}
	y, err := d.rational(tagResolutionY)
	if err != nil {
		return 0, 0, err
	}
	switch unit {
	case resolutionPerInch:
		return x, y, nil
	case resolutionPerCM:
		return ppiFromCentimetre(x), ppiFromCentimetre(y), nil
	}
	x, y = aspectOnly(x, y)
	return x, y, nil
}

// rational gives a positive fraction, 0 where the tag is not there or 0/0.
func (d *tiffDir) rational(tag int) (float64, error) {
	e := d.find(tag)
	if e == nil {
		return 0, nil
	}
	if e.kind != tiffRational || e.count != 1 {
		return 0, templates.BadAt(e.at+2, templates.ReasonMalformed, fmt.Sprintf("TIFF tag %d", tag),
			fmt.Sprintf("%d values of type %d", e.count, e.kind), "one fraction")
	}
	over, under := d.order.Uint32(d.data[e.valueAt:]), d.order.Uint32(d.data[e.valueAt+4:])
	switch {
	case under != 0:
		return float64(over) / float64(under), nil
	case over == 0:
		return 0, nil
	}
	return 0, templates.BadAt(e.valueAt+4, templates.ReasonResolution, fmt.Sprintf("TIFF tag %d: fraction", tag), "divided by 0", "a number")
}

// orientation gives tag 274, upright where there is none.
func (d *tiffDir) orientation() (int, error) {
	v, err := d.number(tagOrientation, defaultOrientation)
	if err == nil && (v < 1 || v > maxOrientation) {
		return 0, templates.BadAt(d.find(tagOrientation).valueAt, templates.ReasonOutOfRange, "TIFF orientation", v, "1..8")
	}
	return v, err
}
