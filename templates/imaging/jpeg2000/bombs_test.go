package jpeg2000

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"immis/internal/cost"
	"immis/templates"
)

// bomb is a codestream of grey samples with one tile and its packets as given.
func bomb(w, h, levels, layers, block int, precinct []byte, exponent byte, extra, packets []byte) []byte {
	r := recipe{w: 1, h: 1, levels: levels, cbW: block, cbH: block}.defaults()
	d := encode(r, [][]int{{128}})
	sot := bytes.Index(d, []byte{0xff, 0x90})
	out := bytes.Clone(d[:sot])
	for i, v := range []int{w, h, 0, 0, w, h} {
		binary.BigEndian.PutUint32(out[atSize+6+4*i:], uint32(v))
	}
	binary.BigEndian.PutUint16(out[atCoding+6:], uint16(layers))
	for i := atSteps + 5; i < len(out); i++ {
		out[i] = exponent << 3
	}
	if precinct != nil {
		out[atCoding+3] += byte(len(precinct))
		out[atCoding+4] |= 1
		out = append(out[:atSteps:atSteps], append(bytes.Clone(precinct), out[atSteps:]...)...)
	}
	out = append(out, extra...)
	out = append(out, 0xff, 0x90, 0, 10, 0, 0)
	out = binary.BigEndian.AppendUint32(out, uint32(14+len(packets)))
	out = append(out, 0, 1, 0xff, 0x93)
	out = append(out, packets...)
	return append(out, 0xff, 0xd9)
}

