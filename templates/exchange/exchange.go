// Package exchange is the one visible switch over exchange formats: it turns the
// bytes of a sample into templates in the normal form. It stands beside package
// templates, not inside it, because the codecs it calls import templates. It
// refuses to guess a format, to extract features from images, and to store.
package exchange

import (
	"bytes"
	"fmt"

	"immis/templates"
	"immis/templates/iso19794"
)

// MaxImage is the largest image kept, in bytes. A ten-print card scanned at
// 1,000 ppi without compression is larger than any single finger or face; such
// scans belong into the files of a case, not into an encounter.
const MaxImage = 16 << 20

// MinResolution and MaxResolution bound what a fingerprint can be captured with, in
// pixels per inch.
const (
	MinResolution = 72
	MaxResolution = 2000
)

// Options is what the sender states beside the bytes.
type Options struct {
	// Model identifies the network of a face vector; must be empty for formats
	// that carry no face vector.
	Model string
	// Dims is the dimension of a face vector; 0 takes what the bytes hold.
	Dims int
	// Position is the finger as the station states it; PositionUnknown takes what
	// the record says. A record that names another finger is refused, a record
	// that names none gets the stated one.
	Position templates.Position
	// Resolution of a finger image in pixels per inch, MinResolution..MaxResolution,
	// where its bytes state none; 0: what they say.
	Resolution float64
	// AllowPadding accepts zero bytes after a minutiae record, as they come from
	// memory slots of fixed size.
	AllowPadding bool
}

// Decode reads one sample. A searchable format gives at least one template, in
// the order of the record; an image format gives none: it is kept and shown, and
// only its signature and size are checked.
//
// Errors wrap a *templates.InputError: UNKNOWN_FORMAT, EMPTY, OVERSIZED,
// WRONG_MAGIC for an image that is not what it claims, UNKNOWN_FINGER_POSITION,
// BAD_MODEL, and those of templates.DecodeFace and iso19794.Decode.
//
// An overstated length of trailing extended data in a minutiae record is
// tolerated (iso19794.TolerateOverstatedExtension): it concerns no minutia.
func Decode(format templates.Format, data []byte, o Options) ([]templates.Template, error) {
	if err := checkOptions(format, o); err != nil {
		return nil, err
	}
	switch format {
	case templates.FormatFaceFloat32, templates.FormatFaceFloat16, templates.FormatFaceInt8:
		return decodeFace(format.Encoding(), data, o)
	case templates.FormatISO19794_2_2005:
		return decodeISO19794v2005(data, o)
	case templates.FormatPNG:
		return nil, checkImage(format, data, "\x89PNG\r\n\x1a\n")
	case templates.FormatJPEG:
		return nil, checkImage(format, data, "\xff\xd8\xff")
	case templates.FormatWSQ:
		return nil, checkImage(format, data, "\xff\xa0\xff")
	case templates.FormatJP2: // the file format, or its bare codestream
		return nil, checkImage(format, data, "\x00\x00\x00\x0cjP  \r\n\x87\n", "\xff\x4f\xff\x51")
	case templates.FormatOther:
		return nil, checkImage(format, data, "")
	}
	return nil, templates.Bad(templates.ReasonFormat, "sample format", uint8(format), "a known format")
}

func checkOptions(format templates.Format, o Options) error {
	if !(o.Position.Several() && (format.Image() || format == templates.FormatOther)) {
		if err := templates.CheckPosition("stated finger position", o.Position); err != nil {
			return err
		}
	}
	if !format.Known() {
		return nil // the switch says it
	}
	face := format.Modality() == templates.ModalityFace
	if face && o.Position != templates.PositionUnknown {
		return templates.Bad(templates.ReasonPosition, "stated finger position of a face", o.Position, 0)
	}
	if !face && (o.Model != "" || o.Dims != 0) {
		return templates.Bad(templates.ReasonModel, fmt.Sprintf("format %v", format), "comes with a face model or dimension", "none")
	}
	return nil
}

func decodeFace(enc templates.VectorEncoding, data []byte, o Options) ([]templates.Template, error) {
	dims := o.Dims
	if dims == 0 {
		if len(data)%enc.Size() != 0 {
			return nil, templates.Bad(templates.ReasonWrongLength, "face vector of", fmt.Sprintf("%d bytes", len(data)),
				fmt.Sprintf("a multiple of %d", enc.Size()))
		}
		dims = len(data) / enc.Size()
	}
	f, err := templates.DecodeFace(o.Model, enc, data, dims)
	if err != nil {
		return nil, err
	}
	return []templates.Template{{Face: f}}, nil
}

func decodeISO19794v2005(data []byte, o Options) ([]templates.Template, error) {
	allow := iso19794.TolerateOverstatedExtension
	if o.AllowPadding {
		allow |= iso19794.TolerateZeroPadding
	}
	r, err := iso19794.DecodeTolerant(data, allow)
	if err != nil {
		return nil, err
	}
	fingers, err := r.Fingers()
	if err != nil {
		return nil, err
	}
	out := make([]templates.Template, len(fingers))
	for i := range fingers {
		f := &fingers[i]
		switch {
		case o.Position == templates.PositionUnknown || f.Position == o.Position:
		case f.Position == templates.PositionUnknown:
			f.Position = o.Position
		default:
			return nil, templates.Bad(templates.ReasonPosition, fmt.Sprintf("finger view %d: finger position", i+1), f.Position,
				fmt.Sprintf("%d as stated", o.Position))
		}
		out[i] = templates.Template{Finger: f}
	}
	return out, nil
}

// checkImage compares the front of the data with the signatures of the format: a
// mistaken format would otherwise show only when somebody opens the image.
func checkImage(format templates.Format, data []byte, signatures ...string) error {
	switch {
	case len(data) == 0:
		return templates.Bad(templates.ReasonEmpty, fmt.Sprintf("%v image", format), "is empty", "an image")
	case len(data) > MaxImage:
		return templates.Bad(templates.ReasonOversized, fmt.Sprintf("%v image of", format), fmt.Sprintf("%d bytes", len(data)), fmt.Sprintf("<= %d", MaxImage))
	}
	for _, s := range signatures {
		if bytes.HasPrefix(data, []byte(s)) {
			return nil
		}
	}
	return templates.Bad(templates.ReasonWrongMagic, fmt.Sprintf("%v image", format), "starts with other bytes", fmt.Sprintf("the signature %q", signatures[0]))
}
