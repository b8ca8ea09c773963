package iso19794

import (
	"encoding/binary"
	"fmt"

	"immis/templates"
	"immis/templates/internal/fmr"
)

const (
	header2011 = 15
	// least2011 is a representation without blocks, minutiae and extended data;
	// front2011 is its part before the quality blocks, view2011 the part between
	// the blocks and the minutiae.
	least2011 = 34
	front2011 = 18
	view2011  = 13

	qualitySize       = 5
	certificationSize = 3
)

// Minutia and finger qualities of the version of 2011 that are no qualities.
const (
	QualityNotReported = fmr.NotReported
	QualityFailed      = fmr.Failed
)

// codes2011 are the angles and qualities of the version of 2011.
func codes2011() fmr.Codes { return fmr.Codes{Angles: 256, Unreported: QualityNotReported} }

// Record2011 is the exchange form of ISO/IEC 19794-2:2011, clause 8 (with the
// headers of ISO/IEC 19794-1:2011, clause 12). Big-endian:
//
//	 0  "FMR\0"
//	 4  "030\0"
//	 8  u32  length of the record in bytes
//	12  u16  number of representations, 1..176
//	14  u8   certification flag: 1 if representations have certification blocks
//	15       the representations, one after the other
//
// Every record that Decode2011 accepts is encoded back to the same bytes.
type Record2011 struct {
	// Certified is the certification flag.
	Certified       bool
	Representations []Representation
	// Padding counts zero bytes after the record, see TolerateZeroPadding.
	Padding int
}

// Representation is one impression of one finger:
//
//	 0  u32  length of the representation in bytes
//	 4  9    capture time
//	13  u8   capture device technology, 0..20
//	14  u16  capture device vendor
//	16  u16  capture device type
//	18  u8   Q, number of quality blocks, and Q blocks of 5 bytes
//	    u8   C, number of certification blocks, and C blocks of 3 bytes; both only
//	         with the certification flag
//	    u8   finger position, 0..10
//	    u8   representation number, 0..15
//	    u16  horizontal resolution in pixels per cm
//	    u16  vertical resolution
//	    u8   impression type
//	    u16  width of the image in pixels
//	    u16  height
//	    u8   size of a minutia, 5 or 6 (4 bits), kind of ridge endings (4 bits)
//	    u8   N, number of minutiae
//	         N minutiae of 5 or 6 bytes
//	    u16  E, length of the extended data, 0 for none
//	         E bytes of extended data
type Representation struct {
	Captured CaptureTime
	// Technology is 0 unknown to 20; Vendor is a CBEFF biometric organization, 0 not
	// reported, and Device one of its types, 0 not reported.
	Technology     uint8
	Vendor, Device uint16
	// Qualities holds 0..255 assessments of one finger by several algorithms.
	Qualities []QualityBlock
	// Certifications holds 0..255 blocks, none without the certification flag.
	Certifications []CertificationBlock
	Position       templates.Position
	// Number counts representations of one finger, 0..15; as in the version of 2005,
	// two with one number are accepted.
	Number uint8
	// ResolutionX and ResolutionY are in pixels per cm, MinResolution..MaxResolution.
	ResolutionX, ResolutionY uint16
	Impression               Impression
	// Width and Height are in pixels, at least 1.
	Width, Height uint16
	Endings       EndingKind
	// Short: the minutiae are of 5 bytes, all of QualityNotReported.
	Short bool
	// Minutiae holds 0..255 entries. A representation without minutiae is a valid
	// record of a failed extraction; Fingers refuses it.
	Minutiae []Minutia
	// Extended is the extended data (ridge counts, cores and deltas, zones,
	// vendors' own), kept and not interpreted.
	Extended []byte
}

// QualityBlock is an assessment of the whole finger: u8 quality, u16 vendor, u16
// algorithm.
type QualityBlock struct {
	// Quality is 0..100, QualityNotReported or QualityFailed.
	Quality uint8
	// Vendor is a CBEFF biometric organization and Algorithm one of its algorithms;
	// 0 not reported.
	Vendor, Algorithm uint16
}

