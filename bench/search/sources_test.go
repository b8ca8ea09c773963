package search

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"immis/internal/simd"
)

func rowOf(s source, dim, i int) []float32 {
	out := make([]float32, dim)
	s.fill(out, i)
	return out
}

func TestPlain(t *testing.T) {
	const dim, n = 512, 4000
	p := newPlain(dim, n, 1000, 5)
	rows := make([][]float32, n)
	axes := make([]float64, dim)
	for i := range rows {
		rows[i] = rowOf(p, dim, i)
		if l := dot(rows[i], rows[i]); math.Abs(l-1) > 1e-5 {
			t.Fatalf("row %d has length %v", i, math.Sqrt(l))
		}
		for k, x := range rows[i] {
			axes[k] += float64(x*x) / n
		}
	}
	// Before the rotation the axes differ by 70 times; a random one leaves 9 % of standard
	// deviation.
	if lo, hi := slices.Min(axes), slices.Max(axes); hi > 2*lo {
		t.Errorf("variances along the axes from %v to %v: not rotated", lo, hi)
	}
	sum, squares := 0.0, 0.0
	for i := range n - 1 {
		c := dot(rows[i], rows[i+1])
		sum += c
		squares += c * c
	}
	if m, s := sum/n, math.Sqrt(squares/n); math.Abs(m) > 0.005 || math.Abs(s-0.065) > 0.004 {
		t.Errorf("cosines of strangers %v +- %v, want 0 +- 0.065", m, s)
	}
	if again := rowOf(newPlain(dim, n, 10, 5), dim, 7); !slices.Equal(again, rows[7]) {
		t.Error("a row depends on more than seed and number")
	}
	if other := rowOf(newPlain(dim, n, 10, 6), dim, 7); slices.Equal(other, rows[7]) {
		t.Error("a row does not depend on the seed")
	}
}

func TestPlainProbes(t *testing.T) {
	for _, dim := range []int{16, 100, 512} {
		p := newPlain(dim, 500, 400, 5)
		unmated := 0
		for i := range p.probes() {
			q := p.probe(i)
			if math.Abs(dot(q.vector, q.vector)-1) > 1e-5 {
				t.Fatalf("probe %d has length %v", i, dot(q.vector, q.vector))
			}
			if !q.mated {
				unmated++
				continue
			}
			mates := 0
			for row := range 500 {
				if q.isMate(uint64(row)) {
					mates++
					c := dot(q.vector, rowOf(p, dim, row))
					from, to := easyFrom, easyTo
					if i%2 == 1 {
						from, to = hardFrom, hardTo
					}
					if c < from-1e-3 || c > to+1e-3 {
						t.Errorf("%d dimensions, probe %d: cosine %v to its mate, want %v..%v", dim, i, c, from, to)
					}
				}
			}
			if mates != 1 {
				t.Errorf("probe %d has %d mates", i, mates)
			}
		}
		if unmated != 40 {
			t.Errorf("%d of 400 probes without a mate, want 40", unmated)
		}
	}
}

func TestSyntheticProbes(t *testing.T) {
	r := &run{Config: Config{Rows: 1000, Probes: 200, Seed: 1}}
	s, err := r.open(Workload{Synthetic, 128, 0.25})
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for i := range s.probes() {
		q := s.probe(i)
		row := spread(i, 200, 1000)
		if q.mated && q.isMate(uint64(row)) && dot(q.vector, rowOf(s, 128, row)) > 0.5 {
			same++
		}
	}
	if same < 170 { // of 180
		t.Errorf("%d mates are like their probes", same)
	}
}

