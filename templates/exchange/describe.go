package exchange

import (
	"fmt"
	"math"
	"reflect"
	"strings"

	"immis/templates"
	"immis/templates/ansi378"
	"immis/templates/ansinist"
	"immis/templates/cbeff"
	"immis/templates/imagerecord"
	"immis/templates/imaging"
	"immis/templates/iso19794"
)

// Node is a part of a sample as people read it: a name, a value, parts of its own.
type Node struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty"`
	// Offset is where the part starts in the sample, in bytes; nil where the decoder
	// does not tell.
	Offset *int `json:"offset,omitempty"`
	// Children are the parts, in the order of the sample. List says that they are
	// alike, so that a display may leave some out.
	Children []Node `json:"children,omitempty"`
	List     bool   `json:"-"`
}

// Describe decodes a sample and shows all that is in it, in words: codes of the
// standards as words, pixels and resolutions with their units, images and other bytes
// by their size and first bytes only. The headline, Name and Value of the result, says
// what it is and what becomes of it here. Minutiae are biometric data: the description
// of a record is as worth protecting as the record.
//
// Known deviations from the standards are shown even where Decode and Open do not take
// them; the headline then says why not. Errors wrap a *templates.InputError, those of
// the decoders; UNKNOWN_FORMAT for a format that has nothing to be shown.
func Describe(format templates.Format, data []byte) (Node, error) {
	d := &describer{format: format}
	children, err := d.content(data)
	if err != nil {
		return Node{}, err
	}
	return Node{
		Name:     format.String(),
		Value:    fmt.Sprintf("%s, %s bytes: %s", title(format), grouped(len(data)), d.use(data)),
		Children: children,
	}, nil
}

// title is the format in words.
func title(f templates.Format) string {
	switch f {
	case templates.FormatFaceFloat32, templates.FormatFaceFloat16, templates.FormatFaceInt8:
		return "face vector, " + strings.TrimPrefix(f.String(), "face-")
	case templates.FormatISO19794_2_2005:
		return "finger minutiae record of ISO/IEC 19794-2:2005"
	case templates.FormatISO19794_2_2011:
		return "finger minutiae record of ISO/IEC 19794-2:2011"
	case templates.FormatISO19794_2_CardNormal:
		return "finger minutiae of a card, normal format of ISO/IEC 19794-2"
	case templates.FormatISO19794_2_CardCompact:
		return "finger minutiae of a card, compact format of ISO/IEC 19794-2"
	case templates.FormatANSI378_2004:
		return "finger minutiae record of ANSI INCITS 378-2004"
	case templates.FormatANSI378_2007:
		return "finger minutiae record of ANSI INCITS 378-2007"
	case templates.FormatANSI378_2009:
		return "finger minutiae record of ANSI INCITS 378-2009"
	case templates.FormatANSI378_2009AM1:
		return "finger minutiae record of ANSI INCITS 378-2009 with amendment 1"
	case templates.FormatISO19794_4_2005:
		return "finger image record of ISO/IEC 19794-4:2005"
	case templates.FormatISO19794_4_2011:
		return "finger image record of ISO/IEC 19794-4:2011"
	case templates.FormatISO19794_5_2005:
		return "face image record of ISO/IEC 19794-5:2005"
	case templates.FormatISO19794_5_2011:
		return "face image record of ISO/IEC 19794-5:2011"
	case templates.FormatCBEFF:
		return "XML document of biometric information records (CBEFF, ISO/IEC 19785)"
	case templates.FormatANSINIST:
		return "transaction of ANSI/NIST-ITL, traditional encoding"
	case templates.FormatJP2:
		return "JPEG 2000 image"
	}
	return strings.ToUpper(f.String()) + " image"
}

