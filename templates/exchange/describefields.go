package exchange

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"immis/templates"
	"immis/templates/ansinist"
	"immis/templates/cbeff"
	"immis/templates/imaging"
	"immis/templates/iso19794"
)

// fields describes the exported fields of a struct, or of a pointer to one. Fields that
// say nothing (nil, empty) are left out; those of embedded structs stand in their place.
func (d *describer) fields(v reflect.Value) []Node {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	var out []Node
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() || quiet(f.Name, v.Field(i)) {
			continue
		}
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			out = append(out, d.fields(v.Field(i))...)
			continue
		}
		if n, ok := d.field(t.Name(), f.Name, v.Field(i)); ok {
			out = append(out, n)
		}
	}
	return out
}

// quiet tells fields that say nothing: where the part starts, which is shown as such,
// the format, which stands in the headline, and deviations that there are none of.
func quiet(name string, v reflect.Value) bool {
	switch name {
	case "Offset", "Format":
		return name == "Offset" || v.Type() == reflect.TypeFor[templates.Format]()
	case "Overstated", "Understated", "Padding", "Reserved", "Deviations", "Long", "Short", "VersionDigits", "WideAngles", "Signature", "Representation":
		return v.IsZero()
	}
	return false
}

// field describes one value; ok is false when it says nothing.
func (d *describer) field(owner, name string, v reflect.Value) (n Node, ok bool) {
	n.Name = words(name)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return n, false
		}
		return d.field(owner, name, v.Elem())
	}
	if text, ok := known(v); ok {
		n.Value = text
		return n, text != ""
	}
	switch v.Kind() {
	case reflect.Struct:
		n.Offset = offsetOf(v)
		if n.Value = d.line(v); n.Value == "" {
			n.Children = d.fields(v)
		}
		return n, n.Value != "" || len(n.Children) > 0
	case reflect.Slice, reflect.Array:
		return d.list(owner, name, v)
	case reflect.String:
		n.Value = text([]byte(v.String()))
		return n, n.Value != ""
	}
	n.Value = scalar(owner, name, v)
	return n, true
}

// list describes a slice: bytes by length and front, scalars on one line, structs one
// below the other.
func (d *describer) list(owner, name string, v reflect.Value) (n Node, ok bool) {
	n.Name = words(name)
	if v.Len() == 0 {
		return n, false
	}
	switch kind := v.Type().Elem().Kind(); {
	case kind == reflect.Uint8 && v.Kind() == reflect.Slice:
		n.Value = front(v.Bytes())
	case kind == reflect.Struct:
		n.Value, n.List = fmt.Sprint(v.Len()), true
		for i := range v.Len() {
			e := v.Index(i)
			c := Node{Name: fmt.Sprintf("%s %d", singular(n.Name), i+1), Offset: offsetOf(e)}
			if entry, ok := e.Interface().(cbeff.Entry); ok {
				n.Children = append(n.Children, Node{Name: text([]byte(entry.Key)), Value: text([]byte(entry.Value))})
				continue
			}
			if c.Value = d.line(e); c.Value == "" {
				c.Children = d.fields(e)
			}
			n.Children = append(n.Children, c)
		}
	default:
		var parts []string
		for i := range v.Len() {
			if e := v.Index(i); name == "Positions" && e.Kind() == reflect.Uint8 && e.Uint() == 255 {
				continue // an unused place
			}
			parts = append(parts, scalar(owner, name, v.Index(i)))
		}
		n.Value = strings.Join(parts, ", ")
	}
	return n, true
}

// line is a small struct on one line; empty for one that needs several.
func (d *describer) line(v reflect.Value) string {
	if m, ok := v.Interface().(iso19794.Minutia); ok {
		return d.minutia(m)
	}
	t := v.Type()
	if t.NumField() > 7 {
		return ""
	}
	var parts []string
	for i := range t.NumField() {
		f, e := t.Field(i), v.Field(i)
		if !f.IsExported() || quiet(f.Name, e) {
			continue
		}
		switch e.Kind() {
		case reflect.Struct, reflect.Pointer, reflect.Map:
			return ""
		case reflect.Slice, reflect.Array:
			if e.Type().Elem().Kind() != reflect.Uint8 {
				return ""
			}
			if e.Kind() == reflect.Slice && e.Len() > 0 {
				parts = append(parts, words(f.Name)+" "+front(e.Bytes()))
			}
			continue
		case reflect.String:
			if s := text([]byte(e.String())); s != "" {
				parts = append(parts, words(f.Name)+" "+s)
			}
			continue
		}
		if s, ok := known(e); ok {
			parts = append(parts, words(f.Name)+" "+s)
			continue
		}
		parts = append(parts, words(f.Name)+" "+scalar(t.Name(), f.Name, e))
	}
	return strings.Join(parts, ", ")
}

