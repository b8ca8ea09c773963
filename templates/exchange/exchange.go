// Package exchange is the one visible switch over exchange formats: it turns the
// bytes of a sample into templates in the normal form, opens containers, and tells
// formats by their first bytes. It stands beside package templates, not inside it,
// because the codecs it calls import templates. It refuses to guess a format, to
// extract features from images, and to store.
package exchange

import (
	"fmt"

	"immis/templates"
	"immis/templates/ansi378"
	"immis/templates/iso19794"
)

// MaxSize is the largest sample, in bytes. A ten-print card scanned at 1,000 ppi
// without compression is larger than any single finger or face; such scans belong
// into the files of a case, not into an encounter.
const MaxSize = 16 << 20

// Options is what the sender states beside the bytes.
type Options struct {
	// Modality of the sample; ModalityUnknown where the format tells it. An image of
	// a finger needs a resolution, one of a face does not.
	Modality templates.Modality
	// Model identifies the network of a face vector; must be empty for formats
	// that carry no face vector.
	Model string
	// Dims is the dimension of a face vector; 0 takes what the bytes hold.
	Dims int
	// Position is the finger as the station states it; PositionUnknown takes what
	// the record says. A record that names another finger is refused, a record
	// that names none gets the stated one.
	Position templates.Position
	// Resolution of a finger image in pixels per inch, imaging.MinPPI..MaxPPI, where
	// its bytes state none; 0: what they say.
	Resolution float64
	// OfRecord: Resolution is what a record says of the image in it, and counts even
	// where the image file says another: many writers leave there what their library
	// puts in.
	OfRecord bool
	// AllowPadding accepts zero bytes after a minutiae record, as they come from
	// memory slots of fixed size.
	AllowPadding bool
}

// Decoded is what a sample holds.
type Decoded struct {
	// Templates are the searchable views in the order of the record; none of an image.
	Templates []templates.Template
	// Position is the stated one, or that of the only view of a record;
	// PositionUnknown for several views of different fingers.
	Position templates.Position
	// Pixels is how many were decoded, the measure of what an image costs.
	Pixels int
}

// Decode reads one sample. A searchable format gives at least one template; an
// image, bare or in a record, gives none: it is kept and shown. It is decoded all
// the same, so that a damaged image is found while the person is still there, and
// an image of a finger must state its resolution or have it stated.
//
// Errors wrap a *templates.InputError: UNKNOWN_FORMAT (also for a container, see
// Open), EMPTY, OVERSIZED (MaxSize, MaxRecordPixels), UNKNOWN_FINGER_POSITION,
// BAD_MODEL, IMPOSSIBLE_RESOLUTION, and those of the readers of the formats.
//
// An overstated length of trailing extended data in a minutiae record is
// tolerated (TolerateOverstatedExtension): it concerns no minutia.
func Decode(format templates.Format, data []byte, o Options) (Decoded, error) {
	if err := checkOptions(format, o); err != nil {
		return Decoded{}, err
	}
	switch {
	case len(data) == 0:
		return Decoded{}, templates.BadAt(0, templates.ReasonEmpty, fmt.Sprintf("%v sample", format), "is empty", "a sample")
	case len(data) > MaxSize:
		return Decoded{}, templates.BadAt(0, templates.ReasonOversized, fmt.Sprintf("%v sample of", format), fmt.Sprintf("%d bytes", len(data)), fmt.Sprintf("<= %d", MaxSize))
	}
	switch format {
	case templates.FormatFaceFloat32, templates.FormatFaceFloat16, templates.FormatFaceInt8:
		return decodeFace(format.Encoding(), data, o)
	case templates.FormatISO19794_2_2005:
		return fingersOf(iso19794.DecodeTolerant(data, isoTolerance(o)))(o)
	case templates.FormatISO19794_2_2011:
		return fingersOf(iso19794.Decode2011Tolerant(data, isoTolerance(o)))(o)
	case templates.FormatISO19794_2_CardNormal:
		return fingersOf(iso19794.DecodeCardNormal(data))(o)
	case templates.FormatISO19794_2_CardCompact:
		return fingersOf(iso19794.DecodeCardCompact(data))(o)
	case templates.FormatANSI378_2004, templates.FormatANSI378_2007, templates.FormatANSI378_2009, templates.FormatANSI378_2009AM1:
		return fingersOf(ansi378.Decode(format, data, ansiTolerance(o)))(o)
	case templates.FormatPNG, templates.FormatJPEG, templates.FormatBMP, templates.FormatTIFF, templates.FormatWSQ, templates.FormatJP2:
		return decodeImage(format, data, o)
	case templates.FormatISO19794_4_2005, templates.FormatISO19794_4_2011, templates.FormatISO19794_5_2005, templates.FormatISO19794_5_2011:
		return decodeImageRecord(format, data, o)
	case templates.FormatOther:
		return Decoded{Position: o.Position}, nil
	}
	return Decoded{}, templates.Bad(templates.ReasonFormat, "sample format", format, "a known format that is no container")
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
	vector := format.Encoding() != templates.EncodingUnknown
	modality := format.Modality()
	if modality == templates.ModalityUnknown {
		modality = o.Modality
	}
	switch {
	case modality == templates.ModalityFace && o.Position != templates.PositionUnknown:
		return templates.Bad(templates.ReasonPosition, "stated finger position of a face", o.Position, 0)
	case !vector && (o.Model != "" || o.Dims != 0):
		return templates.Bad(templates.ReasonModel, fmt.Sprintf("format %v", format), "comes with a face model or dimension", "none")
	case o.Resolution != 0 && !format.Image():
		return templates.Bad(templates.ReasonResolution, fmt.Sprintf("format %v", format), "comes with a resolution", "none: it has no pixels")
	}
	return nil
}
