package ansi378

import (
	"encoding/binary"
	"fmt"

	"immis/templates"
	"immis/templates/internal/fmr"
)

// Encode is the bytes of the record, after Validate.
func (r *Record) Encode() ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, fmt.Errorf("encode finger minutiae record of %v: %w", r.Format, err)
	}
	l, _ := layoutOf(r.Format)
	dst := r.appendFront(make([]byte, 0, r.size(l)), l)
	dst = binary.BigEndian.AppendUint16(dst, r.Owner)
	dst = binary.BigEndian.AppendUint16(dst, r.Product)
	if l.bytes {
		dst = binary.BigEndian.AppendUint16(append(dst, r.Certification), r.Device)
	} else {
		dst = binary.BigEndian.AppendUint16(dst, uint16(r.Certification)<<12|r.Device)
	}
	if l.shared {
		dst = r.Views[0].appendImage(dst)
	}
	dst = append(dst, byte(len(r.Views)), 0)
	for i := range r.Views {
		dst = r.Views[i].append(dst, l)
	}
	return append(dst, make([]byte, r.Deviations.Padding)...), nil
}

// appendFront appends magic, version and length.
func (r *Record) appendFront(dst []byte, l layout) []byte {
	length := r.size(l) - r.Deviations.Padding - int(r.Deviations.Understated)
	version := l.version
	if r.Deviations.VersionDigits {
		version = fmr.Version20Digits
	}
	dst = append(dst, fmr.Magic+version...)
	switch {
	case l.shared && !r.Long:
		return binary.BigEndian.AppendUint16(dst, uint16(length))
	case r.Long:
		dst = append(dst, 0, 0)
	}
	return binary.BigEndian.AppendUint32(dst, uint32(length))
}

func (v *View) append(dst []byte, l layout) []byte {
	dst = append(dst, byte(v.Position))
	if l.shared {
		dst = append(dst, v.Number<<4|byte(v.Impression), v.Quality)
	} else {
		dst = append(dst, v.Number, byte(v.Impression), v.Quality)
		dst = binary.BigEndian.AppendUint16(dst, v.QualityVendor)
		dst = binary.BigEndian.AppendUint16(dst, v.QualityAlgorithm)
		dst = v.appendImage(dst)
	}
	dst = append(dst, byte(len(v.Minutiae)))
	dst = fmr.AppendMinutiae(dst, v.Minutiae, fmr.LongMinutia)
	return fmr.AppendExtended(dst, v.Extended, v.stated())
}

func (v *View) appendImage(dst []byte) []byte {
	for _, x := range [...]uint16{v.Width, v.Height, v.ResolutionX, v.ResolutionY} {
		dst = binary.BigEndian.AppendUint16(dst, x)
	}
	return dst
}

// size is the length in bytes of the encoded record with its padding.
func (r *Record) size(l layout) int {
	n := l.header() + r.shift() + r.Deviations.Padding
	for i := range r.Views {
		n += l.size(&r.Views[i])
	}
	return n
}

// shift is how much later a long length moves the header.
func (r *Record) shift() int {
	if r.Long {
		return longSize
	}
	return 0
}

// Validate checks every value of the record against its version and the bounds of
// this package. Errors are *templates.InputError: UNKNOWN_FORMAT, OUT_OF_RANGE,
// IMPOSSIBLE_RESOLUTION, UNKNOWN_FINGER_POSITION, QUALITY_OUT_OF_RANGE,
// MINUTIA_COUNT (more than 255), MINUTIA_OUTSIDE_IMAGE, MIXED_IMAGE_SIZES,
// OVERSIZED. Fields are named by view and minutia, counted from 1, and never by
// coordinates.
func (r *Record) Validate() error {
	l, err := checkFormat(r.Format)
	if err != nil {
		return err
	}
	return fmr.WithoutOffset(r.validate(l))
}

