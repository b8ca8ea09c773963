package cbeff

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"immis/templates"
)

// Encode is the document in our canonical form: UTF-8, one element a line, indented
// by tabs, base64url without padding, others as entries (DialectISO) or as keys and
// values (DialectBIAS). Decode reads the same document from it, and a document that
// Encode wrote is written byte for byte again.
//
// What was written is read back before it is given out. The error is an
// *templates.InputError: INVALID_UTF8 or OUT_OF_RANGE for a text that XML cannot
// hold, UNSUPPORTED for a field that the dialect does not have, and those of Decode
// for values that it would refuse.
func (d *Document) Encode() ([]byte, error) {
	w := &writer{dialect: d.Dialect}
	if d.Dialect > DialectBIAS {
		return nil, templates.Bad(templates.ReasonOutOfRange, "document: dialect", uint8(d.Dialect), "0 or 1")
	}
	size, birs := d.Root.size(0)
	if size > MaxDecoded || birs > MaxBIRs {
		return nil, templates.Bad(templates.ReasonOversized, "document of", fmt.Sprintf("%d BIRs, %d bytes", birs, size),
			fmt.Sprintf("<= %d, %d", MaxBIRs, MaxDecoded))
	}
	w.out.Grow(size/3*4 + birs*1024)
	w.out.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
	w.bir(&d.Root, ` xmlns="`+d.Dialect.Namespace()+`"`)
	if w.err != nil {
		return nil, w.err
	}
	out := w.out.Bytes()
	if _, err := Decode(out); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return out, nil
}

// size is how many bytes all data of the BIR are, and how many BIRs there are; it
// stops at a depth that is refused, so that a BIR of a million others costs nothing.
func (b *BIR) size(depth int) (bytes, birs int) {
	bytes, birs = len(b.BDB)+len(b.SB)+len(b.Info.Payload), 1
	if b.BDBInfo != nil {
		bytes += len(b.BDBInfo.ChallengeResponse)
	}
	if depth > MaxDepth {
		return bytes, MaxBIRs + 1
	}
	for i := range b.BIRs {
		n, m := b.BIRs[i].size(depth + 1)
		if bytes, birs = bytes+n, birs+m; birs > MaxBIRs {
			break
		}
	}
	return bytes, birs
}

// writer keeps its first error.
type writer struct {
	out     bytes.Buffer
	dialect Dialect
	depth   int
	err     error
}

func (w *writer) fail(reason templates.Reason, field string, got, want any) {
	if w.err == nil {
		w.err = templates.Bad(reason, field, got, want)
	}
}

func (w *writer) indent() {
	for range w.depth {
		w.out.WriteByte('\t')
	}
}

// element is an element with elements inside.
func (w *writer) element(name, attr string, content func()) {
	w.indent()
	w.out.WriteString("<" + name + attr + ">\n")
	w.depth++
	content()
	w.depth--
	w.indent()
	w.out.WriteString("</" + name + ">\n")
}

// leaf is an element with text.
func (w *writer) leaf(name, attr, text string) {
	w.indent()
	w.out.WriteString("<" + name + attr + ">")
	w.escape(name, text)
	w.out.WriteString("</" + name + ">\n")
}

// optional is a leaf that is left out when its text is empty.
func (w *writer) optional(name, text string) {
	if text != "" {
		w.leaf(name, "", text)
	}
}

// value is optional for texts that are read without the space around them.
func (w *writer) value(name, text string) {
	if strings.Trim(text, space) != text {
		w.fail(templates.ReasonOutOfRange, name, "has space around it", "none")
	}
	w.optional(name, text)
}

// positive is a number that is read as a number and written as text.
func (w *writer) positive(name, text string) {
	if n, err := strconv.ParseUint(text, 10, 32); text != "" && (err != nil || strconv.FormatUint(n, 10) != text) {
		w.fail(templates.ReasonOutOfRange, name, "is no number", "1..4294967295")
	}
	w.optional(name, text)
}

func (w *writer) data(name string, data []byte) {
	if data == nil {
		return
	}
	w.indent()
	w.out.WriteString("<" + name + ">")
	w.out.Write(base64.RawURLEncoding.AppendEncode(w.out.AvailableBuffer(), data))
	w.out.WriteString("</" + name + ">\n")
}

// escape writes a text; what XML cannot hold would come back as something else.
func (w *writer) escape(name, text string) {
	if !utf8.ValidString(text) {
		w.fail(templates.ReasonUTF8, name, "is not UTF-8", "UTF-8")
		return
	}
	for _, r := range text {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
			w.fail(templates.ReasonOutOfRange, name, "holds a character that XML does not have", "text")
			return
		}
	}
	if err := xml.EscapeText(&w.out, []byte(text)); err != nil {
		w.fail(templates.ReasonMalformed, name, "cannot be escaped", "text")
	}
}

