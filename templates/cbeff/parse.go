package cbeff

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"immis/templates"
)

// parser reads the tokens of one document. Its offsets are in data; base is what was
// cut off in front.
type parser struct {
	d    *xml.Decoder
	data []byte
	base int

	gaps            []gap
	passed, skipped int // gaps before the offset that was asked for last, and their size

	dialect              Dialect
	depth, birs, decoded int
}

// tag is the start of an element.
type tag struct {
	name string
	at   int
	attr []xml.Attr
	none bool // xsi:nil
}

const instanceNamespace = "http://www.w3.org/2001/XMLSchema-instance"

func (p *parser) bad(at int, reason templates.Reason, field string, got, want any) error {
	return templates.BadAt(p.base+at, reason, field, got, want)
}

func (p *parser) offset() int { return p.inDocument(int(p.d.InputOffset())) }

// token is the next token and where it starts.
func (p *parser) token() (xml.Token, int, error) {
	at := p.offset()
	t, err := p.d.Token()
	if err == nil {
		return t, at, nil
	}
	// The decoder's own text repeats parts of the input and is left out.
	var syntax *xml.SyntaxError
	if errors.Is(err, io.EOF) || errors.As(err, &syntax) && strings.Contains(syntax.Msg, "unexpected EOF") {
		return nil, at, p.bad(len(p.data), templates.ReasonTruncated, "document", "ends inside an element", "its end")
	}
	return nil, at, p.bad(min(p.offset(), len(p.data)), templates.ReasonMalformed, "document", "is not well-formed XML", "XML 1.0")
}

// next is the start of the next element below the one called field, or nil at the end
// of that one. Text other than space is refused.
func (p *parser) next(field string) (*tag, error) {
	for {
		t, at, err := p.token()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			return p.start(field, t, at)
		case xml.EndElement:
			p.depth--
			return nil, nil
		case xml.CharData:
			if s := strings.TrimLeft(string(t), " \t\r\n"); s != "" {
				return nil, p.bad(at, templates.ReasonMalformed, field, "holds text", "elements only")
			}
		case xml.Comment:
		default: // refused by scan, but for the declaration
			return nil, p.bad(at, templates.ReasonMalformed, field, "holds a declaration", "elements only")
		}
	}
}

// start checks name space, depth and attributes of an element.
func (p *parser) start(field string, s xml.StartElement, at int) (*tag, error) {
	if p.depth++; p.depth > MaxDepth {
		return nil, p.bad(at, templates.ReasonOversized, field+": elements nested", "too deep", fmt.Sprintf("<= %d", MaxDepth))
	}
	if p.depth > 1 && s.Name.Space != p.dialect.Namespace() {
		return nil, p.bad(at, templates.ReasonMalformed, field, "holds an element of another name space", "that of the root")
	}
	if len(s.Attr) > MaxAttributes {
		return nil, p.bad(at, templates.ReasonOversized, field+": element with", fmt.Sprintf("%d attributes", len(s.Attr)), fmt.Sprintf("<= %d", MaxAttributes))
	}
	t := &tag{name: s.Name.Local, at: at}
	for i, a := range s.Attr {
		for _, b := range s.Attr[:i] {
			if a.Name == b.Name {
				return nil, p.bad(at, templates.ReasonMalformed, field+": element", "has an attribute twice", "once")
			}
		}
		switch {
		case a.Name.Space == "xmlns" || a.Name == xml.Name{Local: "xmlns"}:
		case a.Name.Space == instanceNamespace:
			if a.Name.Local == "nil" {
				none, err := parseBool(strings.TrimSpace(a.Value))
				if err != nil {
					return nil, p.bad(at, templates.ReasonMalformed, field+": attribute nil", "is no boolean", "true or false")
				}
				t.none = none
			}
		default:
			t.attr = append(t.attr, a)
		}
	}
	if len(t.attr) > 0 && !(t.name == "entry" && len(t.attr) == 1 && t.attr[0].Name == xml.Name{Local: "key"}) {
		return nil, p.bad(at, templates.ReasonMalformed, field+": "+show(t.name), "has an attribute that is not of the schema", "none")
	}
	if t.none && !strings.EqualFold(t.name, "others") && t.name != "entry" {
		return nil, p.bad(at, templates.ReasonMalformed, field+": "+show(t.name), "is nil", "a value")
	}
	return t, nil
}

// names are those of the schemas; others are not repeated in errors.
const names = " BIR Version CBEFFVersion BIRInfo BDBInfo SBInfo BDB SB others Others entry Key Value Major Minor Creator Index Payload Integrity " +
	"CreationDate NotValidBefore NotValidAfter ChallengeResponse Format FormatOwner FormatType Encryption Type Subtype Level Product " +
	"ProductOwner ProductType CaptureDevice FeatureExtractionAlgorithm ComparisonAlgorithm CompressionAlgorithm Purpose Quality " +
	"Organization Algorithm Score QualityCalculationFailed "

