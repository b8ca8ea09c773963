package iso19794

import (
	"encoding/binary"
	"fmt"

	"immis/templates"
	"immis/templates/internal/fmr"
)

// Encode is the bytes of the record, after Validate.
func (r *Record2011) Encode() ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, fmt.Errorf("encode finger minutiae record of 2011: %w", err)
	}
	dst := append(make([]byte, 0, r.size()), fmr.Magic+fmr.Version30...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.size()-r.Padding))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(r.Representations)))
	dst = append(dst, bit(r.Certified))
	for i := range r.Representations {
		dst = r.Representations[i].append(dst, r.Certified)
	}
	return append(dst, make([]byte, r.Padding)...), nil
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func (v *Representation) append(dst []byte, certified bool) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(v.size(certified)))
	dst = v.Captured.append(dst)
	dst = append(dst, v.Technology)
	dst = binary.BigEndian.AppendUint16(dst, v.Vendor)
	dst = binary.BigEndian.AppendUint16(dst, v.Device)
	dst = append(dst, byte(len(v.Qualities)))
	for _, q := range v.Qualities {
		dst = append(dst, q.Quality)
		dst = binary.BigEndian.AppendUint16(dst, q.Vendor)
		dst = binary.BigEndian.AppendUint16(dst, q.Algorithm)
	}
	if certified {
		dst = append(dst, byte(len(v.Certifications)))
		for _, c := range v.Certifications {
			dst = binary.BigEndian.AppendUint16(dst, c.Authority)
			dst = append(dst, c.Scheme)
		}
	}
	dst = append(dst, byte(v.Position), v.Number)
	dst = binary.BigEndian.AppendUint16(dst, v.ResolutionX)
	dst = binary.BigEndian.AppendUint16(dst, v.ResolutionY)
	dst = append(dst, byte(v.Impression))
	dst = binary.BigEndian.AppendUint16(dst, v.Width)
	dst = binary.BigEndian.AppendUint16(dst, v.Height)
	dst = append(dst, byte(v.minutiaSize()<<4)|byte(v.Endings), byte(len(v.Minutiae)))
	dst = fmr.AppendMinutiae(dst, v.Minutiae, v.minutiaSize())
	return fmr.AppendExtended(dst, v.Extended, len(v.Extended))
}

func (v *Representation) minutiaSize() int {
	if v.Short {
		return fmr.ShortMinutia
	}
	return fmr.LongMinutia
}

// finger is how far behind its start a representation tells the finger.
func (v *Representation) finger(certified bool) int {
	n := front2011 + 1 + len(v.Qualities)*qualitySize
	if certified {
		n += 1 + len(v.Certifications)*certificationSize
	}
	return n
}

func (v *Representation) size(certified bool) int {
	return v.finger(certified) + view2011 + len(v.Minutiae)*v.minutiaSize() + fmr.ViewLeast + len(v.Extended)
}

// size is the length in bytes of the encoded record with its padding.
func (r *Record2011) size() int {
	n := header2011 + r.Padding
	for i := range r.Representations {
		n += r.Representations[i].size(r.Certified)
	}
	return n
}

// Validate checks every value of the record against the standard and the bounds
// of this package. Errors are *templates.InputError: OUT_OF_RANGE,
// IMPOSSIBLE_RESOLUTION, UNKNOWN_FINGER_POSITION, QUALITY_OUT_OF_RANGE,
// MINUTIA_COUNT (more than 255), MINUTIA_OUTSIDE_IMAGE, OVERSIZED. Fields are
// named by representation and minutia, counted from 1, and never by coordinates.
func (r *Record2011) Validate() error { return fmr.WithoutOffset(r.validate()) }

// validate gives its errors the byte where the encoded record has the value.
func (r *Record2011) validate() error {
	if err := fmr.CheckPadding(r.Padding); err != nil {
		return err
	}
	if err := fmr.CheckCount(len(r.Representations), 12, whatRepresentations); err != nil {
		return err
	}
	off := header2011
	for i := range r.Representations {
		v := &r.Representations[i]
		if err := v.validate(off, r.Certified, representation(i)); err != nil {
			return err
		}
		off += v.size(r.Certified)
	}
	return fmr.CheckTotal(r.size())
}

// validate checks a representation that starts at byte off.
func (v *Representation) validate(off int, certified bool, path fmr.Path) error {
	if err := v.Captured.check(off+4, path); err != nil {
		return err
	}
	if v.Technology > 20 {
		return templates.BadAt(off+13, templates.ReasonOutOfRange, path.At("capture device technology"), v.Technology, "0..20")
	}
	if n := len(v.Qualities); n > 255 {
		return templates.BadAt(off+front2011, templates.ReasonOutOfRange, path.At("number of quality blocks"), n, "<= 255")
	}
	for i, q := range v.Qualities {
		if !codes2011().GoodQuality(q.Quality) {
			return codes2011().CheckQuality(q.Quality, off+front2011+1+i*qualitySize, path.At(fmt.Sprintf("quality block %d: quality", i+1)))
		}
	}
	most := 0
	if certified {
		most = 255
	}
	if n := len(v.Certifications); n > most {
		return templates.BadAt(off+front2011+1+len(v.Qualities)*qualitySize, templates.ReasonOutOfRange,
			path.At("number of certification blocks"), n, fmt.Sprintf("<= %d", most))
	}
	return v.validateFinger(off+v.finger(certified), path)
}

// validateFinger checks what stands behind the blocks, at byte off.
func (v *Representation) validateFinger(off int, path fmr.Path) error {
	if v.Position > templates.LeftLittle {
		return badPosition(v.Position, off, path)
	}
	if v.Number > 0xf {
		return templates.BadAt(off+1, templates.ReasonOutOfRange, path.At("representation number"), v.Number, "0..15")
	}
	if err := v.image().Check(off+7, off+2, path); err != nil {
		return err
	}
	switch v.Impression {
	case LivePlain, LiveRolled, NonlivePlain, NonliveRolled, Latent, LatentTracing, LatentPhoto, LatentLift, Swipe, VerticalRoll,
		LiveContactless, OtherImpression, Unknown:
	default:
		return templates.BadAt(off+6, templates.ReasonOutOfRange, path.At("impression type"), uint8(v.Impression), "0..9, 24, 28 or 29")
	}
	if v.Endings > RidgeEnd {
		return templates.BadAt(off+11, templates.ReasonOutOfRange, path.At("kind of ridge endings"), uint8(v.Endings), "0 or 1")
	}
	size := v.minutiaSize()
	if err := fmr.CheckExtended(len(v.Extended), off+view2011+len(v.Minutiae)*size, path); err != nil {
		return err
	}
	return codes2011().CheckMinutiae(v.Minutiae, v.image(), size, off+view2011, path)
}

func (v *Representation) image() fmr.Image {
	return fmr.Image{Width: v.Width, Height: v.Height, ResolutionX: v.ResolutionX, ResolutionY: v.ResolutionY}
}
