package exchange

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"

	"immis/templates"
	"immis/templates/imagerecord"
	"immis/templates/iso19794"
)

// lie changes bytes of the sound sample of a format.
func lie(f templates.Format, change func(b []byte) []byte) func(testing.TB) []byte {
	return func(t testing.TB) []byte { return change(bytes.Clone(sound(t)[f])) }
}

// put writes a number of a size at a place; a place below 0 counts from the end.
func put(place, size, v int) func([]byte) []byte {
	return func(b []byte) []byte {
		from := place
		if place < 0 {
			from += len(b)
		}
		copy(b[from:], big(size, v))
		return b
	}
}

// portraits is a face image record with the same image many times.
func portraits(t testing.TB, n, width, height int, payload []byte) []byte {
	t.Helper()
	v := imagerecord.View{Modality: templates.ModalityFace, Format: templates.FormatJPEG, Payload: payload, Width: width, Height: height}
	r, err := imagerecord.NewFace2005(slices.Repeat([]imagerecord.View{v}, n))
	if err != nil {
		t.Fatal(err)
	}
	data, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// prints is a finger image record with the same PNG many times, each with a word of
// the record about its size that is true.
func prints(t testing.TB, n, width, height int, ppi float64, payload []byte) []byte {
	t.Helper()
	v := imagerecord.View{Modality: templates.ModalityFinger, Position: 2, Format: templates.FormatPNG, Payload: payload, BitDepth: 8, Width: width, Height: height, PPIX: ppi, PPIY: ppi}
	r, err := imagerecord.NewFinger2011(slices.Repeat([]imagerecord.View{v}, n))
	if err != nil {
		t.Fatal(err)
	}
	data, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func recordBombs() []bomb {
	const (
		iso05, iso11           = templates.FormatISO19794_2_2005, templates.FormatISO19794_2_2011
		normal, compact        = templates.FormatISO19794_2_CardNormal, templates.FormatISO19794_2_CardCompact
		fir05, fir11           = templates.FormatISO19794_4_2005, templates.FormatISO19794_4_2011
		fac05, fac11           = templates.FormatISO19794_5_2005, templates.FormatISO19794_5_2011
		counts                 = "TRUNCATED MALFORMED WRONG_LENGTH TRAILING_BYTES OUT_OF_RANGE"
		length                 = "TRUNCATED WRONG_LENGTH OVERSIZED MALFORMED OUT_OF_RANGE"
		k32                    = 32768
		float32s, halves, ints = templates.FormatFaceFloat32, templates.FormatFaceFloat16, templates.FormatFaceInt8
	)
	longest := func(b []byte) []byte { return put(8, 4, 1<<32-1)(b) }
	size := func(width, height int) func([]byte) []byte {
		return func(b []byte) []byte { return resized(b, width, height) }
	}
	is := func(data []byte) func(testing.TB) []byte { return func(testing.TB) []byte { return data } }
	out := []bomb{
		{"255 views announced", iso05, counts, lie(iso05, put(22, 1, 255))},
		{"176 views announced", iso05, counts, lie(iso05, put(22, 1, 176))},
		{"255 minutiae announced", iso05, counts, lie(iso05, put(27, 1, 255))},
		{"length of 2^32-1", iso05, length, lie(iso05, longest)},
		{"extended data of 65,535", iso05, "TRUNCATED", lie(iso05, put(-2, 2, 65535))},
		{"176 views of 60 minutiae", iso05, "", func(t testing.TB) []byte {
			f := templates.Finger{Position: 2, Width: 300, Height: 400, Quality: 80, Minutiae: make([]templates.Minutia, 60)}
			for i := range f.Minutiae {
				f.Minutiae[i] = templates.Minutia{X: uint16(16 * i), Y: uint16(16 * i)}
			}
			var fingers []templates.Finger
			for i := range 176 {
				f.Position = templates.Position(i / 16)
				fingers = append(fingers, f)
			}
			r, err := iso19794.FromFingers(fingers, iso19794.Capture{})
			if err != nil {
				t.Fatal(err)
			}
			data, err := r.AppendBinary(nil)
			if err != nil {
				t.Fatal(err)
			}
			return data
		}},
		{"length of 2^32-1", iso11, length, lie(iso11, longest)},
		{"65,535 views announced", iso11, counts, lie(iso11, put(12, 2, 65535))},
		{"all lengths of 2^32-1", iso11, length, lie(iso11, func(b []byte) []byte { return put(15, 4, 1<<32-1)(longest(b)) })},
		{"64 KiB of minutiae", normal, "OVERSIZED MINUTIA_COUNT WRONG_LENGTH", lie(normal, func(b []byte) []byte { return bytes.Repeat(b, 1<<16/len(b)) })},
		{"part of a minutia", normal, "WRONG_LENGTH TRUNCATED", lie(normal, func(b []byte) []byte { return b[:len(b)-1] })},
		{"16 MiB of minutiae", compact, "OVERSIZED MINUTIA_COUNT WRONG_LENGTH", lie(compact, func(b []byte) []byte { return bytes.Repeat(b, MaxSize/len(b)) })},

		{"32k x 32k pixels", fir05, counts, lie(fir05, size(k32, k32))},
		{"length of 2^48-1", fir05, length, lie(fir05, put(8, 6, 1<<48-1))},
		{"255 fingers announced", fir05, counts, lie(fir05, put(18, 1, 255))},
		{"image of 2^32-1", fir05, length, lie(fir05, put(32, 4, 1<<32-1))},
		{"32k x 32k pixels", fir11, "OVERSIZED", lie(fir11, size(k32, k32))},
		{"length of 2^32-1", fir11, length, lie(fir11, longest)},
		{"65,535 images announced", fir11, counts, lie(fir11, put(12, 2, 65535))},
		{"image of 2^32-1", fir11, length, lie(fir11, put(16, 4, 1<<32-1))},
		{"PNG of 32k x 32k inside", fir11, "OVERSIZED", func(t testing.TB) []byte {
			return prints(t, 1, k32, k32, 500, pngFile(k32, k32, chunk("IDAT", deflated(nil))))
		}},
		{"500 ppi, the PNG inside 1000", fir11, "", func(t testing.TB) []byte { // the record counts
			return prints(t, 1, 1, 1, 500, pngFile(1, 1, chunk("pHYs", []byte{0, 0, 0x99, 0xca, 0, 0, 0x99, 0xca, 1}), chunk("IDAT", deflated([]byte{0, 0}))))
		}},
		{"500 x 1000 ppi", fir11, "IMPOSSIBLE_RESOLUTION", func(t testing.TB) []byte {
			b := bytes.Clone(samples(t)[fir11])
			from := 16 + bytes.LastIndex(b[16:200], slices.Concat(big(2, 500), big(2, 500)))
			return put(from, 2, 1000)(b)
		}},
		{"60 images of 4 Mi zeros", fir11, "OVERSIZED", func(t testing.TB) []byte {
			return prints(t, 60, 2048, 2048, 500, pngFile(2048, 2048, chunk("IDAT", deflated(make([]byte, 2049*2048)))))
		}},
		{"32k x 32k pixels", fac05, "OVERSIZED", lie(fac05, size(k32, k32))},
		{"length of 2^32-1", fac05, length, lie(fac05, longest)},
		{"65,535 faces announced", fac05, counts, lie(fac05, put(12, 2, 65535))},
		{"65,535 landmarks announced", fac05, counts, lie(fac05, put(18, 2, 65535))},
		{"40 portraits of 8 Mi pixels", fac05, "OVERSIZED", func(t testing.TB) []byte {
			return portraits(t, 40, 4096, 2048, jpegFile(0xc0, 4096, 2048, scan(0, 63, 0, make([]byte, 1<<17/4)...)))
		}},
		{"32k x 32k pixels", fac11, "OVERSIZED", lie(fac11, size(k32, k32))},
		{"length of 2^32-1", fac11, length, lie(fac11, longest)},
		{"65,535 faces announced", fac11, counts, lie(fac11, put(12, 2, 65535))},

		{"NaN", float32s, "NOT_FINITE", is(bytes.Repeat(little(4, int(math.Float32bits(float32(math.NaN())))), 512))},
		{"16 MiB", float32s, "WRONG_DIMENSION OVERSIZED", is(make([]byte, MaxSize))},
		{"largest numbers", float32s, " NOT_FINITE OUT_OF_RANGE", is(bytes.Repeat(slices.Concat(little(4, int(math.Float32bits(math.MaxFloat32))), little(4, 0)), 2048))},
		{"infinite", halves, "NOT_FINITE", is(bytes.Repeat(little(2, 0x7c00), 512))},
		{"zeros", ints, "ZERO_VECTOR", is(make([]byte, 512))},
	}
	for f := templates.FormatANSI378_2004; f <= templates.FormatANSI378_2009AM1; f++ {
		long := put(8, 2, 65535)
		if f >= templates.FormatANSI378_2009 {
			long = longest
		}
		out = append(out, bomb{"length of all ones", f, length, lie(f, long)}, bomb{"every byte behind the magic 255", f, "any", lie(f, func(b []byte) []byte {
			return append(b[:8:8], bytes.Repeat([]byte{0xff}, 60_000)...)
		})}, bomb{"a count for each byte", f, counts, lie(f, func(b []byte) []byte {
			// The last view's count stands before its first minutia, which is of 6 bytes;
			// extended data of length 0 follow.
			b[len(b)-2-6-1] = 255
			return b
		})})
	}
	return out
}

// TestLengthsThatOverflow: whichever 4 or 2 bytes of a sound record are a length or a
// count, the largest number in them, or one that overflows with what stands beside it,
// makes no decoder take memory or time.
func TestLengthsThatOverflow(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 7
	}
	tried := 0
	for f, data := range sound(t) {
		for i := 0; i < min(len(data), 300); i += step {
			for _, v := range []uint32{math.MaxUint32, math.MaxInt32, 1 << 31, math.MaxUint32 - 7} {
				for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
					b := bytes.Clone(data)
					copy(b[i:], order.AppendUint32(nil, v))
					tried++
					if _, _, err := take(f, b, anyWay(f)); err != nil {
						reasonOf(t, err)
					}
				}
			}
		}
	}
	t.Logf("%d files", tried)
}

// TestPixelsOfRecord: the images of a record may have so many pixels together, and the
// error says at which image that was too much.
func TestPixelsOfRecord(t *testing.T) {
	const side = 2048
	blank := pngFile(side, side, chunk("IDAT", deflated(make([]byte, (side+1)*side))))
	most := MaxRecordPixels / (side * side)
	if _, err := Decode(templates.FormatISO19794_4_2011, prints(t, most, side, side, 500, blank), Options{}); err != nil {
		t.Errorf("%d images: %v", most, err)
	}
	_, err := Decode(templates.FormatISO19794_4_2011, prints(t, most+1, side, side, 500, blank), Options{})
	var bad *templates.InputError
	if !errors.As(err, &bad) || bad.Reason != templates.ReasonOversized || bad.Offset < most*len(blank) {
		t.Errorf("%d images: %v", most+1, err)
	}
}