func show(name string) string {
	if strings.Contains(names, " "+name+" ") {
		return name
	}
	return "unknown element"
}

// child is an element in a sequence of the schema: how often it may stand there, and
// what reads it up to its end.
type child struct {
	name     string
	min, max int
	read     func(field string, t *tag) error
}

const many = 1 << 30

// sequence reads the elements below one that was started, in the order of the schema.
func (p *parser) sequence(field string, children ...child) error {
	place, seen := 0, 0
	for {
		t, err := p.next(field)
		if err != nil {
			return err
		}
		at := p.offset()
		if t != nil {
			at = t.at
		}
		// Elements that are passed over must have been there often enough.
		for place < len(children) && (t == nil || children[place].name != t.name || seen == children[place].max) {
			if seen < children[place].min {
				return p.bad(at, templates.ReasonMalformed, field+": "+children[place].name, "is missing", "one")
			}
			place, seen = place+1, 0
		}
		if t == nil {
			return nil
		}
		if place == len(children) {
			return p.bad(at, templates.ReasonMalformed, field+": "+show(t.name), "is not expected here", "the order of the schema")
		}
		seen++
		if err := children[place].read(field+": "+t.name, t); err != nil {
			return err
		}
	}
}

// text reads an element without elements inside, up to its end: its text, and the
// part of the document that the text stands in.
func (p *parser) text(field string, limit int) (text string, from, to int, err error) {
	var b strings.Builder
	from = p.offset()
	for {
		t, at, err := p.token()
		if err != nil {
			return "", 0, 0, err
		}
		switch t := t.(type) {
		case xml.CharData:
			if b.Len()+len(t) > limit {
				return "", 0, 0, p.bad(at, templates.ReasonOversized, field+" of", fmt.Sprintf("more than %d bytes", limit), "less")
			}
			b.Write(t)
		case xml.EndElement:
			p.depth--
			return b.String(), from, at, nil
		default:
			return "", 0, 0, p.bad(at, templates.ReasonMalformed, field, "holds markup", "text")
		}
	}
}

// raw reads an element without elements inside, up to its end: the part of the
// document between its tags.
func (p *parser) raw(field string) (from, to int, err error) {
	from = p.offset()
	closed := p.data[from-2] == '/' // <BDB/> comes as start and end
	for {
		t, at, err := p.token()
		if err != nil {
			return 0, 0, err
		}
		switch t.(type) {
		case xml.CharData:
		case xml.EndElement:
			p.depth--
			if at == from && !closed { // empty, or not shown to the decoder
				at += bytes.IndexByte(p.data[from:], '<')
			}
			return from, at, nil
		default:
			return 0, 0, p.bad(at, templates.ReasonMalformed, field, "holds markup", "base64")
		}
	}
}

// document reads the root and what may stand around it.
func (p *parser) document() (*Document, error) {
	for {
		t, at, err := p.token()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			return p.root(t, at)
		case xml.ProcInst, xml.Comment:
		case xml.CharData:
			if strings.TrimLeft(string(t), " \t\r\n") != "" {
				return nil, p.bad(at, templates.ReasonMalformed, "document", "starts with text", "an element")
			}
		default:
			return nil, p.bad(at, templates.ReasonMalformed, "document", "starts with a declaration", "an element")
		}
	}
}

func (p *parser) root(s xml.StartElement, at int) (*Document, error) {
	switch s.Name.Space {
	case DialectISO.Namespace():
		p.dialect = DialectISO
	case DialectBIAS.Namespace():
		p.dialect = DialectBIAS
	default:
		return nil, p.bad(at, templates.ReasonMalformed, "root element", "is of another name space", DialectISO.Namespace())
	}
	t, err := p.start("document", s, at)
	if err != nil {
		return nil, err
	}
	if t.name != "BIR" {
		return nil, p.bad(at, templates.ReasonMalformed, "root element", show(t.name), "BIR")
	}
	d := &Document{Dialect: p.dialect}
	if err := p.bir("BIR", "", t, &d.Root); err != nil {
		return nil, err
	}
	for {
		at := p.offset()
		t, err := p.d.Token()
		if errors.Is(err, io.EOF) {
			return d, nil
		}
		if c, ok := t.(xml.CharData); ok && strings.TrimLeft(string(c), " \t\r\n") == "" && err == nil {
			continue
		}
		if _, ok := t.(xml.Comment); !ok || err != nil {
			return nil, p.bad(at, templates.ReasonTrailing, "document with", "more behind its root", "none")
		}
	}
}
