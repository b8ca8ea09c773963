package ansinist

import (
	"fmt"

	"immis/templates"
)

// Sample is what one record says of one biometric sample, in values that do not
// depend on the record's type. Numbers that the record does not state are 0
// unless said otherwise; texts that it does not state are empty.
type Sample struct {
	// Record is the index in Transaction.Records; Type and IDC are that record's.
	Record, Type, IDC int
	// Modality is ModalityFinger for fingers and sets of fingers, ModalityFace for
	// images of Type 10 that show a face, ModalityIris for Type 17, and what the
	// CBEFF header of Type 99 says; ModalityUnknown for palms, soles, scars, marks,
	// tattoos and other views of a body.
	Modality templates.Modality
	// Codes are the friction ridge position codes as stated (ANSI/NIST-ITL 1-2011,
	// table 8): 0-10 as in templates.Position, 11 and 12 plain thumbs, 13-15 slaps,
	// 16 and 17 extra digits, 18 unknown, 19 tips and joints, 20-38 and 81-86 palms,
	// 40-50 sets of two fingers, 60-79 soles and toes.
	Codes []int
	// Position is the finger where Codes names exactly one, else PositionUnknown.
	Position templates.Position
	// Impression is the impression type code (table 7: 0 live plain, 1 live rolled,
	// 2 and 3 the same nonlive, 4-7 latent, 8 swipe, ...), -1 where not stated.
	Impression int
	// ImageType is field 10.003 (FACE, SCAR, ...).
	ImageType string
	// Compression is the compression as stated in a field of tagged records, and
	// its name for the codes of binary records.
	Compression string
	// Format is the format of Data, FormatUnknown where Raw, where there are no
	// data and where the compression is none of the standard's.
	Format templates.Format
	// Raw tells that Data are pixels without compression: rows from the top, pixels
	// from the left, Bits each and, with 24 bits, the components of one pixel
	// together. Data then have exactly the bytes that the pixels need.
	Raw bool
	// Width and Height are in pixels as stated, 0..99,999.
	Width, Height int
	// Bits is the number of bits per pixel as stated.
	Bits int
	// PPIX and PPIY are the resolutions in pixels per inch, rounded; pixels per cm
	// are scaled so that 197 gives 500, and pixels per mm so that 19.69 does.
	PPIX, PPIY int
	// ColorSpace is the color space as stated (GRAY, RGB, SRGB, YCC, ...).
	ColorSpace string
	// Data is the image, or the biometric data block of Type 99; nil for Type 9,
	// see Transaction.Finger. It shares the memory of the record.
	Data []byte
	// Captured is the date of capture as stated, YYYYMMDD, in Type 99 and the newer
	// versions with a time. Binary records state none.
	Captured string
	// Source is the agency or organization that made the sample.
	Source string
	// Make, Model and Serial describe the capture device.
	Make, Model, Serial string
	// Qualities are the quality metrics of the record in its order.
	Qualities []Quality
	// Missing are the fingers that the record says are not there.
	Missing []Missing
	// Segments are where the single fingers of a slap lie.
	Segments []Segment
	// Areas are where the parts of a joint image or tip lie, field 1x.015.
	Areas []Area
	// BlockOwner and BlockType are the CBEFF format owner and type of Type 99, e.g.
	// 0x001b (INCITS M1) and 0x0201.
	BlockOwner, BlockType int
}

// Quality is one statement of quality.
type Quality struct {
	// Metric is the name of the field: NQM (NFIQ, 1 best to 5), SQM (how well a slap
	// was cut into fingers, 0-100), FQM (finger, 0-100), LQM (latent), PQM (palm), SQS (face), IQS (iris), UQS (user-defined),
	// BDQ (Type 99), M1 (minutiae, 0-100). 254 is failed and 255 not attempted.
	Metric string
	// Code is the position that it is about, -1 for the whole image.
	Code int
	// Value is as stated, 0..255.
	Value int
	// Vendor and Algorithm identify who made it, as stated.
	Vendor, Algorithm string
}

// Missing is a finger that was not captured.
type Missing struct {
	// Code is the position.
	Code int
	// Reason is XX for amputated, UP for unable to print (bandaged), and what later
	// versions add.
	Reason string
}

// Segment is where one finger lies in an image, in pixels from its upper left
// corner: 0 <= Left <= Right <= Width, 0 <= Top <= Bottom <= Height.
type Segment struct {
	Code                     int
	Left, Right, Top, Bottom int
	// Polygon is set where the record draws one (field 14.025); the box is then
	// the one around it.
	Polygon []Point
}

// Point is in pixels from the upper left corner.
type Point struct{ X, Y int }

// Area is where a part of a finger lies in an image, in pixels inside it and in
// the order stated: Left may be larger than Right, Top larger than Bottom.
type Area struct {
	// View is the full finger view (FV1..FV4, TIP), Location the segment (PRX, DST,
	// MED), as stated.
	View, Location           string
	Left, Right, Top, Bottom int
}