// CertificationBlock is a certification of the capture device: u16 authority, u8
// scheme. Schemes are the authorities' own and are not interpreted.
type CertificationBlock struct {
	Authority uint16
	Scheme    uint8
}

// EndingKind is where the minutiae of ridge endings lie, 4 bits.
type EndingKind uint8

// The kinds of ridge endings; the other codes are reserved.
const (
	ValleyBifurcation EndingKind = 0 // at the fork of the valley's skeleton
	RidgeEnd          EndingKind = 1 // at the end of the ridge's skeleton
)

// Impression types that the version of 2011 adds.
const (
	Latent          Impression = 4 // the impression itself
	LatentTracing   Impression = 5
	LatentPhoto     Impression = 6
	LatentLift      Impression = 7
	VerticalRoll    Impression = 9
	LiveContactless Impression = 24
	OtherImpression Impression = 28
	Unknown         Impression = 29
)

// Decode2011 reads a record strictly. Errors wrap a *templates.InputError with the
// byte they stand at: EMPTY, OVERSIZED, TRUNCATED, TRAILING_BYTES, WRONG_LENGTH,
// WRONG_MAGIC, WRONG_VERSION, RESERVED_BITS, and those of Validate.
func Decode2011(data []byte) (*Record2011, error) { return Decode2011Tolerant(data, 0) }

// Decode2011Tolerant reads a record and accepts the deviations in allow, of which
// only TolerateZeroPadding concerns this version: a representation has a length of
// its own, and extended data that contradict it were not seen. Memory is bounded
// by the bytes at hand, not by what they claim.
func Decode2011Tolerant(data []byte, allow Tolerance) (*Record2011, error) {
	r, err := parse2011(data, allow)
	if err == nil {
		err = r.validate()
	}
	if err != nil {
		return nil, fmt.Errorf("decode finger minutiae record of 2011: %w", err)
	}
	return r, nil
}

func parse2011(data []byte, allow Tolerance) (*Record2011, error) {
	if err := fmr.CheckFront(data, fmr.Version30, header2011); err != nil {
		return nil, err
	}
	stated := binary.BigEndian.Uint32(data[8:])
	if err := fmr.CheckStated(data, stated, 8, header2011); err != nil {
		return nil, err
	}
	padding, err := fmr.CheckTail(data, int(stated), allow&TolerateZeroPadding != 0)
	if err != nil {
		return nil, err
	}
	data = data[:stated]
	if data[14] > 1 {
		return nil, templates.BadAt(14, templates.ReasonOutOfRange, header().At("certification flag"), data[14], "0 or 1")
	}
	r := &Record2011{Certified: data[14] == 1, Padding: padding}
	count, off := int(binary.BigEndian.Uint16(data[12:])), header2011
	if err := fmr.CheckCount(count, 12, whatRepresentations); err != nil {
		return nil, err
	}
	if err := fmr.CheckRoom(data, off, count, least2011, whatRepresentations); err != nil {
		return nil, err
	}
	r.Representations = make([]Representation, count)
	for i := range r.Representations {
		end, err := representationEnd(data, off, representation(i))
		if err != nil {
			return nil, err
		}
		if err := r.Representations[i].parse(data[:end], off, r.Certified, representation(i)); err != nil {
			return nil, err
		}
		off = end
	}
	return r, fmr.CheckEnd(data, off, "representation")
}

// representationEnd is the byte behind the representation at byte off.
func representationEnd(data []byte, off int, path fmr.Path) (int, error) {
	if len(data)-off < least2011 {
		return 0, templates.BadAt(off, templates.ReasonTruncated, path.At("header with"), fmt.Sprintf("%d bytes", len(data)-off), fmt.Sprintf(">= %d", least2011))
	}
	length := binary.BigEndian.Uint32(data[off:])
	if length < least2011 {
		return 0, templates.BadAt(off, templates.ReasonWrongLength, path.At("length"), length, fmt.Sprintf(">= %d", least2011))
	}
	if uint64(length) > uint64(len(data)-off) {
		return 0, templates.BadAt(off, templates.ReasonTruncated, path.At("length"), length, fmt.Sprintf("<= %d as are left", len(data)-off))
	}
	return off + int(length), nil
}

