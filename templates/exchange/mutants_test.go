package exchange

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"immis/internal/cost"
	"immis/templates"
	"immis/templates/ansinist"
	"immis/templates/imaging"
	"immis/templates/internal/codectest"
)

var mutants = flag.Int("mutants", 0, "number of damaged files per format (default 200, with -short 40)")

// What one damaged file may cost. A file of a few kilobytes may truly say that it is a
// picture of 24 Mi pixels: that is what imaging.Limits bounds, and the grey copy of
// colours beside it. Documents keep their parts, in an expanded form where they are text.
const (
	mutantTime  = time.Second
	mutantBytes = imaging.DefaultMaxBytes + 16<<20
	mutantRatio = 20 // bytes for each byte of the file
)

// mutantSeeds are sound files of every format: made here, and real ones where they are.
func mutantSeeds(t *testing.T) map[templates.Format][][]byte {
	out := map[templates.Format][][]byte{}
	for f, data := range sound(t) {
		out[f] = [][]byte{data}
	}
	bit := printRecord(9, 2, "NONE", make([]byte, 2*3))
	bit.Set(7, "3")
	bit.Set(12, "1")
	four := ansinist.NewRecord(4, 0)
	four.Header.Positions[0], four.Header.Width, four.Header.Height = 2, 8, 2
	four.Image = make([]byte, 16)
	png := printRecord(96, 2, "PNG", out[templates.FormatPNG][0])
	png.Set(7, "80")
	for _, records := range [][]ansinist.Record{{bit}, {four}, {png, bit}, {printRecord(8, 2, "NONE", make([]byte, 16)), ansinist.NewRecord(2, 0)}} {
		out[templates.FormatANSINIST] = append(out[templates.FormatANSINIST], transaction(t, records...))
	}
	out[templates.FormatCBEFF] = append(out[templates.FormatCBEFF], document(t, 3))
	out[templates.FormatISO19794_2_2005] = append(out[templates.FormatISO19794_2_2005], minutiae(t, 1, 0, 10))
	for _, pattern := range []string{"*.jp2", "*.j2k"} {
		paths, _ := filepath.Glob("../imaging/jpeg2000/testdata/vectors/" + pattern)
		for _, path := range paths {
			out[templates.FormatJP2] = append(out[templates.FormatJP2], codectest.Read(t, path))
		}
	}
	return out
}

// realSeeds are the files of the evaluation data that are recognised and not large.
func realSeeds(t *testing.T) map[templates.Format][][]byte {
	out := map[templates.Format][][]byte{}
	for _, where := range [][]string{
		{"data", "fingerprints", "formats", "*", "*"}, {"data", "fingerprints", "formats", "templates", "*", "*"}, {"specs", "nist", "*"},
		{"data", "fingerprints", "images", "*", "101_1.tif"}, {"data", "fingerprints", "minutiae", "*", "*", "101_1.iso"},
	} {
		for _, path := range codectest.Files(t, where...) {
			if strings.Contains(filepath.Base(path), ".") {
				data := codectest.Read(t, path)
				if f := Sniff(data); f != templates.FormatUnknown && len(data) < 200_000 {
					out[f] = append(out[f], data)
				}
			}
		}
	}
	return out
}

// TestMutants: damaged files of every format are refused with an input error or keep
// all promises, the same twice, within bounds of memory and time.
func TestMutants(t *testing.T) {
	n := *mutants
	if n == 0 {
		n = 200
		if testing.Short() {
			n = 40
		}
	}
	t.Run("made", func(t *testing.T) { runMutants(t, n, mutantSeeds(t), 23) })
	t.Run("real", func(t *testing.T) { runMutants(t, max(n/4, 10), realSeeds(t), 10) })
}

func runMutants(t *testing.T, n int, all map[templates.Format][][]byte, formats int) {
	if len(all) < formats {
		t.Errorf("seeds of %d formats, want >= %d", len(all), formats)
	}
	for _, name := range templates.FormatNames() {
		f, _ := templates.ParseFormat(name)
		seeds := all[f]
		if len(seeds) == 0 {
			continue
		}
		var accepted, tried int
		var slowest time.Duration
		var most uint64
		kinds, reasons := map[string]int{}, map[templates.Reason]bool{}
		for i := range n {
			m := mutator{f, rand.New(rand.NewPCG(uint64(f), uint64(i)))}
			kind, data := m.mutate(seeds[m.IntN(len(seeds))], seeds[m.IntN(len(seeds))])
			if m.IntN(3) == 0 && len(data) > 0 {
				var second string
				second, data = m.mutate(safe(f, data, seeds[0]), seeds[m.IntN(len(seeds))])
				kind += "+" + second
			}
			if m.IntN(4) != 0 {
				data = repair(f, data)
			}
			kinds[kind]++
			where := fmt.Sprintf("%v, mutant %d (%s, %d bytes)", f, i, kind, len(data))
			options := ways(f)
			for _, way := range slices.Sorted(func(yield func(string) bool) {
				for k := range options {
					if !yield(k) {
						return
					}
				}
			}) {
				tried++
				r := checkMutant(t, where+" as "+way, f, data, options[way])
				if r.err == nil {
					accepted++
				}
				reasons[reasonOf(t, r.err)] = true
				slowest, most = max(slowest, r.took), max(most, r.bytes)
			}
			if i%8 == 0 {
				if _, err := Describe(f, data); err != nil {
					reasonOf(t, err)
				}
			}
		}
		t.Logf("%-24v %3d seeds %6d mutants %6d decoded %5d taken %2d reasons %2d kinds, at most %6.1f MiB %v", f, len(seeds), n, tried, accepted, len(reasons), len(kinds), mib(most), slowest.Round(time.Millisecond))
		if tried == 0 || len(kinds) < 3 {
			t.Errorf("%v: %d mutants of %d kinds", f, tried, len(kinds))
		}
	}
}

