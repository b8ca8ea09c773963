package ansinist

import (
	"bytes"
	"errors"
	"fmt"

	"immis/templates"
)

// block is a set of fields of a Type-9 record that states minutiae.
type block uint8

const (
	blockNone   block = iota
	blockLegacy       // fields 9.005-9.012
	blockINCITS       // fields 9.126-9.150, the contents of INCITS 378
	blockEFS          // fields 9.300-9.399, the extended feature set
)

// Fields of Type-9 records: the impression, which all blocks share, and those
// that state the minutiae.
const (
	fieldLegacyMinutiae = 12
	fieldM1Minutiae     = 137
	fieldEFSMinutiae    = 331
)

// blockOf is the block that minutiae are taken from where a record has several:
// INCITS 378 before the extended feature set before the legacy fields, because it
// says most clearly what the others leave to the reader (image size, quality).
func blockOf(r *Record) block {
	switch {
	case r.Field(fieldM1Minutiae) != nil:
		return blockINCITS
	case r.Field(fieldEFSMinutiae) != nil:
		return blockEFS
	case r.Field(fieldLegacyMinutiae) != nil:
		return blockLegacy
	}
	return blockNone
}

// Fingers is the normal form of the minutiae of every Type-9 record, in the order
// of the transaction. One record that cannot be used refuses all, as in Samples.
// Errors are those of Finger, and NO_BIOMETRIC_DATA where there is no such record.
func (t *Transaction) Fingers() ([]templates.Finger, error) {
	var fingers []templates.Finger
	for i := range t.Records {
		if t.Records[i].Type != 9 {
			continue
		}
		f, err := t.Finger(i)
		if err != nil {
			return nil, err
		}
		fingers = append(fingers, *f)
	}
	if len(fingers) == 0 {
		return nil, fmt.Errorf("ANSI/NIST minutiae: %w", templates.Bad(templates.ReasonNoBiometric, "transaction", "has no Type-9 record", "minutiae"))
	}
	return fingers, nil
}

