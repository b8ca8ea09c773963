package httpapi

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"immis/server/grpcapi"
	"immis/templates"
)

// A form (multipart/form-data, RFC 7578) is a request whose bytes are not in
// base64. The first part is named "request" and is the JSON of the request, its
// bytes fields left out. Every further part is named by the field that its content
// becomes, as error texts name it:
//
//	request                      {"context": ..., "encounter": {"samples": [{"format": "FORMAT_PNG", ...}]}}
//	encounter.samples[0].data    the bytes of the image
//
// Lists have the length that the JSON gives them: a part cannot add a sample.

// firstPart is the name of the part with the JSON.
const firstPart = "request"

// form reads a form into msg, part by part.
func (m *marshaler) form(b *body, msg proto.Message) error {
	parts := multipart.NewReader(b, b.boundary)
	for n := 0; ; n++ {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) && n > 0 {
			return nil
		}
		if err != nil {
			return templates.Bad(grpcapi.ReasonMalformed, "body", "does not decode as a form", "parts between boundaries, the first named "+firstPart)
		}
		err = m.part(p, n, msg)
		if err != nil {
			return err
		}
	}
}

func (m *marshaler) part(p *multipart.Part, n int, msg proto.Message) error {
	name := p.FormName()
	if e := p.Header.Get("Content-Transfer-Encoding"); e != "" && !strings.EqualFold(e, "binary") && !strings.EqualFold(e, "8bit") {
		return templates.Bad(grpcapi.ReasonMalformed, printable(name), "has Content-Transfer-Encoding "+printable(e), "binary")
	}
	if n > 0 {
		f, err := fieldAt(msg.ProtoReflect(), name)
		if err != nil {
			return err
		}
		data, err := io.ReadAll(p)
		if err != nil {
			return cutPart(name)
		}
		f.message.Set(f.field, protoreflect.ValueOfBytes(data))
		return nil
	}
	if name != firstPart {
		return templates.Bad(grpcapi.ReasonRequired, "body", "begins with a part named "+printable(name), firstPart)
	}
	if c := p.Header.Get("Content-Type"); c != "" {
		if t, _, err := mime.ParseMediaType(c); err != nil || t != typeJSON {
			return errMediaType("part "+firstPart+" of "+printable(c), typeJSON)
		}
	}
	data, err := io.ReadAll(p)
	if err != nil {
		return cutPart(name)
	}
	return m.Unmarshal(data, msg)
}

func cutPart(name string) error {
	return templates.Bad(templates.ReasonTruncated, printable(name), "ends early", "a part up to its boundary")
}

// place in a message.
type slot struct {
	message protoreflect.Message
	field   protoreflect.FieldDescriptor
}

var fieldStep = regexp.MustCompile(`^([a-z][a-z0-9_]*)(?:\[([0-9]{1,6})\])?$`)

// Bounds of a field's name: its depth, and its length in bytes.
const (
	maxSteps = 8
	maxName  = 256
)

// fieldAt finds the bytes field that a name like encounter.samples[0].data means.
// Everything in front of it must be in the message already.
func fieldAt(m protoreflect.Message, name string) (slot, error) {
	unknown := func(got string) (slot, error) {
		return slot{}, templates.Bad(reasonUnknownField, printable(name), got, "the name of a bytes field of the request, e.g. encounter.samples[0].data")
	}
	if len(name) > maxName || strings.Count(name, ".") >= maxSteps {
		return unknown("is unknown")
	}
	steps := strings.Split(name, ".")
	for i, step := range steps {
		parts := fieldStep.FindStringSubmatch(step)
		if parts == nil {
			return unknown("is unknown")
		}
		f := m.Descriptor().Fields().ByName(protoreflect.Name(parts[1]))
		switch {
		case f == nil || f.IsMap() || f.IsList() != (parts[2] != ""):
			return unknown("is unknown")
		case i == len(steps)-1:
			if f.IsList() || f.Kind() != protoreflect.BytesKind {
				return unknown("is not a field of bytes")
			}
			if m.Has(f) {
				return slot{}, templates.Bad(grpcapi.ReasonTooMany, name, "is given twice", "once")
			}
			return slot{m, f}, nil
		case f.Kind() != protoreflect.MessageKind:
			return unknown("is unknown")
		case !m.Has(f):
			return unknown("is in no message of part " + firstPart)
		case f.IsList():
			list := m.Mutable(f).List()
			at, err := strconv.Atoi(parts[2])
			if err != nil || at >= list.Len() {
				return slot{}, templates.Bad(templates.ReasonOutOfRange, printable(name), "has index "+parts[2], fmt.Sprintf("< %d, the length in part %s", list.Len(), firstPart))
			}
			m = list.Get(at).Message()
		default:
			m = m.Mutable(f).Message()
		}
	}
	return unknown("is unknown")
}
