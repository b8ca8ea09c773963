package ansinist

import (
	"encoding/binary"
	"fmt"

	"immis/templates"
)

// Sizes of what stands before the image of a binary record, the length included.
const (
	imageHeaderSize   = 18 // types 3-6
	opaqueHeaderSize  = 5  // type 7
	drawingHeaderSize = 12 // type 8
)

func headerSize(recordType int) int {
	switch shapeOf(recordType) {
	case shapeImage:
		return imageHeaderSize
	case shapeDrawing:
		return drawingHeaderSize
	}
	return opaqueHeaderSize
}

// binary reads the binary record that starts at the offset.
//
//	types 3-6                      type 8
//	 0  u32    LEN                  0  u32  LEN
//	 4  u8     IDC                  4  u8   IDC
//	 5  u8     IMP                  5  u8   SIG
//	 6  u8 x 6 FGP                  6  u8   SRT
//	12  u8     ISR                  7  u8   ISR
//	13  u16    HLL                  8  u16  HLL
//	15  u16    VLL                 10  u16  VLL
//	17  u8     GCA or BCA          12       image or vectors
//	18         image
func (d *decoder) binary(index, recordType int) (Record, error) {
	start, head := d.offset, headerSize(recordType)
	if left := len(d.data) - start; left < head {
		return Record{}, templates.BadAt(start, templates.ReasonTruncated, recordPath(index, recordType, "record with"),
			fmt.Sprintf("%d bytes", left), fmt.Sprintf(">= %d", head))
	}
	record, err := d.take(index, recordType, int(binary.BigEndian.Uint32(d.data[start:])), head)
	if err != nil {
		return Record{}, err
	}
	r := Record{Type: recordType, IDC: int(record[4]), Image: record[head:], Offset: start}
	if r.IDC > maxIDC {
		return Record{}, templates.BadAt(start+4, templates.ReasonOutOfRange, recordPath(index, recordType, "IDC"), r.IDC, fmt.Sprintf("0..%d", maxIDC))
	}
	switch shapeOf(recordType) {
	case shapeImage:
		r.Header = &Header{
			Impression:  record[5],
			Positions:   [6]uint8(record[6:12]),
			Scan:        record[12],
			Width:       binary.BigEndian.Uint16(record[13:]),
			Height:      binary.BigEndian.Uint16(record[15:]),
			Compression: record[17],
		}
	case shapeDrawing:
		r.Header = &Header{
			Signature:      record[5],
			Representation: record[6],
			Scan:           record[7],
			Width:          binary.BigEndian.Uint16(record[8:]),
			Height:         binary.BigEndian.Uint16(record[10:]),
		}
	}
	return r, nil
}

// appendBinary writes a record of types 3-8; its header is there and its length
// fits, see Encode.
func (r *Record) appendBinary(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(headerSize(r.Type)+len(r.Image)))
	dst = append(dst, uint8(r.IDC))
	switch h := r.Header; shapeOf(r.Type) {
	case shapeImage:
		dst = append(dst, h.Impression)
		dst = append(dst, h.Positions[:]...)
		dst = append(dst, h.Scan)
		dst = binary.BigEndian.AppendUint16(dst, h.Width)
		dst = binary.BigEndian.AppendUint16(dst, h.Height)
		dst = append(dst, h.Compression)
	case shapeDrawing:
		dst = append(dst, h.Signature, h.Representation, h.Scan)
		dst = binary.BigEndian.AppendUint16(dst, h.Width)
		dst = binary.BigEndian.AppendUint16(dst, h.Height)
	}
	return append(dst, r.Image...)
}
