package cbeff

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"immis/templates"
)

// DateTime is an xs:dateTime with a year of four digits, as it stands in the
// document, e.g. "2023-03-27T18:28:09.159Z"; "" for none.
type DateTime string

// Time is the moment, UTC where no zone is given; the zero time for none.
func (d DateTime) Time() time.Time {
	t, err := parseDateTime(string(d))
	if err != nil {
		return time.Time{}
	}
	return t
}

// NewDateTime is the inverse of Time; the zero time gives "".
func NewDateTime(t time.Time) DateTime {
	if t.IsZero() {
		return ""
	}
	return DateTime(t.UTC().Format("2006-01-02T15:04:05.999999999Z"))
}

var errValue = errors.New("no such value")

func parseDateTime(s string) (time.Time, error) {
	const shape = "dddd-dd-ddTdd:dd:dd"
	if len(s) < len(shape) || len(s) > len(shape)+16 {
		return time.Time{}, errValue
	}
	for i, c := range []byte(shape) {
		if c == 'd' && (s[i] < '0' || s[i] > '9') || c != 'd' && s[i] != c {
			return time.Time{}, errValue
		}
	}
	if strings.Contains(s, ",") { // the parser below takes it for a point
		return time.Time{}, errValue
	}
	for _, layout := range [...]string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errValue
}

func parseBool(s string) (bool, error) {
	switch s {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, errValue
}

const space = " \t\r\n"

// Values of the schema's enumerations. "Ear " has a space in the schema that a list
// cannot carry.
const (
	types = "Scent DNA Ear Face Finger Foot HandGeometry Vein Iris Retina Voice Gait Keystroke LipMovement SignatureSign Palm BackOfHand " +
		"Wrist ExceptionPhoto"
	subtypes = "Left Right Thumb IndexFinger MiddleFinger RingFinger LittleFinger LeftVein RightVein Palm BackOfHand Wrist Reserved1 Reserved2"
	levels   = "Raw Intermediate Processed"
	purposes = "Verify Identify Enroll EnrollVerify EnrollIdentify Audit"
)

func isOneOf(s, values string) bool { return slices.Contains(strings.Fields(values), s) }

// The methods below give readers of simple types, for use in a child.

func (p *parser) string(s *string) func(string, *tag) error {
	return func(field string, _ *tag) (err error) {
		*s, _, _, err = p.text(field, MaxText)
		return err
	}
}

// value reads a text without the space around it and hands it to set.
func (p *parser) value(want any, set func(string) error) func(string, *tag) error {
	return func(field string, t *tag) error {
		s, _, _, err := p.text(field, MaxText)
		if err != nil {
			return err
		}
		if set(strings.Trim(s, space)) != nil {
			return p.bad(t.at, templates.ReasonOutOfRange, field, "has another value", want)
		}
		return nil
	}
}

func (p *parser) bool(b *bool) func(string, *tag) error {
	return p.value("true or false", func(s string) (err error) {
		*b, err = parseBool(s)
		return err
	})
}

func (p *parser) number(n *uint32) func(string, *tag) error {
	return p.value("0..4294967295", func(s string) error {
		v, err := strconv.ParseUint(s, 10, 32)
		*n = uint32(v)
		return err
	})
}

func (p *parser) integer(n *int, least, most int) func(string, *tag) error {
	return p.value(fmt.Sprintf("%d..%d", least, most), func(s string) error {
		v, err := strconv.Atoi(s)
		if err != nil || v < least || v > most {
			return errValue
		}
		*n = v
		return nil
	})
}

// positive is a number from 1 on that is kept as text.
func (p *parser) positive(n *string) func(string, *tag) error {
	return p.value("1..4294967295", func(s string) error {
		v, err := strconv.ParseUint(s, 10, 32)
		if err != nil || v == 0 || v > math.MaxUint32 {
			return errValue
		}
		*n = strconv.FormatUint(v, 10)
		return nil
	})
}

func (p *parser) dateTime(d *DateTime) func(string, *tag) error {
	return p.value("YYYY-MM-DDThh:mm:ss with fraction and zone", func(s string) error {
		*d = DateTime(s)
		_, err := parseDateTime(s)
		return err
	})
}

func (p *parser) uuid(u *string) func(string, *tag) error {
	return p.value("a UUID", func(s string) error {
		*u = s
		if len(s) != 36 {
			return errValue
		}
		for i, c := range []byte(s) {
			hyphen := i == 8 || i == 13 || i == 18 || i == 23
			if hyphen != (c == '-') || !hyphen && !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) {
				return errValue
			}
		}
		return nil
	})
}

func (p *parser) oneOf(v *string, values string) func(string, *tag) error {
	return p.value("one of "+values, func(s string) error {
		*v = s
		if !isOneOf(s, values) {
			return errValue
		}
		return nil
	})
}

func (p *parser) list(v *[]string, values string) func(string, *tag) error {
	return p.value("some of "+values, func(s string) error {
		for _, item := range strings.Fields(s) {
			if len(*v) == 16 || !isOneOf(item, values) {
				return errValue
			}
			*v = append(*v, item)
		}
		return nil
	})
}

// base64 reads either alphabet, with or without padding, with space between. Text
// that an encoder cannot have written (two alphabets, bits behind the last byte) is
// refused: the same bytes would have several forms. The size is known, and counted
// against MaxDecoded, before memory is taken.
func (p *parser) base64(b *[]byte) func(string, *tag) error {
	return func(field string, _ *tag) error {
		from, to, err := p.raw(field)
		if err != nil {
			return err
		}
		raw := p.data[from:to]
		symbols, encoding, wrong := measure(raw)
		if wrong >= 0 {
			return p.bad(from+wrong, templates.ReasonMalformed, field, "is not base64", "one alphabet, padding at its end or none")
		}
		size := symbols * 3 / 4
		if p.decoded += size; p.decoded > MaxDecoded {
			return p.bad(from, templates.ReasonOversized, field+": data of", fmt.Sprintf("more than %d bytes in the document", MaxDecoded), "less")
		}
		if symbols < len(raw) {
			raw = compact(raw, symbols)
		}
		*b = make([]byte, size)
		if _, err := encoding.Decode(*b, raw); err != nil {
			return p.bad(to, templates.ReasonMalformed, field, "has bits behind its last byte", "zeros")
		}
		return nil
	}
}

// measure counts the symbols of a base64 text and tells its alphabet; wrong is the
// index of the first byte that does not belong, -1 for none.
func measure(raw []byte) (symbols int, encoding *base64.Encoding, wrong int) {
	var url, std bool
	padding := 0
	for i, c := range raw {
		switch {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			continue
		case c == '=':
			if padding++; padding > 2 {
				return 0, nil, i
			}
			continue
		case c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
		case c == '-' || c == '_':
			url = true
		case c == '+' || c == '/':
			std = true
		default:
			return 0, nil, i
		}
		if padding > 0 || url && std {
			return 0, nil, i
		}
		symbols++
	}
	if symbols%4 == 1 || padding > 0 && (symbols+padding)%4 != 0 {
		return 0, nil, len(raw)
	}
	if std {
		return symbols, base64.RawStdEncoding.Strict(), -1
	}
	return symbols, base64.RawURLEncoding.Strict(), -1
}

// compact is the text without space and padding.
func compact(raw []byte, symbols int) []byte {
	out := make([]byte, 0, symbols)
	for _, c := range raw {
		switch c {
		case ' ', '\t', '\r', '\n', '=':
		default:
			out = append(out, c)
		}
	}
	return out
}
