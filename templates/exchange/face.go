package exchange

import (
	"fmt"

	"immis/templates"
)

func decodeFace(enc templates.VectorEncoding, data []byte, o Options) (Decoded, error) {
	dims := o.Dims
	if dims == 0 {
		if len(data)%enc.Size() != 0 {
			return Decoded{}, templates.Bad(templates.ReasonWrongLength, "face vector of", fmt.Sprintf("%d bytes", len(data)),
				fmt.Sprintf("a multiple of %d", enc.Size()))
		}
		dims = len(data) / enc.Size()
	}
	f, err := templates.DecodeFace(o.Model, enc, data, dims)
	if err != nil {
		return Decoded{}, err
	}
	return Decoded{Templates: []templates.Template{{Face: f}}}, nil
}