// parse reads the representation from byte off to the end of data, at least
// least2011 bytes.
func (v *Representation) parse(data []byte, off int, certified bool, path fmr.Path) error {
	b := data[off:]
	v.Captured = parseTime(b[4:])
	v.Technology, v.Vendor, v.Device = b[13], binary.BigEndian.Uint16(b[14:]), binary.BigEndian.Uint16(b[16:])
	off += front2011
	list, off, err := blocks(data, off, qualitySize, "quality", path)
	if err != nil {
		return err
	}
	for ; len(list) > 0; list = list[qualitySize:] {
		v.Qualities = append(v.Qualities, QualityBlock{Quality: list[0],
			Vendor: binary.BigEndian.Uint16(list[1:]), Algorithm: binary.BigEndian.Uint16(list[3:])})
	}
	if certified {
		if list, off, err = blocks(data, off, certificationSize, "certification", path); err != nil {
			return err
		}
		for ; len(list) > 0; list = list[certificationSize:] {
			v.Certifications = append(v.Certifications, CertificationBlock{Authority: binary.BigEndian.Uint16(list), Scheme: list[2]})
		}
	}
	if len(data)-off < view2011 {
		return templates.BadAt(off, templates.ReasonTruncated, path.At("finger with"), fmt.Sprintf("%d bytes", len(data)-off), view2011)
	}
	return v.parseFinger(data, off, path)
}

// blocks are the bytes of the blocks whose count stands at byte off.
func blocks(data []byte, off, size int, what string, path fmr.Path) (list []byte, next int, err error) {
	if off >= len(data) {
		return nil, 0, templates.BadAt(off, templates.ReasonTruncated, path.At("count of "+what+" blocks"), "is missing", "1 byte")
	}
	next = off + 1 + int(data[off])*size
	if next > len(data) {
		return nil, 0, templates.BadAt(off, templates.ReasonTruncated, path.At(fmt.Sprintf("%d %s blocks with", data[off], what)),
			fmt.Sprintf("%d bytes", len(data)-off-1), int(data[off])*size)
	}
	return data[off+1 : next], next, nil
}

// parseFinger reads what stands behind the blocks, at least view2011 bytes.
func (v *Representation) parseFinger(data []byte, off int, path fmr.Path) error {
	b := data[off:]
	v.Position, v.Number = templates.Position(b[0]), b[1]
	v.ResolutionX, v.ResolutionY = binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint16(b[4:])
	v.Impression = Impression(b[6])
	v.Width, v.Height = binary.BigEndian.Uint16(b[7:]), binary.BigEndian.Uint16(b[9:])
	v.Endings = EndingKind(b[11] & 0xf)
	size := int(b[11] >> 4)
	if size != fmr.ShortMinutia && size != fmr.LongMinutia {
		return templates.BadAt(off+11, templates.ReasonOutOfRange, path.At("size of a minutia"), size, "5 or 6 bytes")
	}
	v.Short = size == fmr.ShortMinutia
	var err error
	if v.Minutiae, off, err = fmr.Minutiae(data, off+view2011, int(b[12]), size, path); err != nil {
		return err
	}
	if v.Extended, _, off, err = fmr.Extended(data, off, path, false); err != nil {
		return err
	}
	if off != len(data) {
		return templates.BadAt(off, templates.ReasonTrailing, path.At("representation with"),
			fmt.Sprintf("%d bytes after its extended data", len(data)-off), "none")
	}
	return nil
}

// whatRepresentations is what representations are called in errors.
const whatRepresentations = "representations"

// representation is the path of a part of representation i in an error.
func representation(i int) fmr.Path { return fmr.Path{Kind: "representation", Index: i} }