// use is what becomes of the sample here.
func (d *describer) use(data []byte) string {
	if d.format.Container() {
		c, err := Open(d.format, data)
		if err != nil {
			return "container, not taken as it is: " + err.Error()
		}
		searchable := 0
		for _, p := range c.Parts {
			if p.Format.Searchable() {
				searchable++
			}
		}
		out := fmt.Sprintf("container with %s, %d searchable", plural(len(c.Parts), "sample"), searchable)
		if len(c.Missing) > 0 {
			out += fmt.Sprintf(", %s declared missing", plural(len(c.Missing), "finger"))
		}
		return out
	}
	o := Options{}
	if d.format.Encoding() != templates.EncodingUnknown {
		o.Model = anyModel
	}
	if _, err := Decode(d.format, data, o); err != nil {
		return "not taken as it is: " + err.Error()
	}
	switch {
	case o.Model != "":
		return "searchable among vectors of its model"
	case d.format.Searchable():
		return "searchable"
	}
	return "kept, not searchable yet"
}

// anyModel stands for the model of a vector, which is not in its bytes.
const anyModel = "any"

// describer describes one sample.
type describer struct {
	format templates.Format
	// angle is the unit of minutia angles, in degrees.
	angle float64
}

// All deviations that the decoders know.
const (
	isoDeviations  = iso19794.TolerateOverstatedExtension | iso19794.TolerateZeroPadding
	ansiDeviations = ansi378.TolerateOverstatedExtension | ansi378.TolerateZeroPadding | ansi378.TolerateUnderstatedLength |
		ansi378.TolerateVersionDigits | ansi378.TolerateUnderstatedExtension | ansi378.TolerateWideAngles
	transactionDeviations = ansinist.TolerateIDC | ansinist.TolerateForeignTags
)

// content decodes the sample and describes what came out.
func (d *describer) content(data []byte) ([]Node, error) {
	switch d.format {
	case templates.FormatFaceFloat32, templates.FormatFaceFloat16, templates.FormatFaceInt8:
		return vectorNodes(d.format, data)
	case templates.FormatISO19794_2_2005:
		d.angle = 360.0 / 256
		r, err := iso19794.DecodeTolerant(data, isoDeviations)
		return d.record(r, err)
	case templates.FormatISO19794_2_2011:
		d.angle = 360.0 / 256
		r, err := iso19794.Decode2011Tolerant(data, isoDeviations)
		return d.record(r, err)
	case templates.FormatISO19794_2_CardNormal:
		d.angle = 360.0 / 256
		r, err := iso19794.DecodeCardNormal(data)
		return d.record(r, err)
	case templates.FormatISO19794_2_CardCompact:
		d.angle = 360.0 / 64
		r, err := iso19794.DecodeCardCompact(data)
		return d.record(r, err)
	case templates.FormatANSI378_2004, templates.FormatANSI378_2007, templates.FormatANSI378_2009, templates.FormatANSI378_2009AM1:
		d.angle = 2
		r, err := ansi378.Decode(d.format, data, ansiDeviations)
		return d.record(r, err)
	case templates.FormatISO19794_4_2005, templates.FormatISO19794_4_2011, templates.FormatISO19794_5_2005, templates.FormatISO19794_5_2011:
		return d.imageRecord(data)
	case templates.FormatCBEFF:
		doc, err := cbeff.Decode(data)
		if err != nil {
			return nil, err
		}
		return append(d.fields(reflect.ValueOf(doc.Root)), d.parts(data)...), nil
	case templates.FormatANSINIST:
		t, err := ansinist.DecodeTolerant(data, transactionDeviations)
		if err != nil {
			return nil, err
		}
		return append(d.transaction(t), d.parts(data)...), nil
	case templates.FormatPNG, templates.FormatJPEG, templates.FormatWSQ, templates.FormatJP2, templates.FormatBMP, templates.FormatTIFF:
		return imageNodes(d.format, data)
	}
	return nil, templates.Bad(templates.ReasonFormat, "sample format", d.format, "one that can be shown")
}

// record describes a decoded record by its exported fields.
func (d *describer) record(r any, err error) ([]Node, error) {
	if err != nil {
		return nil, err
	}
	return d.fields(reflect.ValueOf(r)), nil
}

