package ansi378

import (
	"immis/templates"
	"immis/templates/internal/fmr"
)

// Decode2004 reads a record of ANSI INCITS 378-2004 strictly, see Decode.
// Big-endian:
//
//	record                                          view
//	 0  "FMR\0"                                     0  u8   finger position, 0..10
//	 4  " 20\0"                                     1  u4   view number, 0..15
//	 8  u16  length of the record in bytes, or         u4   impression type
//	    u16 0, u32 length: all that follows is      2  u8   finger quality, 0..100
//	         four bytes later                       3  u8   N, number of minutiae
//	10  u16  product owner                          4       N minutiae of 6 bytes
//	12  u16  product type                              u16  E, length of the extended data
//	14  u4   certification                                  E bytes of extended data
//	    u12  device
//	16  u16  width of the image in pixels
//	18  u16  height
//	20  u16  horizontal resolution in pixels per cm
//	22  u16  vertical resolution
//	24  u8   number of views, 1..176
//	25  u8   reserved, 0
//	26       the views, one after the other
//
// Impression types are 0..3, 8 and 9. A length of six bytes is accepted for a
// short record too, as all readers do.
func Decode2004(data []byte) (*Record, error) {
	return Decode(templates.FormatANSI378_2004, data, 0)
}

func layout2004() layout {
	return layout{
		version:     fmr.Version20,
		equipment:   14,
		shared:      true,
		impressions: impressions2004,
		codes:       fmr.Codes{Angles: 180},
	}
}
