package cbeff

import (
	"bytes"
	"fmt"
	"strings"

	"immis/templates"
)

// scan goes through the markup once before the XML decoder does. The decoder keeps a
// whole tag with all its attributes in memory, and ten bytes of attribute cost it a
// hundred; here tags are counted and measured, and what has no place in a document is
// refused: document types (and with them entities) and processing instructions. Long
// base64 texts are noted as gaps; other texts and comments are never long, and the
// decoder, which is slow, does not get to see those that are.
func (p *parser) scan() error {
	for at, markup := 0, 0; ; {
		i := bytes.IndexByte(p.data[at:], '<')
		text := i
		if i < 0 {
			text = len(p.data) - at
		}
		if gaps := len(p.gaps); text > MaxText && (gaps == 0 || p.gaps[gaps-1].from != at) {
			return p.bad(at, templates.ReasonOversized, "text of", fmt.Sprintf("%d bytes", text), fmt.Sprintf("<= %d outside of base64", MaxText))
		}
		if i < 0 {
			return nil
		}
		at += i
		if markup++; markup > maxTags {
			return p.bad(at, templates.ReasonOversized, "document with", fmt.Sprintf("more than %d tags", maxTags), "fewer")
		}
		rest := p.data[at:]
		var n int
		switch {
		case bytes.HasPrefix(rest, []byte("<!--")):
			n = behind(rest, 4, "-->")
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			n = behind(rest, 9, "]]>")
		case bytes.HasPrefix(rest, []byte("<!")):
			return p.bad(at, templates.ReasonMalformed, "document", "has a document type or another declaration", "elements only")
		case bytes.HasPrefix(rest, []byte("<?")):
			if at != 0 || !bytes.HasPrefix(rest, []byte("<?xml")) {
				return p.bad(at, templates.ReasonMalformed, "document", "has a processing instruction", "elements only")
			}
			if n = behind(rest[:min(len(rest), maxTag)], 2, "?>"); n > 0 {
				if err := p.declaration(string(rest[:n])); err != nil {
					return err
				}
			}
		default:
			if n = tagSize(rest[:min(len(rest), maxTag)]); n == 0 && len(rest) > maxTag {
				return p.bad(at, templates.ReasonOversized, "tag of", fmt.Sprintf("more than %d bytes", maxTag), "less")
			}
		}
		if n > 0 && rest[1] != '!' && rest[1] != '?' && rest[1] != '/' {
			p.elide(rest[:n], at+n)
		}
		switch {
		case n == 0:
			return p.bad(at, templates.ReasonTruncated, "document", "ends inside markup", "its end")
		case n > MaxText:
			return p.bad(at, templates.ReasonOversized, "comment or CDATA section of", fmt.Sprintf("%d bytes", n), fmt.Sprintf("<= %d", MaxText))
		}
		at += n
	}
}

// behind is the size of markup that starts with from bytes and ends with end, 0 if it
// does not end.
func behind(b []byte, from int, end string) int {
	if i := bytes.Index(b[from:], []byte(end)); i >= 0 {
		return from + i + len(end)
	}
	return 0
}

// tagSize is the size of a tag up to its > outside of quotes, 0 if it does not end.
func tagSize(b []byte) int {
	var quote byte
	for i, c := range b {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return 0
}

// declaration refuses an XML declaration that names another encoding. Its form is
// left to the decoder.
func (p *parser) declaration(text string) error {
	_, rest, found := strings.Cut(text, "encoding")
	if !found {
		return nil
	}
	at := len(text) - len(rest)
	value := strings.TrimLeft(rest, " \t\r\n=")
	if value != "" {
		if end := strings.IndexByte(value[1:], value[0]); end >= 0 {
			value = value[1 : 1+end]
		}
	}
	if !strings.EqualFold(value, "utf-8") {
		return p.bad(at, templates.ReasonMalformed, "XML declaration: encoding", "is another", "UTF-8")
	}
	return nil
}
