package jpeg2000

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"testing"

	"immis/internal/cost"
	"immis/templates"
)

// Places in the codestreams of the test encoder, without precincts.
const (
	atSize, atCoding, atSteps = 2, 45, 59
)

func small(t testing.TB) []byte {
	return mustEncode(t, recipe{w: 12, h: 10, levels: 1, cbW: 2, cbH: 2}, 1)
}

// boxes puts a codestream into a JP2 file.
func boxes(w, h, n int, extra, stream []byte) []byte {
	box := func(kind string, content ...byte) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(8+len(content)))
		return append(append(b, kind...), content...)
	}
	space := byte(17)
	if n > 1 {
		space = 16
	}
	image := binary.BigEndian.AppendUint32(nil, uint32(h))
	image = binary.BigEndian.AppendUint32(image, uint32(w))
	image = append(image, 0, byte(n), 7, 7, 0, 0)
	header := append(box("ihdr", image...), box("colr", 1, 0, 0, 0, 0, 0, space)...)
	header = append(header, extra...)
	out := []byte(signature)
	out = append(out, box("ftyp", []byte("jp2 \x00\x00\x00\x00jp2 ")...)...)
	out = append(out, box("jp2h", header...)...)
	return append(out, box("jp2c", stream...)...)
}

// TestTruncated: no prefix of an image is an image.
func TestTruncated(t *testing.T) {
	for name, data := range map[string][]byte{
		"codestream": small(t),
		"layers":     mustEncode(t, recipe{w: 12, h: 10, levels: 1, layers: 3, style: styleTermAll, sop: true, eph: true}, 1),
		"tiles":      mustEncode(t, recipe{w: 12, h: 10, levels: 1, tileW: 5, tileH: 5, perPart: 1}, 1),
		"open":       mustEncode(t, recipe{w: 12, h: 10, openLength: true}, 1),
		"file":       boxes(12, 10, 1, nil, small(t)),
	} {
		if _, _, err := Decode(data, Limits{}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for n := range data {
			_, _, err := Decode(data[:n], Limits{})
			want := templates.ReasonTruncated
			if n == 0 {
				want = templates.ReasonEmpty
			}
			if got := reasonOf(t, err); got != want {
				t.Errorf("%s, %d of %d bytes: %v, want %s", name, n, len(data), err, want)
			}
		}
		if _, _, err := Decode(append(bytes.Clone(data), 0), Limits{}); err == nil {
			t.Errorf("%s: a byte more is accepted", name)
		}
	}
	// The last packet is missing, and everything else says that all is there.
	lost := mustEncode(t, recipe{w: 12, h: 10, levels: 1, drop: 1}, 1)
	if _, _, err := Decode(lost, Limits{}); reasonOf(t, err) != templates.ReasonTruncated {
		t.Errorf("without the last packet: %v", err)
	}
}

// TestPadding: bytes after the end of the codestream, as encoders with a target
// size leave them, are accepted inside a box only.
func TestPadding(t *testing.T) {
	padded := append(small(t), 1, 2, 3)
	if _, _, err := Decode(padded, Limits{}); reasonOf(t, err) != templates.ReasonTrailing {
		t.Errorf("bare: %v", err)
	}
	if _, _, err := Decode(boxes(12, 10, 1, nil, padded), Limits{}); err != nil {
		t.Errorf("boxed: %v", err)
	}
	file := boxes(12, 10, 1, nil, small(t))
	for name, behind := range map[string][]byte{"codestream": small(t), "file": file} {
		if _, _, err := Decode(boxes(12, 10, 1, nil, append(small(t), behind...)), Limits{}); reasonOf(t, err) != templates.ReasonTrailing {
			t.Errorf("a second %s in the box: %v", name, err)
		}
	}
	if _, _, err := Decode(append(file, make([]byte, 100)...), Limits{}); reasonOf(t, err) != templates.ReasonTrailing {
		t.Errorf("zeros behind the last box: %v", err)
	}
}

// TestBadFields: each field out of its range.
func TestBadFields(t *testing.T) {
	good := small(t)
	at := func(i int, b ...byte) func([]byte) []byte {
		return func(d []byte) []byte { copy(d[i:], b); return d }
	}
	insert := func(i int, b ...byte) func([]byte) []byte {
		return func(d []byte) []byte { return append(d[:i:i], append(b, d[i:]...)...) }
	}
	sot := bytes.Index(good, []byte{0xff, 0x90})
	sod := sot + 12
	for _, c := range []struct {
		name   string
		change func([]byte) []byte
		want   templates.Reason
	}{
		{"magic", at(0, 0xfe), templates.ReasonWrongMagic},
		{"no SIZ", at(3, 0x52), templates.ReasonWrongMagic},
		{"SIZ length", at(atSize+2, 0, 1), templates.ReasonWrongLength},
		{"SIZ short", at(atSize+2, 0, 20), templates.ReasonWrongLength},
		{"SIZ long", at(atSize+2, 0, 42), templates.ReasonWrongLength},
		{"SIZ beyond", at(atSize+2, 0xff, 0xff), templates.ReasonTruncated},
		{"high throughput", at(atSize+4, 0x40), templates.ReasonUnsupported},
		{"part 2", at(atSize+4, 0x80), templates.ReasonUnsupported},
		{"no width", at(atSize+6, 0, 0, 0, 0), templates.ReasonOutOfRange},
		{"no height", at(atSize+10, 0, 0, 0, 0), templates.ReasonOutOfRange},
		{"origin beyond", at(atSize+14, 0, 0, 1, 0), templates.ReasonOutOfRange},
		{"no tile width", at(atSize+22, 0, 0, 0, 0), templates.ReasonOutOfRange},
		{"tile origin beyond", at(atSize+30, 0, 0, 0, 1), templates.ReasonOutOfRange},
		{"many tiles", at(atSize+6, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1), templates.ReasonOutOfRange},
		{"no components", at(atSize+38, 0, 0), templates.ReasonUnsupported},
		{"two components", at(atSize+38, 0, 2), templates.ReasonUnsupported},
		{"16384 components", at(atSize+38, 0x40, 0), templates.ReasonUnsupported},
		{"17 bits", at(atSize+40, 16), templates.ReasonUnsupported},
		{"no subsampling", at(atSize+41, 0), templates.ReasonUnsupported},
		{"subsampling by 3", at(atSize+42, 3), templates.ReasonUnsupported},
		{"CAP", insert(atCoding, 0xff, 0x50, 0, 4, 0, 0), templates.ReasonUnsupported},
		{"PPM", insert(atCoding, 0xff, 0x60, 0, 4, 0, 0), templates.ReasonUnsupported},
		{"PPT", func(d []byte) []byte {
			d[sot+9] += 5
			return insert(sod, 0xff, 0x61, 0, 3, 0)(d)
		}, templates.ReasonUnsupported},
		{"no marker", insert(atCoding, 0x12, 0x34), templates.ReasonMalformed},
		{"unknown marker", insert(atCoding, 0xff, 0x74, 0, 2), templates.ReasonUnsupported},
		{"coding style", at(atCoding+4, 8), templates.ReasonUnsupported},
		{"order", at(atCoding+5, 5), templates.ReasonOutOfRange},
		{"no layers", at(atCoding+6, 0, 0), templates.ReasonOutOfRange},
		{"many layers", at(atCoding+6, 0xff, 0xff), templates.ReasonTruncated},
		{"transform", at(atCoding+8, 2), templates.ReasonUnsupported},
		{"transform of grey", at(atCoding+8, 1), templates.ReasonMalformed},
		{"levels", at(atCoding+9, 33), templates.ReasonOutOfRange},
		{"levels without steps", at(atCoding+9, 2), templates.ReasonMalformed},
		{"block width", at(atCoding+10, 9), templates.ReasonOutOfRange},
		{"block height", at(atCoding+11, 9), templates.ReasonOutOfRange},
		{"block size", at(atCoding+10, 8, 3), templates.ReasonOutOfRange},
		{"high-throughput blocks", at(atCoding+12, 0x40), templates.ReasonUnsupported},
		{"wavelet", at(atCoding+13, 2), templates.ReasonUnsupported},
		{"precincts are missing", at(atCoding+4, 1), templates.ReasonWrongLength},
		{"no COD", func(d []byte) []byte { return append(d[:atCoding:atCoding], d[atSteps:]...) }, templates.ReasonMalformed},
		{"no QCD", func(d []byte) []byte { return append(d[:atSteps:atSteps], d[sot:]...) }, templates.ReasonMalformed},
		{"quantization style", at(atSteps+4, 3), templates.ReasonOutOfRange},
		{"derived steps", at(atSteps+4, 1), templates.ReasonWrongLength},
		{"steps of a reversible wavelet", func(d []byte) []byte {
			return append(append(d[:atSteps:atSteps], 0xff, 0x5c, 0, 5, 1, 0x40, 0), d[sot:]...)
		}, templates.ReasonUnsupported},
		{"no steps", func(d []byte) []byte {
			return append(append(d[:atSteps:atSteps], 0xff, 0x5c, 0, 3, 0), d[sot:]...)
		}, templates.ReasonWrongLength},
		{"98 steps", func(d []byte) []byte {
			return append(append(append(d[:atSteps:atSteps], 0xff, 0x5c, 0, 101, 0), make([]byte, 98)...), d[sot:]...)
		}, templates.ReasonWrongLength},
		{"COC of a component", insert(atSteps, 0xff, 0x53, 0, 9, 1, 0, 1, 2, 2, 0, 1), templates.ReasonOutOfRange},
		{"COC style", insert(atSteps, 0xff, 0x53, 0, 9, 0, 2, 1, 2, 2, 0, 1), templates.ReasonOutOfRange},
		{"QCC of a component", insert(atSteps, 0xff, 0x5d, 0, 5, 1, 0, 0), templates.ReasonOutOfRange},
		{"QCC short", insert(atSteps, 0xff, 0x5d, 0, 2), templates.ReasonWrongLength},
		{"RGN style", insert(atSteps, 0xff, 0x5e, 0, 5, 0, 1, 0), templates.ReasonUnsupported},
		{"RGN shift", insert(atSteps, 0xff, 0x5e, 0, 5, 0, 0, 38), templates.ReasonOutOfRange},
		{"POC empty", insert(atSteps, 0xff, 0x5f, 0, 2), templates.ReasonWrongLength},
		{"POC order", insert(atSteps, 0xff, 0x5f, 0, 9, 0, 0, 0, 1, 2, 1, 5), templates.ReasonOutOfRange},
		{"POC of nothing", insert(atSteps, 0xff, 0x5f, 0, 9, 1, 0, 0, 1, 1, 1, 0), templates.ReasonOutOfRange},
		{"POC short", insert(atSteps, 0xff, 0x5f, 0, 8, 1, 0, 0, 1, 2, 1), templates.ReasonWrongLength},
		{"POC leaves out", insert(atSteps, 0xff, 0x5f, 0, 9, 0, 0, 0, 1, 1, 1, 0), templates.ReasonMalformed},
		{"SOT length", at(sot+2, 0, 9), templates.ReasonWrongLength},
		{"tile", at(sot+4, 0, 1), templates.ReasonOutOfRange},
		{"tile-part short", at(sot+6, 0, 0, 0, 13), templates.ReasonWrongLength},
		{"tile-part long", at(sot+6, 0, 0, 0xff, 0), templates.ReasonTruncated},
		{"tile-part index", at(sot+10, 1), templates.ReasonMalformed},
		{"tile-part count", at(sot+11, 2), templates.ReasonTruncated},
		{"no SOD", at(sod, 0xff, 0x64, 0, 2), templates.ReasonMalformed},
		{"no EOC", func(d []byte) []byte { return append(d[:len(d)-2], 0xff, 0x64) }, templates.ReasonMalformed},
		{"bytes after the packets", func(d []byte) []byte {
			d = insert(len(d)-2, 0)(d)
			d[sot+9]++
			return d
		}, templates.ReasonTrailing},
		{"more blocks than bytes", at(sod+2, 0xff, 0x7f, 0xff, 0x7f), templates.ReasonMalformed},
	} {
		_, _, err := Decode(c.change(bytes.Clone(good)), Limits{})
		if got := reasonOf(t, err); got != c.want {
			t.Errorf("%s: %v (%s), want %s", c.name, err, got, c.want)
		}
	}
	if _, _, err := Decode(good, Limits{Pixels: 119}); reasonOf(t, err) != templates.ReasonOversized {
		t.Errorf("120 pixels of 119: %v", err)
	}
	if _, _, err := Decode(good, Limits{Pixels: 120}); err != nil {
		t.Errorf("120 pixels of 120: %v", err)
	}
}

// TestBoxes: what the boxes say, and what is wrong with them.
func TestBoxes(t *testing.T) {
	res := func(content ...byte) []byte {
		b := []byte{0, 0, 0, byte(16 + len(content)), 'r', 'e', 's', ' ', 0, 0, 0, byte(8 + len(content)), 'r', 'e', 's', 'c'}
		return append(b, content...)
	}
	gray := small(t)
	colour := mustEncode(t, recipe{w: 12, h: 10, n: 3}, 1)
	four := mustEncode(t, recipe{w: 12, h: 10, n: 4}, 1)
	cdef := func(v ...byte) []byte {
		b := []byte{0, 0, 0, byte(10 + 6*len(v)/3), 'c', 'd', 'e', 'f', 0, byte(len(v) / 3)}
		for _, x := range v {
			b = append(b, 0, x)
		}
		return b
	}
	at := func(i int, b ...byte) func([]byte) []byte {
		return func(d []byte) []byte { copy(d[i:], b); return d }
	}
	keep := at(0)
	for _, c := range []struct {
		name   string
		data   []byte
		change func([]byte) []byte
		want   templates.Reason
	}{
		{"grey", boxes(12, 10, 1, nil, gray), keep, ""},
		{"colour", boxes(12, 10, 3, nil, colour), keep, ""},
		{"sYCC", boxes(12, 10, 3, nil, colour), at(76, 18), ""},
		{"reordered", boxes(12, 10, 3, cdef(2, 0, 1, 0, 0, 2, 1, 0, 3), colour), keep, ""},
		{"opacity", boxes(12, 10, 4, cdef(0, 0, 1, 1, 0, 2, 2, 0, 3, 3, 1, 0), four), keep, ""},
		{"premultiplied", boxes(12, 10, 4, cdef(0, 0, 1, 1, 0, 2, 2, 0, 3, 3, 2, 0), four), keep, templates.ReasonUnsupported},
		{"channel twice", boxes(12, 10, 3, cdef(0, 0, 1, 0, 0, 2, 2, 0, 3), colour), keep, templates.ReasonMalformed},
		{"channel beyond", boxes(12, 10, 3, cdef(3, 0, 1, 0, 0, 2, 2, 0, 3), colour), keep, templates.ReasonOutOfRange},
		{"five channels", boxes(12, 10, 3, cdef(0, 0, 1, 0, 0, 2, 2, 0, 3, 0, 0, 0, 0, 0, 0), colour), keep, templates.ReasonUnsupported},
		{"grey of a colour image", boxes(12, 10, 3, nil, colour), at(76, 17), templates.ReasonMalformed},
		{"colour of a grey image", boxes(12, 10, 1, nil, gray), at(76, 16), templates.ReasonMalformed},
		{"CMYK", boxes(12, 10, 3, nil, colour), at(76, 12), templates.ReasonUnsupported},
		{"profile", boxes(12, 10, 3, nil, colour), at(70, 2), ""},
		{"method 0", boxes(12, 10, 3, nil, colour), at(70, 0), templates.ReasonOutOfRange},
		{"method of Part 2", boxes(12, 10, 3, nil, colour), at(70, 3), ""},
		{"palette", boxes(12, 10, 1, []byte("\x00\x00\x00\x08pclr"), gray), keep, templates.ReasonUnsupported},
		{"resolution", boxes(12, 10, 1, res(1, 0, 1, 0, 1, 0, 1, 0, 2, 2), gray), keep, ""},
		{"resolution of 0", boxes(12, 10, 1, res(1, 0, 0, 0, 1, 0, 1, 0, 2, 2), gray), keep, templates.ReasonResolution},
		{"short resolution", boxes(12, 10, 1, res(1, 0, 1, 0, 1, 0, 1, 0, 2), gray), keep, templates.ReasonWrongLength},
		{"width", boxes(13, 10, 1, nil, gray), keep, templates.ReasonMalformed},
		{"height", boxes(12, 11, 1, nil, gray), keep, templates.ReasonMalformed},
		{"components", boxes(12, 10, 3, nil, gray), keep, templates.ReasonMalformed},
		{"compression", boxes(12, 10, 1, nil, gray), at(59, 6), templates.ReasonUnsupported},
		{"brand", boxes(12, 10, 1, nil, gray), func(d []byte) []byte { copy(d[20:], "jph "); copy(d[28:], "jph "); return d }, templates.ReasonUnsupported},
		{"brands short", boxes(12, 10, 1, nil, gray), func(d []byte) []byte { return append(d[:12:12], "\x00\x00\x00\x08ftyp"...) }, templates.ReasonWrongLength},
		{"box length", boxes(12, 10, 1, nil, gray), at(15, 7), templates.ReasonWrongLength},
		{"long length", boxes(12, 10, 1, nil, gray), at(12, 0, 0, 0, 1, 'f', 't', 'y', 'p', 0xff), templates.ReasonTruncated},
		{"no header", boxes(12, 10, 1, nil, gray), at(36, 'f', 'r', 'e', 'e'), templates.ReasonMalformed},
		{"no image header", boxes(12, 10, 1, nil, gray), at(44, 'f', 'r', 'e', 'e'), templates.ReasonMalformed},
		{"signature", boxes(12, 10, 1, nil, gray), at(5, 'Q'), templates.ReasonWrongMagic},
	} {
		img, _, err := Decode(c.change(bytes.Clone(c.data)), Limits{})
		if got := reasonOf(t, err); got != c.want {
			t.Errorf("%s: %v (%s), want %q", c.name, err, got, c.want)
		}
		if m, ok := img.(*image.NRGBA); ok && c.name == "reordered" {
			want, _, err := Decode(colour, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			a, b := m.Pix, want.(*image.NRGBA).Pix
			if a[0] != b[2] || a[1] != b[0] || a[2] != b[1] {
				t.Errorf("reordered: %v of %v", a[:4], b[:4])
			}
		}
	}
	c, err := DecodeConfig(boxes(12, 10, 1, res(1, 0, 2, 0, 1, 0, 1, 0, 4, 5), gray))
	if err != nil || c.PPIY != 127 || c.PPIX != 2540 || c.Codestream {
		t.Errorf("%+v, %v, want 2540 x 127 ppi", c, err)
	}
}

// TestMutations: any byte may be anything; the answer is an image of the size in
// the header or an error with a place in the input, twice the same.
func TestMutations(t *testing.T) {
	for _, data := range [][]byte{
		small(t), boxes(12, 10, 1, nil, small(t)),
		mustEncode(t, recipe{w: 9, h: 7, n: 3, mct: true, levels: 2, style: 63, layers: 2, sop: true, eph: true, precincts: []int{2, 2, 2}}, 1),
		mustEncode(t, recipe{w: 9, h: 7, levels: 2, lossy: true, perPart: 2, tileW: 5, tileH: 4}, 1),
	} {
		for i := range data {
			for _, v := range []byte{0, 1, 0x7f, 0x80, 0xff, data[i] ^ 1, data[i] ^ 0x10} {
				d := bytes.Clone(data)
				d[i] = v
				checkAny(t, d)
			}
		}
	}
}

// checkAny checks what holds for every input.
func checkAny(t testing.TB, data []byte) {
	t.Helper()
	const pixels = 1 << 16
	var img image.Image
	var c Config
	var err error
	cost.Bounded(t, 64*pixels+64*len(data), func() { img, c, err = Decode(data, Limits{Pixels: pixels}) })
	again, _, err2 := Decode(data, Limits{Pixels: 1 << 16})
	if err != nil {
		var e *templates.InputError
		if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(data) {
			t.Fatalf("%v, for %d bytes", err, len(data))
		}
		if err2 == nil || err.Error() != err2.Error() {
			t.Fatalf("%v, then %v", err, err2)
		}
		return
	}
	if err2 != nil {
		t.Fatalf("an image, then %v", err2)
	}
	if b := img.Bounds(); b != image.Rect(0, 0, c.Width, c.Height) || b.Dx()*b.Dy()*c.Components > 1<<16 {
		t.Fatalf("image of %v, header %+v", b, c)
	}
	if header, err := DecodeConfig(data); err != nil || header != c {
		t.Fatalf("header %+v, %v, image %+v", header, err, c)
	}
	a, b := samplesOf(img), samplesOf(again)
	for i := range a {
		if len(a[i]) != c.Width*c.Height || !bytes.Equal(a[i], b[i]) {
			t.Fatalf("component %d: two images", i)
		}
	}
}
