package exchange

import (
	"errors"
	"fmt"

	"immis/templates"
	"immis/templates/imagerecord"
	"immis/templates/imaging"
)

// decodeImage reads a bare image to its end. A finger needs a resolution, and an
// upright one; a portrait is only to be shown.
func decodeImage(format templates.Format, data []byte, o Options) (Decoded, error) {
	d := Decoded{Position: o.Position}
	modality := format.Modality()
	if modality == templates.ModalityUnknown {
		modality = o.Modality
	}
	if modality != templates.ModalityFinger {
		_, info, err := imaging.DecodePicture(format, data, imaging.Limits{})
		d.Pixels = info.Width * info.Height
		return d, err
	}
	m, err := imaging.Decode(format, data, imaging.Options{PPI: o.Resolution, OfRecord: o.OfRecord})
	if err != nil {
		return Decoded{}, err
	}
	if m.PPI == 0 {
		return Decoded{}, templates.Bad(templates.ReasonResolution, fmt.Sprintf("resolution of the %v image", format), "is not stated in the file",
			"one in pixels per inch, stated beside it if the file has none")
	}
	d.Pixels = m.Width * m.Height
	return d, nil
}

// MaxRecordPixels bounds the pixels of all images of a record together: ten rolled
// fingers and the slaps of a card at 1,000 ppi are 40 Mi. A record of MaxSize can hold
// hundreds of images that are nothing but large, and reading all takes most of a minute.
const MaxRecordPixels = 2 * imaging.DefaultMaxPixels

// decodeImageRecord reads a finger or face image record and every image in it, and
// compares what the record says of an image with what the image is.
func decodeImageRecord(format templates.Format, data []byte, o Options) (Decoded, error) {
	r, err := imagerecord.Decode(data)
	if err != nil {
		return Decoded{}, err
	}
	if r.Format != format {
		return Decoded{}, templates.BadAt(0, templates.ReasonWrongMagic, "image record", "is "+r.Format.String(), format)
	}
	views, err := r.Views()
	if err != nil {
		return Decoded{}, err
	}
	d := Decoded{Position: o.Position}
	// What the record says is enough, before anything is decoded: an image of another
	// size is refused below.
	for i := range views {
		if d.Pixels += views[i].Width * views[i].Height; d.Pixels > MaxRecordPixels {
			return Decoded{}, templates.BadAt(views[i].Offset, templates.ReasonOversized, fmt.Sprintf("view %d: pixels with the views before", i+1),
				d.Pixels, fmt.Sprintf("<= %d", MaxRecordPixels))
		}
	}
	for i := range views {
		v := &views[i]
		name := fmt.Sprintf("view %d", i+1)
		position, err := settle(name, v.Offset, v.Position, o.Position)
		if err != nil {
			return Decoded{}, err
		}
		if len(views) == 1 {
			d.Position = position
		}
		if err := checkView(v, o.Resolution); err != nil {
			return Decoded{}, inside(name, v.Offset, err)
		}
	}
	return d, nil
}

func checkView(v *imagerecord.View, stated float64) error {
	ppi, err := imaging.Info{PPIX: v.PPIX, PPIY: v.PPIY}.PPI(stated)
	if err != nil {
		return err
	}
	if v.Format == templates.FormatUnknown {
		_, err := rawImage(v, ppi)
		return err
	}
	var width, height int
	if v.Modality == templates.ModalityFinger {
		var m *imaging.Image
		if m, err = imaging.Decode(v.Format, v.Payload, imaging.Options{PPI: ppi, OfRecord: true}); err == nil {
			width, height = m.Width, m.Height
		}
	} else {
		var info imaging.Info
		if _, info, err = imaging.DecodePicture(v.Format, v.Payload, imaging.Limits{}); err == nil {
			width, height = info.Width, info.Height
		}
	}
	if err != nil {
		return err
	}
	if width != v.Width || height != v.Height {
		return templates.BadAt(0, templates.ReasonMalformed, "image", fmt.Sprintf("is of %d x %d pixels", width, height), fmt.Sprintf("%d x %d as its record says", v.Width, v.Height))
	}
	return nil
}

// rawImage is the picture of a view that holds pixels without compression.
func rawImage(v *imagerecord.View, ppi float64) (*imaging.Image, error) {
	pixels, bits := v.Payload, int(v.BitDepth)
	if v.Modality != templates.ModalityFinger {
		bits = 8
	}
	if v.Packed && bits != 8 && bits != 16 {
		n := v.Width * v.Height
		if n > imaging.DefaultMaxPixels {
			return nil, templates.Bad(templates.ReasonOversized, "image of", fmt.Sprintf("%d x %d pixels", v.Width, v.Height), fmt.Sprintf("<= %d pixels", imaging.DefaultMaxPixels))
		}
		pixels = unpacked(pixels, v.Width, v.Height, bits)
		if pixels == nil {
			return nil, templates.Bad(templates.ReasonWrongLength, "packed pixels of", fmt.Sprintf("%d bytes", len(v.Payload)), (n*bits+7)/8)
		}
	}
	return imaging.FromRaw(pixels, v.Width, v.Height, bits, ppi)
}

// unpacked spreads the pixels of an image, one row after the other, whether rows begin
// with a byte of their own or go on within one; nil for another number of bytes.
func unpacked(packed []byte, width, height, bits int) []byte {
	n, stride := width*height, (width*bits+7)/8
	out := make([]byte, 0, n*((bits+7)/8))
	switch len(packed) {
	case (n*bits + 7) / 8:
		return appendBits(out, packed, n, bits)
	case stride * height:
		for y := range height {
			out = appendBits(out, packed[y*stride:(y+1)*stride], width, bits)
		}
		return out
	}
	return nil
}

// appendBits spreads n values of so many bits each, highest bit first, over one byte
// each, or two when they have more than 8 bits.
func appendBits(out, packed []byte, n, bits int) []byte {
	size := (bits + 7) / 8
	if bits == 1 {
		for ; n >= 8; n, packed = n-8, packed[1:] {
			b := packed[0]
			out = append(out, b>>7, b>>6&1, b>>5&1, b>>4&1, b>>3&1, b>>2&1, b>>1&1, b&1)
		}
	}
	var have, value uint32 // value holds have bits that are not used up
	at := 0
	for range n {
		for have < uint32(bits) {
			value = value<<8 | uint32(packed[at])
			at, have = at+1, have+8
		}
		have -= uint32(bits)
		v := value >> have & (1<<bits - 1)
		if size == 2 {
			out = append(out, byte(v>>8))
		}
		out = append(out, byte(v))
	}
	return out
}

// inside puts the name of a part in front of the field of an input error, and its
// offset before that within it.
func inside(name string, offset int, err error) error {
	var bad *templates.InputError
	if !errors.As(err, &bad) {
		return fmt.Errorf("%s: %w", name, err)
	}
	c := *bad
	c.Field = name + ": " + bad.Field
	if c.Offset == templates.NoOffset {
		c.Offset = 0
	}
	c.Offset += offset
	return &c
}
