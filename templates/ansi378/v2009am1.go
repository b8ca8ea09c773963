package ansi378

import (
	"immis/templates"
	"immis/templates/internal/fmr"
)

// Decode2009AM1 reads a record of ANSI INCITS 378-2009 with amendment 1 strictly,
// see Decode. It is that of 2009 with "035\0" for the version. The amendment adds
// positions of several fingers, which are refused: minutiae of one finger cannot be
// told from them.
func Decode2009AM1(data []byte) (*Record, error) {
	return Decode(templates.FormatANSI378_2009AM1, data, 0)
}

func layout2009AM1() layout {
	l := layout2009()
	l.version = fmr.Version35
	return l
}
