package simd

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"
)

// The reading loops must really read everything: their sum is the portable one's.
func TestReadSum(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 51))
	buf := make([]byte, 64<<10+100)
	for i := range buf {
		buf[i] = byte(r.Uint32())
	}
	for _, size := range []int{0, 511, 512, 513, 1024, 5000, 64 << 10, 64<<10 + 100} {
		want := uint64(0)
		for i := 0; i < size/readLine*readLine; i += 8 {
			want += binary.LittleEndian.Uint64(buf[i:])
		}
		for _, ahead := range []int{0, prefetchAhead} {
			if got := readSum(buf[:size], ahead); got != want {
				t.Errorf("%d bytes, %d ahead: got %d, want %d", size, ahead, got, want)
			}
			if size < readLine {
				continue
			}
			for _, k := range built() {
				if k.Op == OpInt8 && k.Level != Portable && len(k.Lacks) == 0 {
					if got := readVector(k.Level, buf, size/readLine, ahead); got != want {
						t.Errorf("%s, %d bytes, %d ahead: got %d, want %d", k.Level, size, ahead, got, want)
					}
				}
			}
		}
		if got := readPortable(buf[:size/readLine*readLine]); got != want {
			t.Errorf("portable, %d bytes: got %d, want %d", size, got, want)
		}
	}
}

func TestReadStreams(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 52))
	buf, want := make([]byte, 2*streamPiece+600), uint64(0)
	for i := 0; i+8 <= len(buf); i += 8 {
		v := r.Uint64()
		binary.LittleEndian.PutUint64(buf[i:], v)
		if i < 2*streamPiece {
			want += v
		}
	}
	if best()[OpInt8] != AVX512 {
		want = 0
	}
	if got := readStreams(buf); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}

func TestMeasure(t *testing.T) {
	now := time.Duration(0)
	clock := func() time.Duration { now += time.Second; return now }
	if got := MeasureRead(make([]byte, 1025), 2, clock); got != 1024 {
		t.Errorf("reading: %g bytes per second, want 1024", got)
	}
	stopped := func() time.Duration { return 0 }
	if got := MeasureRead(make([]byte, 1024), 2, stopped); got != 0 {
		t.Errorf("reading on a stopped clock: %g bytes per second, want 0", got)
	}
	got, ok := MeasureVNNI(1000, clock)
	undo, err := Force("int8/avx512")
	if ok != (err == nil) {
		t.Errorf("VNNI peak: %v, the kernel that needs it: %v", ok, err)
	}
	if err == nil {
		undo()
	}
	if ok && got != 1000*24*64 {
		t.Errorf("VNNI peak: %g per second, want %d", got, 1000*24*64)
	}
}
