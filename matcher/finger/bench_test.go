package finger

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"immis/templates"
)

var (
	sinkScore    Score
	sinkTemplate *Template
)

// BenchmarkCompare measures one probe against references in turn; its inverse
// is comparisons per second and core.
func BenchmarkCompare(b *testing.B) {
	for _, n := range []int{40, 80} {
		for _, mated := range []bool{false, true} {
			b.Run(fmt.Sprintf("modality=finger/minutiae=%d/mated=%v", n, mated), func(b *testing.B) {
				r := rand.New(rand.NewPCG(7, uint64(n)))
				base := finger(r, n)
				probe := Prepare(base)
				refs := make([]*Template, 256)
				for i := range refs {
					if mated {
						refs[i] = Prepare(impression(r, base, 0.15*r.NormFloat64(), 20*r.NormFloat64(), 20*r.NormFloat64()))
					} else {
						refs[i] = Prepare(finger(r, n))
					}
				}
				var c Comparer
				b.ReportAllocs()
				k := 0
				for b.Loop() {
					sinkScore = c.Compare(probe, refs[k&255])
					k++
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "comparisons/s")
			})
		}
	}
}

// BenchmarkCompareReal is the same on real prints, all pairs of different
// fingers of one set: synthetic ones agree by chance less often.
func BenchmarkCompareReal(b *testing.B) {
	for _, extractor := range []string{"commercial", "mindtct"} {
		b.Run("modality=finger/extractor="+extractor+"/mated=false", func(b *testing.B) {
			set := realSet(b, extractor, sets[0])
			minutiae := 0
			for f := range set {
				for _, t := range set[f] {
					minutiae += t.Len()
				}
			}
			var c Comparer
			p, q := 0, 0
			for b.Loop() {
				if q++; q == 80 {
					p, q = (p+1)%80, 0
				}
				if p/8 == q/8 {
					q = (q/8*8 + 8) % 80
				}
				sinkScore = c.Compare(set[p/8][p%8], set[q/8][q%8])
			}
			b.ReportMetric(float64(minutiae)/80, "minutiae")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "comparisons/s")
		})
	}
}

func BenchmarkPrepare(b *testing.B) {
	r := rand.New(rand.NewPCG(8, 1))
	fingers := make([]*templates.Finger, 64)
	for i := range fingers {
		fingers[i] = finger(r, 40)
	}
	b.Run("modality=finger/minutiae=40", func(b *testing.B) {
		b.ReportAllocs()
		k := 0
		for b.Loop() {
			sinkTemplate = Prepare(fingers[k&63])
			k++
		}
		b.ReportMetric(float64(sinkTemplate.Bytes()), "bytes")
	})
}
