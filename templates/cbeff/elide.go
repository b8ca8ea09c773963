package cbeff

import (
	"bytes"
	"io"
)

// minElided is the size from which a base64 text is kept from the XML decoder, which
// reads byte by byte and takes three times the memory of a long text. Data blocks are
// nearly all of a document.
const minElided = 512

// gap is a part of the document that the decoder does not see.
type gap struct{ from, to int }

// elided gives the decoder the document without the gaps.
type elided struct {
	data []byte
	gaps []gap // those ahead
	at   int
}

// ReadByte is what the decoder calls, since it is there.
func (e *elided) ReadByte() (byte, error) {
	if len(e.gaps) > 0 && e.at == e.gaps[0].from {
		e.at, e.gaps = e.gaps[0].to, e.gaps[1:]
	}
	if e.at == len(e.data) {
		return 0, io.EOF
	}
	e.at++
	return e.data[e.at-1], nil
}

// Read makes it an io.Reader.
func (e *elided) Read(b []byte) (int, error) {
	for i := range b {
		c, err := e.ReadByte()
		if err != nil {
			return i, err
		}
		b[i] = c
	}
	return len(b), nil
}

// elide notes the text behind a tag as a gap if the tag starts an element of base64
// and the text ends with the element; end is the offset behind the tag.
func (p *parser) elide(tag []byte, end int) {
	name := bytes.TrimRight(tag[1:len(tag)-1], space)
	if i := bytes.IndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	switch string(name) {
	case "BDB", "SB", "Payload", "ChallengeResponse":
	default:
		return
	}
	n := bytes.IndexByte(p.data[end:], '<')
	if n < minElided || !bytes.HasPrefix(p.data[end+n:], []byte("</")) {
		return
	}
	p.gaps = append(p.gaps, gap{end, end + n})
}

// inDocument is the offset in the document of one in what the decoder saw. An offset
// at a gap is in front of it.
func (p *parser) inDocument(seen int) int {
	for p.passed < len(p.gaps) && p.gaps[p.passed].from-p.skipped < seen {
		p.skipped += p.gaps[p.passed].to - p.gaps[p.passed].from
		p.passed++
	}
	return seen + p.skipped
}
