package imagerecord

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"immis/templates"
)

// DateTime is when an image was captured, in UTC (ISO/IEC 19794-1:2011, 12.3.2). A
// field that is not known has all bits set; a writer that does not know any leaves
// all zero, too.
type DateTime struct {
	Year                             uint16
	Month, Day, Hour, Minute, Second uint8
	Millisecond                      uint16
}

const (
	unset8       = math.MaxUint8
	unset16      = math.MaxUint16
	dateTimeSize = 9
)

// Time is the moment, the zero time where the day is not known. Unknown parts of a
// known day are zero.
func (d DateTime) Time() time.Time {
	if d == (DateTime{}) || d.Year == unset16 || d.Month == unset8 || d.Day == unset8 {
		return time.Time{}
	}
	known := func(x uint8) int {
		if x == unset8 {
			return 0
		}
		return int(x)
	}
	ms := int(d.Millisecond)
	if d.Millisecond == unset16 {
		ms = 0
	}
	return time.Date(int(d.Year), time.Month(d.Month), int(d.Day), known(d.Hour), known(d.Minute), known(d.Second), ms*int(time.Millisecond), time.UTC)
}

// NewDateTime is the inverse of Time, cut to milliseconds; the zero time gives the
// date that is not known.
func NewDateTime(t time.Time) DateTime {
	if t.IsZero() {
		return DateTime{unset16, unset8, unset8, unset8, unset8, unset8, unset16}
	}
	t = t.UTC()
	return DateTime{uint16(t.Year()), uint8(t.Month()), uint8(t.Day()), uint8(t.Hour()), uint8(t.Minute()), uint8(t.Second()),
		uint16(t.Nanosecond() / int(time.Millisecond))}
}

func readDateTime(r *reader, field string) DateTime {
	field += ": capture date"
	start := r.at
	d := DateTime{r.u16(field), r.u8(field), r.u8(field), r.u8(field), r.u8(field), r.u8(field), r.u16(field)}
	if r.err != nil || d == (DateTime{}) {
		return d
	}
	for _, x := range [...]struct {
		name          string
		at            int
		value         uint16
		unset         uint16
		first, behind uint16
	}{
		{"month", 2, uint16(d.Month), unset8, 1, 13},
		{"day", 3, uint16(d.Day), unset8, 1, 32},
		{"hour", 4, uint16(d.Hour), unset8, 0, 24},
		{"minute", 5, uint16(d.Minute), unset8, 0, 60},
		{"second", 6, uint16(d.Second), unset8, 0, 61}, // leap seconds
		{"millisecond", 7, d.Millisecond, unset16, 0, 1000},
	} {
		if x.value != x.unset && (x.value < x.first || x.value >= x.behind) {
			r.fail(templates.BadAt(start+x.at, templates.ReasonOutOfRange, field+": "+x.name, x.value, fmt.Sprintf("%d..%d, or all bits set", x.first, x.behind-1)))
			return d
		}
	}
	if day := (DateTime{Year: d.Year, Month: d.Month, Day: d.Day}).Time(); !day.IsZero() && day.Day() != int(d.Day) {
		r.fail(templates.BadAt(start+3, templates.ReasonOutOfRange, field+": day", d.Day, "a day of its month"))
	}
	return d
}

func (d DateTime) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, d.Year)
	dst = append(dst, d.Month, d.Day, d.Hour, d.Minute, d.Second)
	return binary.BigEndian.AppendUint16(dst, d.Millisecond)
}

// Capture is the front of a representation header of the editions of 2011, common to
// all parts (ISO/IEC 19794-1:2011, 12.3).
type Capture struct {
	Date DateTime
	// Technology is a table of the part, 0 is unknown. Vendor and Device are
	// registered with IBIA, 0 is unknown.
	Technology     uint8
	Vendor, Device uint16
	// Quality holds 0..255 blocks.
	Quality []Quality
}

const qualitySize = 5

// captureSize is the size of a Capture without quality blocks.
const captureSize = dateTimeSize + 1 + 2 + 2 + 1

func readCapture(r *reader, field string) Capture {
	c := Capture{Date: readDateTime(r, field), Technology: r.u8(field + ": capture device technology"),
		Vendor: r.u16(field + ": capture device vendor"), Device: r.u16(field + ": capture device type")}
	field += ": quality blocks"
	n := r.count(field, int(r.u8(field)), qualitySize, 1)
	for i := range n {
		q := Quality{Score: r.u8(field)}
		if q.Score > 100 && q.Score != QualityFailed { // before formatting the field's name
			r.check(false, 1, templates.ReasonQuality, fmt.Sprintf("%s: score %d", field, i+1), q.Score, "0..100 or 255")
		}
		q.Vendor, q.Algorithm = r.u16(field), r.u16(field)
		c.Quality = append(c.Quality, q)
	}
	return c
}

func (c *Capture) append(dst []byte) []byte {
	dst = c.Date.append(dst)
	dst = append(dst, c.Technology)
	dst = binary.BigEndian.AppendUint16(dst, c.Vendor)
	dst = binary.BigEndian.AppendUint16(dst, c.Device)
	dst = append(dst, uint8(len(c.Quality)))
	for _, q := range c.Quality {
		dst = append(dst, q.Score)
		dst = binary.BigEndian.AppendUint16(dst, q.Vendor)
		dst = binary.BigEndian.AppendUint16(dst, q.Algorithm)
	}
	return dst
}

func (c *Capture) size() int { return captureSize + len(c.Quality)*qualitySize }

// checkCounts is what append would cut off.
func (c *Capture) checkCounts(field string) error {
	return checkCount(field+": quality blocks", len(c.Quality), math.MaxUint8)
}

func checkCount(field string, n, limit int) error {
	if n > limit {
		return templates.Bad(templates.ReasonOversized, field, n, fmt.Sprintf("<= %d", limit))
	}
	return nil
}

// show writes what the capture says into the view.
func (c *Capture) show(v *View) {
	v.Captured, v.Quality = c.Date.Time(), c.Quality
	if c.Vendor != 0 || c.Device != 0 || c.Technology != 0 {
		v.Device = fmt.Sprintf("vendor 0x%04x, device 0x%04x, technology %d", c.Vendor, c.Device, c.Technology)
	}
}