// validate gives its errors the byte where the encoded record has the value.
func (r *Record) validate(l layout) error {
	equipment := l.equipment + r.shift()
	if !l.bytes && r.Certification > 0xf {
		return templates.BadAt(equipment, templates.ReasonOutOfRange, header().At("certification"), r.Certification, "0..15")
	}
	if !l.bytes && r.Device > 0xfff {
		return templates.BadAt(equipment, templates.ReasonOutOfRange, header().At("device"), r.Device, "0..4095")
	}
	if err := r.Deviations.check(l, r.Long); err != nil {
		return err
	}
	if err := fmr.CheckCount(len(r.Views), l.count()+r.shift(), whatViews); err != nil {
		return err
	}
	codes := l.codes
	if r.Deviations.WideAngles {
		codes.Angles = 256
	}
	off := l.header() + r.shift()
	for i := range r.Views {
		v := &r.Views[i]
		if l.shared && v.image() != r.Views[0].image() {
			return templates.BadAt(l.image()+r.shift(), templates.ReasonMixedImages, view(i).At("image"), "differs", "the size and resolutions of the first")
		}
		if err := v.validate(l, codes, off, l.image()+r.shift(), view(i)); err != nil {
			return err
		}
		end := off + l.size(v) - fmr.ViewLeast - len(v.Extended)
		last := i == len(r.Views)-1 && r.Deviations.Understated == 0
		if err := v.checkStated(last, end, view(i)); err != nil {
			return err
		}
		off += l.size(v)
	}
	return r.checkSize(l)
}

func (r *Record) checkSize(l layout) error {
	if err := fmr.CheckTotal(r.size(l)); err != nil {
		return err
	}
	if n := r.size(l) - r.Deviations.Padding - int(r.Deviations.Understated); l.shared && !r.Long && n > 0xffff {
		return templates.Bad(templates.ReasonOversized, "record of", fmt.Sprintf("%d bytes", n), "<= 65535 without a long length")
	}
	return nil
}

func (d Deviations) check(l layout, long bool) error {
	if !l.shared && (long || d.VersionDigits) {
		return templates.Bad(templates.ReasonOutOfRange, header().At("long length or version in digits"), "is set", "only in the version of 2004")
	}
	if d.Understated > maxUnderstated {
		return templates.Bad(templates.ReasonOutOfRange, header().At("understated length"), d.Understated, "0..2")
	}
	return fmr.CheckPadding(d.Padding)
}

// stated is the length that a view states of its extended data.
func (v *View) stated() int { return len(v.Extended) + int(v.Overstated) - int(v.Understated) }

// checkStated checks how that length deviates: in one direction, and in the last
// view of a record whose own length does not.
func (v *View) checkStated(last bool, at int, path fmr.Path) error {
	if err := fmr.CheckOverstated(v.Overstated, last, at, path); err != nil {
		return err
	}
	most := min(maxUnderstated, len(v.Extended))
	if !last || v.Overstated > 0 {
		most = 0
	}
	if int(v.Understated) > most {
		return templates.BadAt(at, templates.ReasonOutOfRange, path.At("understated length"), v.Understated, fmt.Sprintf("0..%d here", most))
	}
	return nil
}

// validate checks a view that starts at byte off, its image at byte image where it
// stands in the header of the record.
func (v *View) validate(l layout, codes fmr.Codes, off, image int, path fmr.Path) error {
	impression, quality := off+1, off+2
	if !l.shared {
		impression, quality, image = off+2, off+3, off+8
	}
	if v.Position > templates.LeftLittle {
		return templates.BadAt(off, templates.ReasonPosition, path.At("finger position"), v.Position, "0..10")
	}
	if v.Number > 0xf {
		return templates.BadAt(off+1, templates.ReasonOutOfRange, path.At("view number"), v.Number, "0..15")
	}
	if v.Impression > 31 || l.impressions>>v.Impression&1 == 0 {
		return templates.BadAt(impression, templates.ReasonOutOfRange, path.At("impression type"), uint8(v.Impression), "a type of one finger that the version has")
	}
	if !codes.GoodQuality(v.Quality) {
		return codes.CheckQuality(v.Quality, quality, path.At("finger quality"))
	}
	if l.shared && (v.QualityVendor != 0 || v.QualityAlgorithm != 0) {
		return templates.Bad(templates.ReasonOutOfRange, path.At("quality algorithm"), "is set", "none in the version of 2004")
	}
	if err := v.image().Check(image, image+4, path); err != nil {
		return err
	}
	minutiae := off + l.viewHeader()
	if err := fmr.CheckExtended(v.stated(), minutiae+len(v.Minutiae)*fmr.LongMinutia, path); err != nil {
		return err
	}
	return codes.CheckMinutiae(v.Minutiae, v.image(), fmr.LongMinutia, minutiae, path)
}

func (v *View) image() fmr.Image {
	return fmr.Image{Width: v.Width, Height: v.Height, ResolutionX: v.ResolutionX, ResolutionY: v.ResolutionY}
}
