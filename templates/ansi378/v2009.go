package ansi378

import "immis/templates"

// Decode2009 reads a record of ANSI INCITS 378-2009 strictly, see Decode. It is
// that of 2007, with the same "030\0", but for the equipment:
//
//	16  u8   certification
//	17  u16  device
//	19  u8   number of views, 1..176
//	20  u8   reserved, 0
//	21       the views, one after the other
//
// Impression types are 0..3, 8 and 20..29.
func Decode2009(data []byte) (*Record, error) {
	return Decode(templates.FormatANSI378_2009, data, 0)
}

func layout2009() layout {
	l := layout2007()
	l.bytes, l.impressions = true, impressions2009
	return l
}