// safe is the mutant where it is still long enough to have an outline.
func safe(f templates.Format, data, sound []byte) []byte {
	if len(data) < 16 && f != templates.FormatISO19794_2_CardCompact && f != templates.FormatISO19794_2_CardNormal {
		return sound
	}
	return data
}

type mutantResult struct {
	err   error
	took  time.Duration
	bytes uint64
}

// checkMutant decodes a damaged file twice.
func checkMutant(t *testing.T, where string, f templates.Format, data []byte, o Options) (r mutantResult) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%s: panic: %v", where, p)
		}
	}()
	before := bytes.Clone(data)
	var first any
	var err error
	from := time.Now()
	r.bytes = cost.Allocated(1, func() { first, err = whole(f, data, o) })
	r.took, r.err = time.Since(from), err
	from = time.Now()
	second, again := whole(f, data, o)
	r.took = min(r.took, time.Since(from))
	if r.took > mutantTime { // another process may have had the processor
		from = time.Now()
		_, _ = whole(f, data, o)
		r.took = min(r.took, time.Since(from))
	}
	switch bound := uint64(mutantBytes + mutantRatio*len(data)); {
	case !bytes.Equal(before, data):
		t.Errorf("%s: the file was changed", where)
	case !reflect.DeepEqual(first, second) || fmt.Sprint(err) != fmt.Sprint(again):
		t.Errorf("%s: another result the second time: %v, %v", where, err, again)
	case r.took > mutantTime:
		t.Errorf("%s: %v, want <= %v", where, r.took, mutantTime)
	case r.bytes > bound:
		t.Errorf("%s: %.1f MiB allocated, want <= %.1f", where, mib(r.bytes), mib(bound))
	}
	if err != nil {
		var bad *templates.InputError
		if !errors.As(err, &bad) {
			t.Errorf("%s: error %T %v", where, err, err)
			return r
		}
		if text := err.Error(); len(text) > 600 || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) || bad.Field == "" || bad.Got == "" || bad.Want == "" || bad.Reason == "" {
			t.Errorf("%s: error %q", where, text)
		}
		if bad.Offset < templates.NoOffset || !f.Container() && bad.Offset > len(data) {
			t.Errorf("%s: %v is at byte %d of %d", where, err, bad.Offset, len(data))
		}
	}
	return r
}

// whole is all that comes out of a file, its parts decoded; the templates are in their
// stored form, which must be readable.
func whole(f templates.Format, data []byte, o Options) (out []any, err error) {
	if !f.Container() {
		d, err := Decode(f, data, o)
		if err != nil {
			if len(d.Templates) > 0 {
				return nil, errors.New("templates beside an error")
			}
			return nil, err
		}
		if (len(d.Templates) > 0) != f.Searchable() {
			return nil, fmt.Errorf("%d templates", len(d.Templates))
		}
		out = append(out, d.Position)
		for _, x := range d.Templates {
			stored, err := templates.AppendStored(nil, x)
			if err != nil {
				return nil, fmt.Errorf("decodes but cannot be stored: %v", err)
			}
			back, err := templates.DecodeStored(stored)
			if err != nil || !reflect.DeepEqual(back, x) {
				return nil, fmt.Errorf("is not what was stored: %v", err)
			}
			out = append(out, stored)
		}
		return out, nil
	}
	c, err := Open(f, data)
	if err != nil {
		return nil, err
	}
	out = append(out, c)
	for i := range c.Parts {
		p := &c.Parts[i]
		if !p.Format.Known() || p.Format.Container() || len(p.Data) == 0 || p.Quality > 100 && p.Quality != templates.QualityUnknown {
			return nil, fmt.Errorf("%s: format %v, %d bytes, quality %d", p.Where, p.Format, len(p.Data), p.Quality)
		}
		if p.Modality == templates.ModalityUnknown {
			continue
		}
		inner, err := whole(p.Format, p.Data, Options{Modality: p.Modality, Position: p.Position, Model: p.Model, Resolution: p.Resolution, OfRecord: true})
		if err != nil {
			return nil, inside(p.Where, 0, err)
		}
		out = append(out, inner)
	}
	return out, nil
}
