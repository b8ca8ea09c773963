package demo

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"immis/bench"
)

func rewrite() bool { return flag.Lookup("rewrite").Value.String() == "true" }

func TestMain(m *testing.M) {
	flag.Bool("rewrite", false, "rewrite the stories in testdata")
	flag.Parse()
	os.Exit(m.Run())
}

// example is a result with every part of a story; its figures are made up.
func example() *Result {
	return &Result{
		Note: Note, Seed: 7, Difficulty: 0.25, People: 2400, Returning: 240, Verified: 240, Strangers: 24,
		Enrolled: 2400, EnrollSeconds: 6.5, EnrollPerSecond: 369.2,
		Identified: 238, Missed: 2, TwinIdentified: 238, TwinMissed: 2,
		IdentifyP50MS: 4.25, IdentifyP99MS: 190.125, VerifyP50MS: 1.5, VerifyP99MS: 3.25,
		TwinIdentifyP50MS: 1.75, TwinIdentifyP99MS: 170, TwinVerifyP50MS: 0.5, TwinVerifyP99MS: 0.75,
		Searches: []SearchResult{
			{Kind: KindFace.String(), Identified: 160, TwinIdentified: 160, Latency: bench.Summary{Count: 176, P50MS: 3, P99MS: 5}, TwinLatency: bench.Summary{Count: 176, P50MS: 1, P99MS: 2}},
			{Kind: KindFingers.String(), Identified: 38, Missed: 2, Referred: 1, TwinIdentified: 38, TwinMissed: 2, TwinReferred: 1, Latency: bench.Summary{Count: 44, P50MS: 120, P99MS: 190}, TwinLatency: bench.Summary{Count: 44, P50MS: 110, P99MS: 170}},
			{Kind: KindBoth.String(), Identified: 40, TwinIdentified: 40, Latency: bench.Summary{Count: 44, P50MS: 122, P99MS: 188}, TwinLatency: bench.Summary{Count: 44, P50MS: 111, P99MS: 169}},
		},
		StrangerReferrals: 1, TwinStrangerReferrals: 1, Ties: 1,
		Verify:     Verification{MatedMatch: 179, MatedRefer: 1, ImpostorNonMatch: 60},
		TwinVerify: Verification{MatedMatch: 179, MatedRefer: 1, ImpostorNonMatch: 60},
		Example:    &Example{Subject: "demo-000010", Declared: "Нова Олена / Nova Olena, 1980-01-02", Enrolled: "Давня Олена / Davnia Olena, 1980-02-01", Changes: "surname+birth-date"},
		Duplicates: []Duplicate{
			{Subject: "demo-again-00", Truth: "demo-000800", State: "known", Found: []string{"demo-000800"}, Right: true},
			{Subject: "demo-again-01", Truth: "demo-000801", State: "under review", Found: []string{"demo-000801"}},
			{Subject: "demo-again-02", State: "new", Right: true},
		},
		Erasure: Erasure{Subject: "demo-000030", FoundBefore: true, KeyEpoch: 2},
		Ledger:  LedgerResult{Entries: 2943, Head: "immis/0\n2943\nAAAA\n\n— immis/0 BBBB\n", Signed: true, Proved: true},
		Seconds: 17.25,
	}
}

// TestStory compares the stories with testdata/story.LANG.txt; -rewrite writes
// them anew.
func TestStory(t *testing.T) {
	for _, lang := range []string{English, Ukrainian} {
		var got bytes.Buffer
		if err := example().WriteStory(&got, lang); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", "story."+lang+".txt")
		if rewrite() {
			if err := os.WriteFile(path, got.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s is\n%s\nwant\n%s", path, got.Bytes(), want)
		}
		// The warning stands above the first figure of a result.
		text := got.String()
		note, figure := strings.Index(text, must(phrasesOf(lang)).note), strings.Index(text, "2\u00a0400")
		if note < 0 || figure < note {
			t.Errorf("%s: the note is at %d, the first figure at %d; want the note above", lang, note, figure)
		}
	}
	if err := example().WriteStory(&bytes.Buffer{}, "fr"); err == nil {
		t.Error("a language that does not exist is accepted")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestPhrasesAreWhole: no text is missing in a language, and texts of two
// languages take the same arguments.
func TestPhrasesAreWhole(t *testing.T) {
	en, uk := reflect.ValueOf(english()), reflect.ValueOf(ukrainian())
	for i := range en.NumField() {
		name := en.Type().Field(i).Name
		a, b := en.Field(i), uk.Field(i)
		if a.IsZero() || b.IsZero() {
			t.Errorf("%s is empty in a language", name)
		}
		if a.Kind() == reflect.String && verbs(a.String()) != verbs(b.String()) {
			t.Errorf("%s takes %q in English and %q in Ukrainian", name, verbs(a.String()), verbs(b.String()))
		}
	}
	for state := range english().states {
		if ukrainian().states[state] == "" {
			t.Errorf("state %q has no name in Ukrainian", state)
		}
	}
}

// verbs are the arguments a text takes.
func verbs(s string) string {
	var out strings.Builder
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '%' {
			out.WriteByte(s[i+1])
		}
	}
	return out.String()
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("pipe is broken") }

func TestStoryTellsOfBrokenPipe(t *testing.T) {
	if err := example().WriteStory(brokenWriter{}, English); err == nil {
		t.Error("a broken pipe is not told of")
	}
}

// TestFaults: a good result has none; each thing that must not happen is one.
func TestFaults(t *testing.T) {
	if f := example().Faults(); len(f) > 0 {
		t.Fatal("faults of a good result:", f)
	}
	for want, spoil := range map[string]func(*Result){
		"differ in 1 answers":       func(r *Result) { r.Differences = []Difference{{What: "identify"}} },
		"identified 237":            func(r *Result) { r.Identified, r.Missed = 237, 3 },
		"2399 people":               func(r *Result) { r.Enrolled = 2399 },
		"found after the erasure":   func(r *Result) { r.Erasure.FoundAfter = true },
		"readable after":            func(r *Result) { r.Erasure.ReadableAfter = true },
		"signature":                 func(r *Result) { r.Ledger.Signed = false },
		"does not cover its entrie": func(r *Result) { r.Ledger.Proved = false },
	} {
		r := example()
		spoil(r)
		if f := r.Faults(); len(f) != 1 || !strings.Contains(f[0], want) {
			t.Errorf("faults %q, want one with %q", f, want)
		}
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1\u00a0000", 1234567: "1\u00a0234\u00a0567", -1000: "-1\u00a0000", -100: "-100"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}