// minutia is a minutia with its angle in degrees.
func (d *describer) minutia(m iso19794.Minutia) string {
	s := fmt.Sprintf("x %d, y %d, %.4g degrees, %s", m.X, m.Y, float64(m.Angle)*d.angle, minutiaWord(m.Type))
	return s + minutiaQuality(d.format, m.Quality)
}

// known describes values whose types know better; ok is false for the others. A time
// that is not known gives an empty text.
func known(v reflect.Value) (s string, ok bool) {
	switch x := v.Interface().(type) {
	case time.Time:
		return moment(x), true
	case interface{ Time() time.Time }:
		return moment(x.Time()), true
	case interface{ Time() (time.Time, bool) }:
		t, known := x.Time()
		if !known {
			return "", true
		}
		return moment(t), true
	case templates.Position:
		return positionWord(uint64(x)), true
	case templates.MinutiaType:
		return minutiaWord(x), true
	case iso19794.EndingKind:
		if x == iso19794.ValleyBifurcation {
			return "at the bifurcation of the valley skeleton", true
		}
		return "at the end of the ridge skeleton", true
	case fmt.Stringer:
		if v.Kind() != reflect.Struct {
			return x.String(), true
		}
	}
	return "", false
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// scalar is a number or a flag with its word or unit.
func scalar(owner, name string, v reflect.Value) string {
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return "yes"
		}
		return "no"
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint:
		return worded(owner, name, v.Uint())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if n := v.Int(); n < 0 {
			return "not stated"
		}
		return worded(owner, name, uint64(v.Int()))
	case reflect.String:
		return text([]byte(v.String()))
	}
	return fmt.Sprint(v.Interface())
}

func offsetOf(v reflect.Value) *int {
	if f := v.FieldByName("Offset"); f.IsValid() && f.Kind() == reflect.Int {
		return at(int(f.Int()))
	}
	return nil
}

// front is bytes as far as they help a reader.
func front(b []byte) string {
	if len(b) <= 8 {
		return fmt.Sprintf("%s: %s", plural(len(b), "byte"), hex.EncodeToString(b))
	}
	return fmt.Sprintf("%s bytes: %s...", grouped(len(b)), hex.EncodeToString(b[:8]))
}

// maxText bounds a text that is shown whole.
const maxText = 200

// text is a text from a sample, safe for a terminal.
func text(b []byte) string {
	if !utf8.Valid(b) {
		return front(b)
	}
	more := ""
	if r := []rune(string(b)); len(r) > maxText {
		b, more = []byte(string(r[:maxText])), fmt.Sprintf("... (%s bytes)", grouped(len(b)))
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return unicode.ReplacementChar
		}
		return r
	}, string(b)) + more
}

// transaction describes the records of a transaction, and the samples they make.
func (d *describer) transaction(t *ansinist.Transaction) []Node {
	list := Node{Name: "records", Value: fmt.Sprint(len(t.Records)), List: true}
	for i := range t.Records {
		r := &t.Records[i]
		n := Node{Name: fmt.Sprintf("record %d", i+1), Value: fmt.Sprintf("type %d, %s", r.Type, recordWord(r.Type)), Offset: at(r.Offset)}
		if r.Type != 1 {
			n.Value += fmt.Sprintf(", IDC %d", r.IDC)
		}
		for _, f := range r.Fields {
			c := Node{Name: fmt.Sprintf("%d.%03d", r.Type, f.Number), Value: fieldText(f.Value), Offset: at(f.Offset)}
			if w := fieldWord(r.Type, f.Number); w != "" {
				c.Name += " " + w
			}
			n.Children = append(n.Children, c)
		}
		if r.Header != nil {
			n.Children = append(n.Children, d.fields(reflect.ValueOf(r.Header))...)
		}
		if len(r.Image) > 0 {
			n.Children = append(n.Children, d.image(t, i, r))
		}
		list.Children = append(list.Children, n)
	}
	return []Node{list}
}

// image describes the image of a record.
func (d *describer) image(t *ansinist.Transaction, i int, r *ansinist.Record) Node {
	n := Node{Name: "image", Value: front(r.Image)}
	s, err := t.Sample(i)
	if err != nil || s == nil || !s.Format.Image() {
		return n
	}
	if info, err := imaging.Inspect(s.Format, s.Data); err == nil {
		n.Value = fmt.Sprintf("%s, %d x %d pixels, %s", s.Format, info.Width, info.Height, n.Value)
	}
	return n
}

// fieldText is the value of a field: subfields separated by "; ", items by ", ".
func fieldText(value []byte) string {
	s := strings.NewReplacer("\x1e", "; ", "\x1f", ", ").Replace(string(value))
	return text([]byte(s))
}
