package engine

import (
	"bytes"
	"testing"
	"time"

	"immis/internal/cost"
	"immis/store"
	"immis/templates"
)

// recordSeeds are stored forms of every kind of content.
func recordSeeds(t testing.TB) [][]byte {
	w := crowd(t)
	var seeds [][]byte
	for _, samples := range [][]Sample{nil, {faceSample(w, 1, 0)}, {fingerSample(t, w, 1, 0, templates.RightIndex), faceSample(w, 1, 1)}, {pngSample(100)}} {
		ds, _, err := decodeSamples(t.Context(), "seed", samples, noon, &budget{})
		if err != nil {
			t.Fatal(err)
		}
		rec := &record{order: 7, encounter: Encounter{Subject: "s", ID: "e", Time: noon, Station: "st", Operator: "op", Purpose: PurposeTest,
			Galleries: []string{"a", "b"}, KeepImages: true, Documents: []Document{{"passport", "X1", "UKR", "2030-01-01"}},
			Biographic:     Biographic{Names: []PersonName{{1, "Шевченко", "Анна", ""}}, BirthDate: "1990", Sex: 2, Nationalities: []string{"UKR"}},
			MissingFingers: []MissingFinger{{templates.LeftRing, 1}}}}
		for _, d := range ds {
			rec.samples = append(rec.samples, storedSample{Sample: d.sample, source: templates.SourceHash(d.sample.Data), size: uint32(len(d.sample.Data)), templates: d.views})
		}
		b, err := rec.encode()
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, b)
	}
	older := append([]byte{1}, seeds[0][1:]...) // without samples the versions differ in their number alone
	return append(seeds, older, nil, []byte{encounterVersion}, seeds[1][:len(seeds[1])/2], append(bytes.Clone(seeds[2]), 0))
}

func answerSeeds() [][]byte {
	full := encodeAnswer(&EnrollResult{Subject: "s", Encounter: "e", Samples: []SampleReport{{0, true, "", 2, ""}, {1, false, ReasonImage, 0, "cbeff-xml: BIR 2"}}})
	empty := encodeAnswer(&EnrollResult{})
	older := append([]byte{1}, empty[1:]...)
	return [][]byte{full, empty, older, nil, full[:9], append(bytes.Clone(full), 0)}
}

func gallerySeeds() [][]byte {
	full := encodeGallery(&Gallery{ID: "g", Description: "d", Readers: []string{"a", "b"}})
	return [][]byte{full, encodeGallery(&Gallery{}), nil, full[:5], append(bytes.Clone(full), 0)}
}

func checkSeeds() [][]byte {
	full := encodeCheck(DuplicateKnown, noon, []store.ID{{1}, {2}})
	return [][]byte{full, encodeCheck(DuplicateNew, time.Time{}, nil), nil, full[:12], append(bytes.Clone(full), 0)}
}

// TestFuzzSeeds: a fuzz target that runs on nothing shows nothing. At least two
// seeds of each target decode, and at least two do not.
func TestFuzzSeeds(t *testing.T) {
	for name, c := range map[string]struct {
		seeds  [][]byte
		decode func([]byte) error
	}{
		"record":  {recordSeeds(t), func(b []byte) error { _, err := decodeRecord(b); return err }},
		"answer":  {answerSeeds(), func(b []byte) error { _, err := decodeAnswer(b); return err }},
		"gallery": {gallerySeeds(), func(b []byte) error { _, err := decodeGallery(b); return err }},
		"check":   {checkSeeds(), func(b []byte) error { _, _, _, err := decodeCheck(b); return err }},
	} {
		good, bad := 0, 0
		for _, s := range c.seeds {
			if c.decode(s) == nil {
				good++
			} else {
				bad++
			}
		}
		if good < 2 || bad < 3 {
			t.Errorf("%s: %d seeds decode and %d do not, want at least 2 and 3", name, good, bad)
		}
	}
}

// fuzz checks that what decodes is encoded identically, or, where it is of an older
// version, to the newest one that means the same; and that decoding takes no more
// memory than a small multiple of the input. The first byte is the version.
func fuzz(f *testing.F, seeds [][]byte, roundTrip func([]byte) ([]byte, error)) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		var err error
		cost.Bounded(t, 64*len(b), func() { again, err = roundTrip(b) })
		if err != nil {
			return
		}
		want := b
		if again[0] > b[0] {
			if want, err = roundTrip(again); err != nil {
				t.Fatalf("%x of version %d is encoded as %x, which does not decode: %v", b, b[0], again, err)
			}
		}
		if !bytes.Equal(again, want) {
			t.Fatalf("%x is encoded again as %x, want %x", b, again, want)
		}
	})
}

func FuzzDecodeRecord(f *testing.F) {
	fuzz(f, recordSeeds(f), func(b []byte) ([]byte, error) {
		rec, err := decodeRecord(b)
		if err != nil {
			return nil, err
		}
		return rec.encode()
	})
}

func FuzzDecodeAnswer(f *testing.F) {
	fuzz(f, answerSeeds(), func(b []byte) ([]byte, error) {
		a, err := decodeAnswer(b)
		return encodeAnswer(&a), err
	})
}

func FuzzDecodeGallery(f *testing.F) {
	fuzz(f, gallerySeeds(), func(b []byte) ([]byte, error) {
		g, err := decodeGallery(b)
		return encodeGallery(&g), err
	})
}

func FuzzDecodeCheck(f *testing.F) {
	fuzz(f, checkSeeds(), func(b []byte) ([]byte, error) {
		state, at, subjects, err := decodeCheck(b)
		return encodeCheck(state, at, subjects), err
	})
}
