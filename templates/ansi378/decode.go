package ansi378

import (
	"encoding/binary"
	"fmt"

	"immis/templates"
	"immis/templates/internal/fmr"
)

// Decode reads a record of a version and accepts the deviations in allow, none for
// 0. Memory is bounded by the bytes at hand, not by what they claim.
//
// Errors wrap a *templates.InputError with the byte they stand at: UNKNOWN_FORMAT,
// EMPTY, OVERSIZED, TRUNCATED, TRAILING_BYTES, WRONG_LENGTH, WRONG_MAGIC,
// WRONG_VERSION, RESERVED_BITS, and those of Validate.
func Decode(format templates.Format, data []byte, allow Tolerance) (*Record, error) {
	l, err := checkFormat(format)
	if err != nil {
		return nil, fmt.Errorf("decode finger minutiae record: %w", err)
	}
	r := &Record{Format: format}
	if err = r.parse(l, data, allow); err == nil {
		err = r.validate(l)
	}
	if err != nil {
		return nil, fmt.Errorf("decode finger minutiae record of %v: %w", format, err)
	}
	return r, nil
}

func (r *Record) parse(l layout, data []byte, allow Tolerance) error {
	version := l.version
	if l.shared && allow&TolerateVersionDigits != 0 && len(data) >= 8 && string(data[4:8]) == fmr.Version20Digits {
		version, r.Deviations.VersionDigits = fmr.Version20Digits, true
	}
	if err := fmr.CheckFront(data, version, l.header()); err != nil {
		return err
	}
	shift, stated, err := r.parseLength(l, data)
	if err != nil {
		return err
	}
	if err := r.parseHeader(l, data, shift); err != nil {
		return err
	}
	end, err := r.parseViews(l, data[:stated], shift, allow&TolerateOverstatedExtension != 0)
	if n := stated - end; err == nil && 0 < n && n <= maxUnderstated && allow&TolerateUnderstatedExtension != 0 {
		last := &r.Views[len(r.Views)-1]
		last.Extended, last.Understated, end = append(last.Extended, data[end:stated]...), uint8(n), stated
	}
	if err == nil {
		err = fmr.CheckEnd(data[:stated], end, "view")
	}
	if err == nil {
		r.Deviations.Padding, err = fmr.CheckTail(data, end, allow&TolerateZeroPadding != 0)
	}
	if err != nil && allow&TolerateUnderstatedLength != 0 {
		if r.parseUnderstated(l, data, shift, stated, allow) {
			err = nil
		}
	}
	if allow&TolerateWideAngles != 0 {
		r.Deviations.WideAngles = r.wideAngles()
	}
	return err
}

// parseUnderstated reads a record whose views take one or two bytes more than the
// header states, and tells whether it is one.
func (r *Record) parseUnderstated(l layout, data []byte, shift, stated int, allow Tolerance) bool {
	end, err := r.parseViews(l, data, shift, false)
	if err != nil || end <= stated || end > stated+maxUnderstated {
		return false
	}
	padding, err := fmr.CheckTail(data, end, allow&TolerateZeroPadding != 0)
	if err != nil {
		return false
	}
	r.Deviations.Understated, r.Deviations.Padding = uint8(end-stated), padding
	return true
}

// maxUnderstated is by how many bytes an understated length is tolerated.
const maxUnderstated = 2

// parseLength reads the length of the record, at least that of a header, and how
// much later everything stands for it.
func (r *Record) parseLength(l layout, data []byte) (shift, stated int, err error) {
	length, at := uint32(0), 8
	switch {
	case !l.shared:
		length = binary.BigEndian.Uint32(data[8:])
	case binary.BigEndian.Uint16(data[8:]) != 0:
		length = uint32(binary.BigEndian.Uint16(data[8:]))
	default:
		r.Long, shift, at = true, longSize, 10
		length = binary.BigEndian.Uint32(data[10:])
	}
	return shift, int(length), fmr.CheckStated(data, length, at, l.header()+shift)
}

func (r *Record) parseHeader(l layout, data []byte, shift int) error {
	b := data[shift:]
	r.Owner, r.Product = binary.BigEndian.Uint16(b[l.equipment-4:]), binary.BigEndian.Uint16(b[l.equipment-2:])
	if l.bytes {
		r.Certification, r.Device = b[l.equipment], binary.BigEndian.Uint16(b[l.equipment+1:])
	} else {
		equipment := binary.BigEndian.Uint16(b[l.equipment:])
		r.Certification, r.Device = uint8(equipment>>12), equipment&0xfff
	}
	at := l.count()
	if b[at+1] != 0 {
		return templates.BadAt(shift+at+1, templates.ReasonReserved, header().At("reserved byte"), b[at+1], 0)
	}
	return fmr.CheckCount(int(b[at]), shift+at, whatViews)
}

// parseViews reads the views and returns the byte behind them.
func (r *Record) parseViews(l layout, data []byte, shift int, overstated bool) (end int, err error) {
	views, off := int(data[shift+l.count()]), shift+l.header()
	if err := fmr.CheckRoom(data, off, views, l.viewHeader()+fmr.ViewLeast, whatViews); err != nil {
		return 0, err
	}
	r.Views = make([]View, views)
	for i := range r.Views {
		v := &r.Views[i]
		if len(data)-off < l.viewHeader() {
			return 0, templates.BadAt(off, templates.ReasonTruncated, view(i).At("header with"), fmt.Sprintf("%d bytes", len(data)-off), l.viewHeader())
		}
		v.parseHeader(l, data[off:])
		if l.shared {
			v.parseImage(data[shift+l.image():])
		}
		off += l.viewHeader()
		if v.Minutiae, off, err = fmr.Minutiae(data, off, int(data[off-1]), fmr.LongMinutia, view(i)); err != nil {
			return 0, err
		}
		if v.Extended, v.Overstated, off, err = fmr.Extended(data, off, view(i), overstated && i == views-1); err != nil {
			return 0, err
		}
	}
	return off, nil
}

func (v *View) parseHeader(l layout, b []byte) {
	v.Position = templates.Position(b[0])
	if l.shared {
		v.Number, v.Impression, v.Quality = b[1]>>4, Impression(b[1]&0xf), b[2]
		return
	}
	v.Number, v.Impression, v.Quality = b[1], Impression(b[2]), b[3]
	v.QualityVendor, v.QualityAlgorithm = binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:])
	v.parseImage(b[8:])
}

func (v *View) parseImage(b []byte) {
	v.Width, v.Height = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	v.ResolutionX, v.ResolutionY = binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:])
}

func (r *Record) wideAngles() bool {
	for i := range r.Views {
		for _, m := range r.Views[i].Minutiae {
			if m.Angle >= 180 {
				return true
			}
		}
	}
	return false
}