// TestBombs: small inputs that claim much cost little.
func TestBombs(t *testing.T) {
	fill := func(n int, b byte) []byte { return bytes.Repeat([]byte{b}, n) }
	tiles := func(parts bool) []byte {
		d := bomb(255, 257, 0, 1, 4, nil, 11, nil, nil)
		binary.BigEndian.PutUint32(d[atSize+22:], 1)
		binary.BigEndian.PutUint32(d[atSize+26:], 1)
		d = d[:bytes.Index(d, []byte{0xff, 0x90})]
		for i := range 65535 {
			if parts {
				d = append(d, 0xff, 0x90, 0, 10, byte(i>>8), byte(i), 0, 0, 0, 15, 0, 1, 0xff, 0x93, 0)
			}
		}
		return append(d, 0xff, 0xd9)
	}
	// All blocks are there, with many passes over nothing.
	passes := func(n, blocks int) []byte {
		var w bitWriter
		w.put(1, 1)
		list := make([]coded, blocks*blocks)
		for i := range list {
			list[i] = coded{planes: 30, segments: [][]byte{nil}, passes: []int{n}}
		}
		bodies := make([][]byte, 1)
		headers := []bitWriter{w}
		writeBlocks(headers, bodies, list, blocks, blocks, 30, recipe{})
		return headers[0].end()
	}
	changes := func(n int) []byte {
		d := []byte{0xff, 0x5f, byte((2 + 7*n) >> 8), byte(2 + 7*n)}
		for range n {
			d = append(d, 0, 0, 0xff, 0xff, 33, 1, 3)
		}
		return d
	}
	random := make([]byte, 4000)
	rnd := rand.New(rand.NewPCG(1, 1))
	for i := range random {
		random[i] = byte(rnd.UintN(256))
	}
	for _, c := range []struct {
		name string
		data []byte
		want templates.Reason
	}{
		{"32k x 32k", bomb(32768, 32768, 0, 1, 4, nil, 11, nil, fill(1, 0)), templates.ReasonOversized},
		{"2^32 x 2^32", bomb(1<<32-1, 1<<32-1, 0, 1, 4, nil, 11, nil, fill(1, 0)), templates.ReasonOversized},
		{"8k x 8k empty", bomb(8000, 8000, 0, 1, 6, nil, 11, nil, fill(1, 0)), templates.ReasonOversized},
		{"2k x 2k empty", bomb(2000, 2000, 0, 1, 6, nil, 11, nil, fill(1, 0)), ""},
		{"65535 tiles in 100 bytes", tiles(false), templates.ReasonTruncated},
		{"65535 tiles", tiles(true), ""},
		{"32 levels", bomb(2000, 2000, 32, 1, 6, nil, 11, nil, fill(33, 0)), ""},
		{"65535 layers in 100 bytes", bomb(2000, 2000, 0, 65535, 6, nil, 11, nil, fill(1, 0)), templates.ReasonTruncated},
		{"65535 layers", bomb(2000, 2000, 0, 65535, 6, nil, 11, nil, fill(65535, 0)), ""},
		{"65535 layers of not yet", bomb(2000, 2000, 0, 65535, 2, nil, 11, nil, fill(65535, 0x80)), templates.ReasonOversized},
		{"precincts of 1 in 100 bytes", bomb(2000, 2000, 1, 1, 6, []byte{0, 0x11}, 11, nil, fill(1, 0)), templates.ReasonTruncated},
		{"precincts of 1", bomb(1000, 1000, 1, 1, 6, []byte{0, 0x11}, 11, nil, fill(500000, 0)), ""},
		{"precincts of 1 with blocks", bomb(1000, 1000, 1, 1, 6, []byte{0, 0x11}, 11, nil, fill(500000, 0x80)), ""},
		{"precincts of 1 and changes", bomb(1000, 1000, 1, 1, 6, []byte{0, 0x11}, 11, changes(32), fill(500000, 0)), ""},
		{"33 changes", bomb(10, 10, 0, 1, 6, nil, 11, changes(33), fill(1, 0)), templates.ReasonUnsupported},
		{"2k x 2k of 4x4 blocks", bomb(2000, 2000, 0, 1, 2, nil, 11, nil, fill(1, 0x80)), templates.ReasonOversized},
		{"1024 blocks of 88 passes", bomb(2048, 2048, 0, 1, 6, nil, 28, nil, passes(88, 32)), templates.ReasonOversized},
		{"1024 blocks of 6 passes", bomb(2048, 2048, 0, 1, 6, nil, 28, nil, passes(6, 32)), ""},
		{"256 blocks of 22 passes", bomb(1024, 1024, 0, 1, 6, nil, 28, nil, passes(22, 16)), ""},
		{"noise", bomb(2000, 2000, 0, 1, 6, nil, 28, nil, append([]byte{0xff}, random...)), "any"},
		{"noise in 4x4 blocks", bomb(2000, 2000, 5, 2, 2, nil, 28, nil, append([]byte{0x80}, random...)), "any"},
	} {
		var err error
		start := time.Now()
		mib := float64(cost.Allocated(1, func() { _, _, err = Decode(c.data, Limits{}) })) / (1 << 20)
		took := time.Since(start)
		if got := reasonOf(t, err); got != c.want && c.want != "any" {
			t.Errorf("%s: %v (%s), want %q", c.name, err, got, c.want)
		}
		// The bound on time is 250 ms on an idle core; here it only tells a
		// machine that is busy from one that will never end.
		if mib > 64 || took > 20*time.Second {
			t.Errorf("%s: %.0f MiB in %v, want <= 64 MiB in 20 s", c.name, mib, took)
		}
		t.Logf("%s: %d bytes, %.1f MiB, %v, %v", c.name, len(c.data), mib, took.Round(time.Millisecond), err)
	}
}

// TestFarAway: an image at the far corner of the reference grid.
func TestFarAway(t *testing.T) {
	d := bomb(1<<32-1, 1<<32-1, 1, 1, 4, nil, 11, nil, nil)
	sot := bytes.Index(d, []byte{0xff, 0x90})
	copy(d[atSize+14:], []byte{0xff, 0xff, 0xff, 0xf0, 0xff, 0xff, 0xff, 0xf0}) // 15 x 15 pixels
	d = append(d[:sot+6:sot+6], 0, 0, 0, 0, 0, 1, 0xff, 0x93, 0, 0, 0xff, 0xd9)
	img, c, err := Decode(d, Limits{})
	if err != nil || c.Width != 15 || img.Bounds().Dx() != 15 {
		t.Errorf("%+v, %v", c, err)
	}
}