func (w *writer) bir(b *BIR, attr string) {
	w.element("BIR", attr, func() {
		w.version("Version", b.Version)
		w.version("CBEFFVersion", b.CBEFFVersion)
		w.element("BIRInfo", "", func() {
			w.optional("Creator", b.Info.Creator)
			w.value("Index", b.Info.Index)
			w.data("Payload", b.Info.Payload)
			w.leaf("Integrity", "", strconv.FormatBool(b.Info.Integrity))
			w.value("CreationDate", string(b.Info.CreationDate))
			w.value("NotValidBefore", string(b.Info.NotValidBefore))
			w.value("NotValidAfter", string(b.Info.NotValidAfter))
		})
		if b.BDBInfo != nil {
			w.element("BDBInfo", "", func() { w.bdbInfo(b.BDBInfo) })
		}
		if b.SBInfo != nil {
			w.element("SBInfo", "", func() { w.registry("Format", "Format", b.SBInfo.Format) })
		}
		for i := range b.BIRs {
			w.bir(&b.BIRs[i], "")
		}
		w.data("BDB", b.BDB)
		w.data("SB", b.SB)
		w.others(b.Others)
	})
}

func (w *writer) version(name string, v *Version) {
	if v == nil {
		return
	}
	w.element(name, "", func() {
		w.leaf("Major", "", strconv.FormatUint(uint64(v.Major), 10))
		w.leaf("Minor", "", strconv.FormatUint(uint64(v.Minor), 10))
	})
}

func (w *writer) bdbInfo(b *BDBInfo) {
	w.data("ChallengeResponse", b.ChallengeResponse)
	w.value("Index", b.Index)
	w.registry("Format", "Format", b.Format)
	if b.Encryption != nil {
		w.leaf("Encryption", "", strconv.FormatBool(*b.Encryption))
	}
	w.value("CreationDate", string(b.CreationDate))
	w.value("NotValidBefore", string(b.NotValidBefore))
	w.value("NotValidAfter", string(b.NotValidAfter))
	w.list("Type", b.Types, types)
	w.list("Subtype", b.Subtypes, subtypes)
	w.value("Level", b.Level)
	w.registry("Product", "Product", b.Product)
	w.registry("CaptureDevice", "", b.CaptureDevice)
	w.registry("FeatureExtractionAlgorithm", "", b.FeatureExtractionAlgorithm)
	w.registry("ComparisonAlgorithm", "", b.ComparisonAlgorithm)
	w.registry("CompressionAlgorithm", "", b.CompressionAlgorithm)
	w.value("Purpose", b.Purpose)
	if b.Quality != nil {
		w.quality(b.Quality)
	}
}

func (w *writer) list(name string, items []string, values string) {
	for _, item := range items {
		if !isOneOf(item, values) { // an item with a space inside would come back as two
			w.fail(templates.ReasonOutOfRange, name, "has another value", "some of "+values)
		}
	}
	w.optional(name, strings.Join(items, " "))
}

// registry writes an identifier; prefix is that of its two elements in DialectBIAS,
// empty where that dialect has none.
func (w *writer) registry(name, prefix string, r *Registry) {
	switch {
	case r == nil:
	case w.dialect == DialectISO:
		w.element(name, "", func() { w.identifier(r) })
	case prefix == "" || *r == (Registry{}):
		w.fail(templates.ReasonUnsupported, name, "is given", "what the dialect has")
	default:
		w.positive(prefix+"Owner", r.Organization)
		w.positive(prefix+"Type", r.Type)
	}
}

func (w *writer) identifier(r *Registry) {
	w.leaf("Organization", "", r.Organization)
	w.leaf("Type", "", r.Type)
}

func (w *writer) quality(q *Quality) {
	if (q.Score != ScoreFailed || w.dialect == DialectBIAS) && q.Failed != "" || w.dialect == DialectBIAS && q.Algorithm != (Registry{}) {
		w.fail(templates.ReasonUnsupported, "Quality", "has a reason or an algorithm", "what the dialect and the score have")
	}
	score := strconv.Itoa(q.Score)
	if w.dialect == DialectBIAS {
		w.leaf("Quality", "", score)
		return
	}
	w.element("Quality", "", func() {
		w.element("Algorithm", "", func() { w.identifier(&q.Algorithm) })
		if q.Score == ScoreFailed {
			w.leaf("QualityCalculationFailed", "", q.Failed)
		} else {
			w.leaf("Score", "", score)
		}
	})
}

func (w *writer) others(entries []Entry) {
	if w.dialect == DialectBIAS {
		for _, e := range entries {
			w.element("Others", "", func() {
				w.leaf("Key", "", e.Key)
				w.leaf("Value", "", e.Value)
			})
		}
		return
	}
	if len(entries) == 0 {
		return
	}
	w.element("others", "", func() {
		for _, e := range entries {
			w.indent()
			w.out.WriteString(`<entry key="`)
			w.escape("key", e.Key)
			w.out.WriteString(`">`)
			w.escape("entry", e.Value)
			w.out.WriteString("</entry>\n")
		}
	})
}