// Samples tells all samples of the transaction in the order of its records.
//
// One record that cannot be used refuses all: silently taking fewer samples than
// were sent would hide a fault of a sender. Who wants the others asks Sample for
// each record. Errors wrap a *templates.InputError: OUT_OF_RANGE, MALFORMED and
// WRONG_LENGTH for pixels without compression that are more or less than stated.
func (t *Transaction) Samples() ([]Sample, error) {
	var samples []Sample
	for i := range t.Records {
		s, err := t.Sample(i)
		if err != nil {
			return nil, err
		}
		if s != nil {
			samples = append(samples, *s)
		}
	}
	return samples, nil
}

// Sample tells the sample in record i; nil without an error for records of types
// that hold none (1, 2, 7, 8, 11, 12, 18 and those from 20 to 98).
func (t *Transaction) Sample(i int) (*Sample, error) {
	r := &t.Records[i]
	s := &Sample{Record: i, Type: r.Type, IDC: r.IDC, Impression: -1}
	var err error
	switch r.Type {
	case 3, 4, 5, 6:
		if r.Header == nil {
			return nil, nil
		}
		err = t.fillBinary(s, r)
	case 9:
		err = fillMinutiae(s, r)
	case 10, 13, 14, 15, 16, 17, 19:
		err = fillImage(s, r)
	case 99:
		err = fillBlock(s, r)
	default:
		return nil, nil
	}
	if err == nil {
		err = s.checkPixels(r)
	}
	if err != nil {
		return nil, fmt.Errorf("ANSI/NIST sample: %w", err)
	}
	if len(s.Codes) == 1 {
		s.Position, _ = FingerPosition(s.Codes[0])
	}
	return s, nil
}

// checkPixels compares pixels without compression with the bytes that are there.
func (s *Sample) checkPixels(r *Record) error {
	if !s.Raw {
		return nil
	}
	want := (s.Width*s.Bits + 7) / 8 * s.Height
	if s.Bits == 1 && len(s.Data) == (s.Width*s.Height+7)/8 {
		return nil // rows of two-level images may go on within a byte
	}
	if s.Bits == 0 || want == 0 || len(s.Data) != want {
		return templates.BadAt(r.Offset, templates.ReasonWrongLength, recordPath(s.Record, s.Type, "image without compression of"),
			fmt.Sprintf("%d bytes", len(s.Data)), fmt.Sprintf("%d for %d x %d pixels of %d bits", want, s.Width, s.Height, s.Bits))
	}
	return nil
}

// FingerPosition is the finger of a position code; plain thumbs are thumbs. Not
// ok for codes that name no finger or several.
func FingerPosition(code int) (templates.Position, bool) {
	switch {
	case code >= 0 && code <= int(templates.LeftLittle):
		return templates.Position(code), true
	case code == 11:
		return templates.RightThumb, true
	case code == 12:
		return templates.LeftThumb, true
	case code == 18 || code == 19: // unknown friction ridge; a tip or joint of a finger not named here
		return templates.PositionUnknown, true
	}
	return templates.PositionUnknown, false
}

// ridgeModality is the modality of friction ridge codes: finger where all of
// them are fingers or sets of fingers.
func ridgeModality(codes []int) templates.Modality {
	for _, c := range codes {
		if c > 19 && (c < 40 || c > 50) {
			return templates.ModalityUnknown
		}
	}
	return templates.ModalityFinger
}

// codeName gives the compression codes of binary records the names that tagged
// records use (ANSI/NIST-ITL 1-2007, table 5); types 5 and 6 have their own.
func codeName(recordType int, code uint8) string {
	if recordType == 5 || recordType == 6 {
		switch code {
		case 0:
			return "NONE"
		case 1:
			return "G4" // ITU-T T.6
		}
		return fmt.Sprint(code)
	}
	names := [...]string{"NONE", "WSQ20", "JPEGB", "JPEGL", "JP2", "JP2L", "PNG"}
	if int(code) < len(names) {
		return names[code]
	}
	return fmt.Sprint(code)
}

// compression tells the format of a compression name, and whether it is none.
// WSQ without a version occurs in reference transactions. A lossless JPEG (JPEGL)
// has the signature of a JPEG; whether its process can be read is told there.
func compression(name string) (format templates.Format, raw bool) {
	switch name {
	case "NONE":
		return templates.FormatUnknown, true
	case "WSQ20", "WSQ":
		return templates.FormatWSQ, false
	case "JPEGB", "JPEGL":
		return templates.FormatJPEG, false
	case "JP2", "JP2L":
		return templates.FormatJP2, false
	case "PNG":
		return templates.FormatPNG, false
	}
	return templates.FormatUnknown, false
}
