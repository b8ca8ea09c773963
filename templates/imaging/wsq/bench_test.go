package wsq

import (
	"fmt"
	"testing"
)

func BenchmarkDecode(b *testing.B) {
	for _, rate := range []float64{0.75, 2.25} {
		b.Run(fmt.Sprintf("size=545x622/rate=%v", rate), func(b *testing.B) {
			data := encoded(b, 545, 622, rate)
			for b.Loop() {
				if _, _, err := Decode(data, 1<<20); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeConfig(b *testing.B) {
	data := encoded(b, 545, 622, 0.75)
	for b.Loop() {
		if _, err := DecodeConfig(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	img := ridges(545, 622, 1)
	for b.Loop() {
		if _, err := Encode(img, Options{BitRate: 0.75}); err != nil {
			b.Fatal(err)
		}
	}
}