// Finger is the normal form of the minutiae of record i, which is of Type 9.
//
// Fields of INCITS 378 (9.126-9.150): pixels from the upper left corner, scaled
// by their own resolution as in package iso19794; angles in units of 2 degrees.
//
// Extended feature set (9.300-9.399): units of 0.01 mm from the upper left corner
// of the region of interest, whose size is the size of the image; angles in
// degrees.
//
// Legacy fields (9.005-9.012): units of 0.01 mm from the lower left corner of the
// image, angles in degrees that point away from the ridge, so that half a turn is
// added. The image is the finger image with the same IDC in the transaction;
// where there is none, or its resolution is not stated, the size is the smallest
// that holds all minutiae, which shifts all of them alike.
//
// Several positions, and codes for an unknown one, give PositionUnknown.
//
// Errors wrap a *templates.InputError: UNKNOWN_FINGER_POSITION for palms, soles
// and slaps, MINUTIA_COUNT (none, more than 255, or not as many as stated),
// MINUTIA_OUTSIDE_IMAGE, OUT_OF_RANGE, IMPOSSIBLE_RESOLUTION,
// QUALITY_OUT_OF_RANGE, MALFORMED, and UNSUPPORTED for a record whose minutiae
// stand in fields of a vendor.
func (t *Transaction) Finger(i int) (*templates.Finger, error) {
	r := &t.Records[i]
	if r.Type != 9 {
		return nil, fmt.Errorf("ANSI/NIST minutiae: %w", templates.BadAt(r.Offset, templates.ReasonMalformed, fmt.Sprintf("record %d: type", i+1), r.Type, 9))
	}
	var f *templates.Finger
	var err error
	switch blockOf(r) {
	case blockINCITS:
		f, err = incitsFinger(i, r)
	case blockEFS:
		f, err = efsFinger(i, r)
	case blockLegacy:
		f, err = t.legacyFinger(i, r)
	default:
		err = noMinutiae(i, r)
	}
	if err == nil {
		err = f.Validate()
		var bad *templates.InputError
		if errors.As(err, &bad) {
			err = templates.BadAt(r.Offset, bad.Reason, recordPath(i, r.Type, bad.Field), bad.Got, bad.Want)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("ANSI/NIST minutiae: %w", err)
	}
	return f, nil
}

// noMinutiae tells a record that states none from one that states them elsewhere.
func noMinutiae(index int, r *Record) error {
	for _, number := range []int{fieldLegacyCount, fieldM1Count, fieldEFSRegion} {
		if r.Field(number) != nil {
			return templates.BadAt(r.Offset, templates.ReasonMinutiaCount, recordPath(index, r.Type, "minutia count"), 0, fmt.Sprintf("1..%d", templates.MaxMinutiae))
		}
	}
	return templates.BadAt(r.Offset, templates.ReasonUnsupported, recordPath(index, r.Type, "minutiae"), "are not in fields of the standard",
		"field 9.012, 9.137 or 9.331")
}

// fillMinutiae tells the sample of a Type-9 record; its minutiae are told by
// Finger. The size of the extended feature set's region is given at 500 ppi.
func fillMinutiae(s *Sample, r *Record) (err error) {
	if s.Impression, err = r.integer(s.Record, fieldImpression, 0, 255); err != nil {
		return err
	}
	switch blockOf(r) {
	case blockINCITS:
		h, err := readINCITSHeader(s.Record, r)
		if err != nil {
			return err
		}
		s.Codes = h.codes
		s.Width, s.Height, s.PPIX, s.PPIY = h.width, h.height, perInch(h.units, h.scaleX), perInch(h.units, h.scaleY)
		if h.quality != templates.QualityUnknown {
			f := r.Field(fieldM1Quality)
			s.Qualities = []Quality{{Metric: "M1", Code: -1, Value: int(h.quality), Vendor: f.item(1), Algorithm: f.item(2)}}
		}
	case blockEFS:
		width, height, err := efsRegion(s.Record, r)
		if err != nil {
			return err
		}
		if s.Codes, err = r.codes(s.Record, fieldEFSPosition); err != nil {
			return err
		}
		s.Width, s.Height = hundredthsToPixels(width), hundredthsToPixels(height)
		s.PPIX, s.PPIY = templates.NormalPPI, templates.NormalPPI
	default:
		if s.Codes, err = r.codes(s.Record, fieldLegacyPosition); err != nil {
			return err
		}
	}
	s.Modality = ridgeModality(s.Codes)
	return nil
}

// onePosition is the finger of a field of position codes.
func (r *Record) onePosition(index, number int) (templates.Position, error) {
	codes, err := r.codes(index, number)
	if err != nil {
		return 0, err
	}
	position := templates.PositionUnknown
	for _, code := range codes {
		p, ok := FingerPosition(code)
		if !ok {
			return 0, templates.BadAt(r.Field(number).Offset, templates.ReasonPosition, r.path(index, r.Field(number), ""), code, "0..12, 18 or 19")
		}
		position = p
	}
	if len(codes) > 1 {
		return templates.PositionUnknown, nil
	}
	return position, nil
}

// minutiae reads a field with one minutia in each subfield of at least so many
// items, after a look at how many they are.
func (r *Record) minutiae(index, number, countField, least int, read func(w *row) (templates.Minutia, error)) ([]templates.Minutia, error) {
	f := r.Field(number)
	count := 1 + bytes.Count(f.Value, []byte{separatorRecord})
	if len(f.Value) == 0 {
		count = 0
	}
	if count < 1 || count > templates.MaxMinutiae {
		return nil, templates.BadAt(f.Offset, templates.ReasonMinutiaCount, r.path(index, f, "minutia count"), count, fmt.Sprintf("1..%d", templates.MaxMinutiae))
	}
	if c := r.Field(countField); c != nil {
		stated, err := r.number(index, c, []byte(c.item(0)), "", 0, 9999)
		if err != nil {
			return nil, err
		}
		if stated != count {
			return nil, templates.BadAt(c.Offset, templates.ReasonMinutiaCount, r.path(index, c, "minutia count"), stated, fmt.Sprintf("%d as listed", count))
		}
	}
	minutiae := make([]templates.Minutia, 0, count)
	err := r.rows(index, number, least, func(w *row) error {
		m, err := read(w)
		minutiae = append(minutiae, m)
		return err
	})
	return minutiae, err
}

// Units of 0.01 mm against those of the normal form: 500 pixels are 25.4 mm.
const (
	hundredthsPerInch = 2540
	unitsPerInch      = templates.NormalPPI * templates.UnitsPerPixel
)

// hundredthsToUnits rounds to the nearest, halves up.
func hundredthsToUnits(x int) int {
	return (2*x*unitsPerInch + hundredthsPerInch) / (2 * hundredthsPerInch)
}

// hundredthsToPixels rounds up, so that what lies inside stays inside.
func hundredthsToPixels(x int) int {
	return (x*templates.NormalPPI + hundredthsPerInch - 1) / hundredthsPerInch
}

// inside is a coordinate in units moved to the last one inside an image; what
// lies on the far edge belongs to the image.
func inside(units, pixels int) uint16 {
	return uint16(min(units, pixels*templates.UnitsPerPixel-1))
}

// degrees converts an angle in degrees, rounded to the nearest.
func degrees(a int) uint16 { return uint16((a%360*65536 + 180) / 360) }

func (w *row) outside() error {
	return w.bad(templates.ReasonMinutiaOutside, "", "lies outside the image", "inside")
}

// checkSize bounds the size of an image in pixels at 500 ppi.
func checkSize(index int, r *Record, width, height int) error {
	if width < 1 || height < 1 || width > templates.MaxPixels || height > templates.MaxPixels {
		return templates.BadAt(r.Offset, templates.ReasonOutOfRange, recordPath(index, r.Type, "image size at 500 ppi"), fmt.Sprintf("%d x %d", width, height),
			fmt.Sprintf("1 x 1 to %d x %d pixels", templates.MaxPixels, templates.MaxPixels))
	}
	return nil
}