// writeLFW writes files as those of Labeled Faces in the Wild, of synthetic vectors.
func writeLFW(t *testing.T, identities []int, vectors []byte) string {
	t.Helper()
	folder := t.TempDir()
	var index strings.Builder
	index.WriteString("row,identity_id\n")
	for i, id := range identities {
		fmt.Fprintf(&index, "%d,%d\n", i, id)
	}
	for name, b := range map[string][]byte{"mbf_y1_128-lfw.f16": vectors, "lfw-index.csv": []byte(index.String())} {
		if err := os.WriteFile(filepath.Join(folder, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func halvesOf(n int, value func(row, k int) float32) []byte {
	var out []byte
	for i := range n {
		for k := range 128 {
			out = binary.LittleEndian.AppendUint16(out, uint16(simd.F16FromFloat32(value(i, k))))
		}
	}
	return out
}

func TestLFW(t *testing.T) {
	identities := []int{3, 3, 7, 9, 9, 9}
	vectors := halvesOf(6, func(row, k int) float32 { return float32((row*37+k*11)%19) - 9 })
	folder := writeLFW(t, identities, vectors)
	w := Workload{LFW, 128, 1}
	s, err := openLFW(folder, w, 100, 50, 1)
	if err != nil {
		t.Fatal(err)
	}
	if s.rows() != 106 || s.probes() != 5 {
		t.Fatalf("%d rows and %d probes, want 106 and 5: the one image of a person asks for nobody", s.rows(), s.probes())
	}
	mates := 0
	for i := range s.probes() {
		q := s.probe(i)
		if !q.hasOwn || !q.mated || q.isMate(q.own) {
			t.Errorf("probe %d: %+v", i, q)
		}
		if c := dot(q.vector, rowOf(s, 128, int(q.own))); math.Abs(c-1) > 1e-5 {
			t.Errorf("probe %d: cosine %v to its own row", i, c)
		}
		for key := range s.rows() {
			if q.isMate(uint64(key)) {
				mates++
			}
		}
	}
	if mates != 2*1+3*2 {
		t.Errorf("%d mates in all, want 8", mates)
	}

	r := &run{Config: Config{Rows: 1000, Probes: 100, Seed: 1}}
	x, err := r.fill(context.Background(), s, 1, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	l, found, err := r.compare(context.Background(), x, w, s)
	if err != nil || l.Mated != 5 || l.Rows != 106 || !slices.Equal(found, []int64{-1, -1, -1, -1, -1}) {
		t.Errorf("%+v, %v, %v", l, found, err)
	}

	for name, folder := range map[string]string{
		"no folder":     "",
		"no files":      t.TempDir(),
		"short vectors": writeLFW(t, identities, vectors[2:]),
		"zeros":         writeLFW(t, identities, make([]byte, len(vectors))),
		"not a number":  writeLFW(t, identities, halvesOf(6, func(int, int) float32 { return float32(math.NaN()) })),
		"no mates":      writeLFW(t, []int{1, 2, 3, 4, 5, 6}, vectors),
		"no rows":       writeLFW(t, nil, nil),
	} {
		_, err := openLFW(folder, w, 100, 50, 1)
		if _, absent := asAbsent(err); err == nil || absent != strings.HasPrefix(name, "no f") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for _, text := range []string{"", "row,identity_id\n", "row,identity_id\n1,5\n", "row,identity_id\n0,x\n", "a,b\n0,1\n", "row,identity_id\n0\n"} {
		if _, err := parseIdentities([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestFaissCounts(t *testing.T) {
	for _, c := range []struct {
		version, options string
		want             bool
	}{
		{"1.15.0", "OPTIMIZE AVX512 ", true}, {"1.15.2", "OPTIMIZE AVX512_SPR GENERIC", true}, {"2.0.0", "AVX512", true},
		{"1.14.9", "OPTIMIZE AVX512", false}, {"1.15.0", "OPTIMIZE AVX2", false}, {"1.7.3", "OPTIMIZE GENERIC", false}, {"", "AVX512", false}, {"x.y", "AVX512", false},
	} {
		if f := (&Faiss{Version: c.version, Options: c.options}); f.counts() != c.want {
			t.Errorf("%s (%s): %v", c.version, c.options, !c.want)
		}
	}
}

// The file for the other program: rows, probes, mates, nothing else.
func TestRowsFile(t *testing.T) {
	const dim, n, m = 16, 5000, 120
	src := newPlain(dim, n, m, 1)
	r := &run{Config: Config{Dim: dim}}
	for i := range m {
		r.mates = append(r.mates, int64(i)-1)
	}
	path := filepath.Join(t.TempDir(), "rows")
	if err := r.writeRows(context.Background(), path, src); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want []byte
	for i := range n {
		want = appendFloats(want, rowOf(src, dim, i))
	}
	for i := range m {
		want = appendFloats(want, src.probe(i).vector)
	}
	want = append(want, bytes.Repeat([]byte{0xff}, 8)...)
	for i := range m - 1 {
		want = binary.LittleEndian.AppendUint64(want, uint64(i))
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d, or others", len(got), len(want))
	}
}