// parts lists the samples of a container; none where the container is not taken.
func (d *describer) parts(data []byte) []Node {
	c, err := Open(d.format, data)
	if err != nil || len(c.Parts) == 0 {
		return nil
	}
	list := Node{Name: "samples", Value: fmt.Sprint(len(c.Parts)), List: true}
	for _, p := range c.Parts {
		what := p.Modality.String()
		if p.Position != templates.PositionUnknown {
			what = positionWord(uint64(p.Position))
		}
		n := Node{Name: p.Where, Value: fmt.Sprintf("%s, %s, %s bytes", what, p.Format, grouped(len(p.Data)))}
		if p.Quality != templates.QualityUnknown {
			n.Value += fmt.Sprintf(", quality %d", p.Quality)
		}
		inner := &describer{format: p.Format}
		if children, err := inner.content(p.Data); err == nil {
			n.Children = children
		} else if p.Format != templates.FormatOther {
			n.Value += ", not readable: " + err.Error()
		}
		list.Children = append(list.Children, n)
	}
	return []Node{list}
}

func (d *describer) imageRecord(data []byte) ([]Node, error) {
	r, err := imagerecord.Decode(data)
	if err != nil {
		return nil, err
	}
	var out []Node
	for _, content := range []any{r.Finger2005, r.Finger2011, r.Face2005, r.Face2011} {
		out = append(out, d.fields(reflect.ValueOf(content))...)
	}
	views, err := r.Views()
	if err != nil {
		return nil, err
	}
	list := Node{Name: "payloads", Value: fmt.Sprint(len(views)), List: true}
	for i, v := range views {
		n := Node{Name: fmt.Sprintf("image %d", i+1), Offset: at(v.Offset)}
		if v.Format == templates.FormatUnknown {
			n.Value = fmt.Sprintf("pixels without compression, %d x %d, %d bits", v.Width, v.Height, v.BitDepth)
		} else if children, err := imageNodes(v.Format, v.Payload); err != nil {
			n.Value = fmt.Sprintf("%s image, not readable: %v", v.Format, err)
		} else {
			n.Value, n.Children = fmt.Sprintf("%s image", v.Format), children
		}
		list.Children = append(list.Children, n)
	}
	for _, note := range r.Notes() {
		out = append(out, Node{Name: "note", Value: note})
	}
	return append(out, list), nil
}

// imageNodes is what the header of an image says.
func imageNodes(f templates.Format, data []byte) ([]Node, error) {
	i, err := imaging.Inspect(f, data)
	if err != nil {
		return nil, err
	}
	color, resolution := "gray", "not stated"
	if i.Colour {
		color = "color"
	}
	if i.PPIX != 0 || i.PPIY != 0 {
		resolution = fmt.Sprintf("%.4g x %.4g ppi", i.PPIX, i.PPIY)
	}
	out := []Node{
		{Name: "size", Value: fmt.Sprintf("%d x %d pixels", i.Width, i.Height)},
		{Name: "samples", Value: fmt.Sprintf("%s, %d bits", color, i.Bits)},
		{Name: "resolution", Value: resolution},
	}
	if i.Orientation > 1 {
		out = append(out, Node{Name: "orientation", Value: fmt.Sprintf("%d: not stored upright", i.Orientation)})
	}
	return out, nil
}

// vectorNodes describes a vector without its values, which say nothing to a reader.
func vectorNodes(f templates.Format, data []byte) ([]Node, error) {
	face, err := templates.DecodeFace(anyModel, f.Encoding(), data, len(data)/f.Encoding().Size())
	if err != nil {
		return nil, err
	}
	v := face.Vector
	lo, hi, zero := math.Inf(1), math.Inf(-1), 0
	for _, x := range v {
		lo, hi = min(lo, float64(x)), max(hi, float64(x))
		if x == 0 {
			zero++
		}
	}
	return []Node{
		{Name: "dimensions", Value: fmt.Sprint(len(v))},
		{Name: "values at unit length", Value: fmt.Sprintf("%.4f to %.4f, %d of them 0", lo, hi, zero)},
	}, nil
}

func at(offset int) *int {
	if offset == templates.NoOffset {
		return nil
	}
	return &offset
}
