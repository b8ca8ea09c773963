package ansi378

import (
	"immis/templates"
	"immis/templates/internal/fmr"
)

// Decode2007 reads a record of ANSI INCITS 378-2007 strictly, see Decode.
// Big-endian:
//
//	record                                          view
//	 0  "FMR\0"                                      0  u8   finger position, 0..10
//	 4  "030\0"                                      1  u8   view number, 0..15
//	 8  u32  length of the record in bytes           2  u8   impression type
//	12  u16  product owner                           3  u8   finger quality, 0..100, 254, 255
//	14  u16  product type                            4  u16  vendor of the quality algorithm
//	16  u4   certification                           6  u16  quality algorithm
//	    u12  device                                  8  u16  width of the image in pixels
//	18  u8   number of views, 1..176                10  u16  height
//	19  u8   reserved, 0                            12  u16  horizontal resolution, pixels per cm
//	20       the views, one after the other         14  u16  vertical resolution
//	                                                16  u8   N, number of minutiae
//	                                                17       N minutiae of 6 bytes
//	                                                    u16  E, length of the extended data
//	                                                         E bytes of extended data
//
// This version was soon replaced; its impression types are taken to be those of
// both neighbours: 0..3, 8, 9 and 20..29.
func Decode2007(data []byte) (*Record, error) {
	return Decode(templates.FormatANSI378_2007, data, 0)
}

func layout2007() layout {
	return layout{
		version:     fmr.Version30,
		equipment:   16,
		impressions: impressions2004 | impressions2009,
		codes:       codes2007(),
	}
}

// codes2007 are the angles and qualities from 2007 on.
func codes2007() fmr.Codes {
	return fmr.Codes{Angles: 180, Unreported: QualityNotReported}
}
