package iso19794

import (
	"encoding/binary"
	"fmt"
	"time"

	"immis/templates"
	"immis/templates/internal/fmr"
)

// CaptureTime is when the finger was captured, in UTC (ISO/IEC 19794-1:2011,
// 12.3.3), as it stands in nine bytes: u16 year, u8 month, day, hour, minute and
// second, u16 millisecond. A part of all ones is not known, and neither is any
// part behind it.
type CaptureTime struct {
	Year                             uint16 // 1..65534
	Month, Day, Hour, Minute, Second uint8  // from 1, 1, 0, 0, 0
	Millisecond                      uint16 // 0..999
}

// UnknownTime is the time of a capture that nobody knows.
func UnknownTime() CaptureTime {
	return CaptureTime{0xffff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xffff}
}

// NewCaptureTime is a time to the millisecond; unknown for the zero time and for
// years outside 1..9999.
func NewCaptureTime(t time.Time) CaptureTime {
	t = t.UTC()
	if t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return UnknownTime()
	}
	return CaptureTime{Year: uint16(t.Year()), Month: uint8(t.Month()), Day: uint8(t.Day()), Hour: uint8(t.Hour()),
		Minute: uint8(t.Minute()), Second: uint8(t.Second()), Millisecond: uint16(t.Nanosecond() / int(time.Millisecond))}
}

// Time is the capture time, false where the day is not known or does not exist.
// Unknown parts of the day are 0.
func (c CaptureTime) Time() (time.Time, bool) {
	if c.Year == 0xffff || c.Month == 0xff || c.Day == 0xff {
		return time.Time{}, false
	}
	known := func(x uint8) int {
		if x == 0xff {
			return 0
		}
		return int(x)
	}
	millisecond := 0
	if c.Millisecond != 0xffff {
		millisecond = int(c.Millisecond)
	}
	t := time.Date(int(c.Year), time.Month(c.Month), int(c.Day), known(c.Hour), known(c.Minute), known(c.Second),
		millisecond*int(time.Millisecond), time.UTC)
	if t.Day() != int(c.Day) || t.Month() != time.Month(c.Month) {
		return time.Time{}, false
	}
	return t, true
}

func parseTime(b []byte) CaptureTime {
	return CaptureTime{Year: binary.BigEndian.Uint16(b), Month: b[2], Day: b[3], Hour: b[4], Minute: b[5], Second: b[6],
		Millisecond: binary.BigEndian.Uint16(b[7:])}
}

func (c CaptureTime) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, c.Year)
	dst = append(dst, c.Month, c.Day, c.Hour, c.Minute, c.Second)
	return binary.BigEndian.AppendUint16(dst, c.Millisecond)
}

// check checks a time that starts at byte at. That February has no 30th day is
// left to Time: a wrong calendar of a device spoils no finger.
func (c CaptureTime) check(at int, path fmr.Path) error {
	known := true
	for _, p := range [...]struct {
		name                     string
		value, unknown, from, to uint16
		at                       int
	}{
		{"year", c.Year, 0xffff, 1, 0xfffe, 0},
		{"month", uint16(c.Month), 0xff, 1, 12, 2},
		{"day", uint16(c.Day), 0xff, 1, 31, 3},
		{"hour", uint16(c.Hour), 0xff, 0, 23, 4},
		{"minute", uint16(c.Minute), 0xff, 0, 59, 5},
		{"second", uint16(c.Second), 0xff, 0, 59, 6},
		{"millisecond", c.Millisecond, 0xffff, 0, 999, 7},
	} {
		switch {
		case p.value == p.unknown:
			known = false
		case !known:
			return templates.BadAt(at+p.at, templates.ReasonOutOfRange, path.At("capture "+p.name), p.value,
				fmt.Sprintf("%d as the part before it is not known", p.unknown))
		case p.value < p.from || p.value > p.to:
			return templates.BadAt(at+p.at, templates.ReasonOutOfRange, path.At("capture "+p.name), p.value,
				fmt.Sprintf("%d..%d, or %d for unknown", p.from, p.to, p.unknown))
		}
	}
	return nil
}
