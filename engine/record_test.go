package engine

import (
	"bytes"
	"crypto/sha256"
	"reflect"
	"testing"

	"immis/templates"
)

// TestOldEncounterRecords: records of version 1, without a resolution and an origin,
// are read as if both were not stated.
func TestOldEncounterRecords(t *testing.T) {
	rec := &record{order: 7, encounter: Encounter{ID: "e", Subject: "s", Time: noon}}
	rec.samples = []storedSample{{Sample: Sample{Modality: templates.ModalityFinger, Format: templates.FormatWSQ, Quality: 60, Captured: noon}, source: sha256.Sum256([]byte("image")), size: 5}}
	now, err := rec.encode()
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(now, rec.samples[0].source[:])
	if at < 12 {
		t.Fatalf("source hash at byte %d of the record", at)
	}
	old := append(bytes.Clone(now[:at-12]), now[at:]...) // 8 bytes of resolution, 4 of an empty text
	old[0] = 1
	want, err := decodeRecord(now)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeRecord(old)
	if err != nil {
		t.Fatalf("record of version 1: %v", err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("record of version 1 reads as %+v, want %+v", got, want)
	}
	for _, version := range []byte{0, encounterVersion + 1} {
		now[0] = version
		if _, err := decodeRecord(now); err == nil {
			t.Errorf("record of version %d is read", version)
		}
	}
}

// TestResolutionAndOriginAreKept: both come back as they were said.
func TestResolutionAndOriginAreKept(t *testing.T) {
	rec := &record{samples: []storedSample{{Sample: Sample{Format: templates.FormatPNG, Resolution: 499.999, Origin: "cbeff-xml: BIR 2"}}}}
	b, err := rec.encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeRecord(b)
	if err != nil {
		t.Fatal(err)
	}
	if s := got.samples[0]; s.Resolution != 499.999 || s.Origin != "cbeff-xml: BIR 2" {
		t.Errorf("came back as %v and %q", s.Resolution, s.Origin)
	}
}
