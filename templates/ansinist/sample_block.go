package ansinist

import (
	"strconv"

	"immis/templates"
)

// Fields of the CBEFF header in a Type-99 record (ANSI/NIST-ITL 1-2011, 8.20).
const (
	fieldBlockModality = 101 // BTY, a bit mask in hexadecimal
	fieldBlockOwner    = 103 // BFO
	fieldBlockType     = 104 // BFT
)

// CBEFF owners of the formats that are told apart here (IBIA register).
const (
	ownerINCITS = 0x001b // INCITS M1
	ownerISO    = 0x0101 // ISO/IEC JTC 1/SC 37
)

// fillBlock tells the sample of a Type-99 record.
func fillBlock(s *Sample, r *Record) error {
	s.Source, s.Captured = r.text(fieldSource), r.text(fieldDate)
	s.Data = r.Image
	mask, err := r.hex(s.Record, fieldBlockModality)
	if err != nil {
		return err
	}
	switch mask { // CBEFF biometric types
	case 0x02:
		s.Modality = templates.ModalityFace
	case 0x08:
		s.Modality = templates.ModalityFinger
	case 0x10:
		s.Modality = templates.ModalityIris
	}
	if s.BlockOwner, err = r.hex(s.Record, fieldBlockOwner); err != nil {
		return err
	}
	if s.BlockType, err = r.hex(s.Record, fieldBlockType); err != nil {
		return err
	}
	s.Format = blockFormat(s.BlockOwner, s.Data)
	device := r.Field(fieldDevice)
	s.Make, s.Model, s.Serial = device.item(0), device.item(1), device.item(2)
	return fillQualities(s, r)
}

// hex reads a field of at most eight hexadecimal digits, 0 where there is none.
func (r *Record) hex(index, number int) (int, error) {
	f := r.Field(number)
	if f == nil {
		return 0, nil
	}
	n, err := strconv.ParseUint(f.item(0), 16, 32)
	if err != nil {
		return 0, templates.BadAt(f.Offset, templates.ReasonMalformed, r.path(index, f, ""), "is not a number", "1..8 hexadecimal digits")
	}
	return int(n), nil
}

// blockFormat tells the format of a block by its owner and its own signature and
// version. Versions 2007 and 2009 of INCITS 378 write the same version number:
// FormatUnknown, as for formats that have no name here; who reads them looks
// inside.
func blockFormat(owner int, data []byte) templates.Format {
	if len(data) < 8 {
		return templates.FormatUnknown
	}
	switch front := string(data[:8]); owner {
	case ownerISO:
		switch front {
		case "FMR\x00 20\x00":
			return templates.FormatISO19794_2_2005
		case "FMR\x00030\x00":
			return templates.FormatISO19794_2_2011
		case "FIR\x00010\x00":
			return templates.FormatISO19794_4_2005
		case "FIR\x00020\x00":
			return templates.FormatISO19794_4_2011
		case "FAC\x00010\x00":
			return templates.FormatISO19794_5_2005
		case "FAC\x00030\x00":
			return templates.FormatISO19794_5_2011
		}
	case ownerINCITS:
		switch front {
		case "FMR\x00 20\x00":
			return templates.FormatANSI378_2004
		case "FMR\x00035\x00":
			return templates.FormatANSI378_2009AM1
		}
	}
	return templates.FormatUnknown
}
