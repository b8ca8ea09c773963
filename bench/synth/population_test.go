package synth

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode"
)

// TestIndividualsAreFixed: the same bytes on every machine and in every version, whoever
// was made before.
func TestIndividualsAreFixed(t *testing.T) {
	p := NewPopulation(1)
	h := sha256.New()
	for i := 4999; i >= 0; i-- {
		who, d, errs := p.Record(i, i%3)
		who.culture = nil
		fmt.Fprintf(h, "%+v %+v %s\n", who, d, errs)
	}
	const want = "f448acf972c54ddb"
	if got := hex.EncodeToString(h.Sum(nil)[:8]); got != want {
		t.Errorf("people are %s, want %s: whoever has data made of them will not find them again", got, want)
	}
}

// TestNamesOfPopulation: there are tens of thousands of surnames with the skew of a
// register, in letters of one alphabet each.
func TestNamesOfPopulation(t *testing.T) {
	p := NewPopulation(3)
	const n = 150_000
	surnames, people := map[string]int{}, map[string]int{}
	for i := range n {
		w := p.Individual(i)
		surnames[w.Surname]++
		people[w.Surname+w.Given+w.Patronymic+w.BirthDate.String()]++
		for _, name := range []string{w.Surname, w.Given, w.Patronymic, w.BirthPlace} {
			for _, r := range name {
				if !unicode.Is(unicode.Cyrillic, r) && !strings.ContainsRune("ʼ- ", r) {
					t.Fatalf("%q of %s has %q", name, w.Culture, r)
				}
			}
		}
		for _, name := range []string{w.SurnameLatin, w.GivenLatin} {
			for _, r := range name {
				if r > 127 {
					t.Fatalf("%q of %s (%s) has %q", name, w.Surname, w.Culture, r)
				}
			}
		}
		if w.Surname == "" || w.Given == "" || w.SurnameLatin == "" {
			t.Fatalf("%+v", w)
		}
	}
	most := 0
	for _, c := range surnames {
		most = max(most, c)
	}

	if len(surnames) < 20_000 || most < n/1000 || most > n/30 {
		t.Errorf("%d surnames in %d people, the most frequent %d times", len(surnames), n, most)
	}
	// People with all names and the birth date in common are there by chance alone: of n
	// people with independent names and days there would be about as many.
	pairs := 0
	for _, c := range people {
		pairs += c * (c - 1) / 2
	}
	t.Logf("%d surnames in %d people, the most frequent %d times; %d pairs have names and birth date in common", len(surnames), n, most, pairs)
	if pairs > n/1000 {
		t.Errorf("%d pairs of %d people have names and birth date in common", pairs, n)
	}
}

// TestFamilies: relations go both ways and say what the data say.
func TestFamilies(t *testing.T) {
	p := NewPopulation(5)
	twins, identical, children := 0, 0, 0
	for i := range 20_000 {
		w := p.Individual(i)
		if w.Spouse >= 0 {
			if s := p.Individual(w.Spouse); s.Spouse != i || s.Sex == w.Sex {
				t.Fatalf("spouse of %+v: %+v", w, s)
			}
		}
		for _, parent := range []int{w.Father, w.Mother} {
			if parent < 0 {
				continue
			}
			if o := p.Individual(parent); o.BirthDate.Year+12 > w.BirthDate.Year || o.Household != w.Household {
				t.Fatalf("%+v has a parent %+v", w, o)
			}
		}
		if w.Father >= 0 && w.Mother >= 0 {
			children++
			f := p.Individual(w.Father)
			c := w.culture
			if c.father && patronymic(f.Given, w.Sex) != w.Patronymic {
				t.Fatalf("%s is the child of %s", w.Patronymic, f.Given)
			}
		}
		for o := w.Household * householdSize; o < i; o++ {
			sibling := p.Individual(o)
			if years := w.BirthDate.Year - sibling.BirthDate.Year; w.Mother >= 0 && sibling.Mother == w.Mother && sibling.Twin != i && years > -2 && years < 2 {
				t.Fatalf("%+v and %+v have one mother", w, sibling)
			}
		}
		if w.Twin >= 0 {
			o := p.Individual(w.Twin)
			twins++
			if o.Twin != i || o.BirthDate != w.BirthDate || o.BirthPlace != w.BirthPlace || o.Given == w.Given || o.Identical != w.Identical || w.Identical && o.Sex != w.Sex {
				t.Fatalf("twins %+v and %+v", w, o)
			}
			if w.Identical {
				identical++
			}
		}
	}
	if share := float64(twins) / float64(children); share < 0.02 || share > 0.08 || identical == 0 {
		t.Errorf("%d twins, %d of them identical, among %d children", twins, identical, children)
	}
}

// TestPapers: zones have the lengths and check digits of ICAO 9303, numbers theirs.
func TestPapers(t *testing.T) {
	// The example of ICAO 9303 part 4.
	h := Declared{SurnameLatin: "Eriksson", GivenLatin: "Anna Maria", Sex: Female, BirthDate: Date{1974, 8, 12}, Nationality: "UTO"}
	example := Paper{Type: "passport", Number: "L898902C3", Issuer: "UTO", Expiry: Date{2012, 4, 15}}
	example.zone(&h)
	if example.MRZ[0] != "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<" || !strings.HasPrefix(example.MRZ[1], "L898902C36UTO7408122F1204159<") {
		t.Errorf("%q", example.MRZ)
	}
	for number, want := range map[string]byte{"L898902C3": '6', "740812": '2', "120415": '9', "ZE184226B<<<<<": '1'} {
		if got := checkDigit(number); got != want {
			t.Errorf("check digit of %s: %c, want %c", number, got, want)
		}
	}
	p := NewPopulation(6)
	types, numbers := map[string]int{}, map[string]bool{}
	for i := range 20_000 {
		w := p.Individual(i)
		types[w.Paper.Type]++
		if numbers[w.Paper.Number] {
			t.Fatalf("number %s twice", w.Paper.Number)
		}
		numbers[w.Paper.Number] = true
		for _, line := range w.Paper.MRZ {
			if want := map[int]int{2: 44, 3: 30}[len(w.Paper.MRZ)]; len(line) != want || strings.Trim(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<") != "" {
				t.Fatalf("zone %q of %+v", w.Paper.MRZ, w.Declared)
			}
		}
		if w.TaxNumber != "" && (len(w.TaxNumber) != 10 || (w.TaxNumber[8]-'0')%2 == 1 != (w.Sex == Male)) {
			t.Fatalf("tax number %s of %+v", w.TaxNumber, w.Declared)
		}
		if w.Record != "" && (len(w.Record) != 14 || w.Record[:8] != strings.ReplaceAll(w.BirthDate.String(), "-", "")) {
			t.Fatalf("record number %s of %+v", w.Record, w.Declared)
		}
	}
	for _, want := range []string{"passport", "id-card", "residence-permit", "temporary-protection", "refugee"} {
		if types[want] == 0 {
			t.Errorf("no %s in %v", want, types)
		}
	}
	// 1 January 1900 is day 1; a number worked out by hand.
	if got := taxNumber(Date{1900, 1, 1}, Male, 0); got != "0000100010" {
		t.Errorf("tax number %s", got)
	}
}

// TestErrorsOfRecords: each kind happens about as often as its rate says, changes what it
// says and nothing else, and dates stay dates.
func TestErrorsOfRecords(t *testing.T) {
	p := NewPopulation(7)
	const n = 30_000
	counts := map[string]int{}
	for i := range n {
		who, d, errs := p.Record(i, 1)
		for _, e := range errs {
			counts[e]++
		}
		if d.BirthDate.Day < 1 || d.BirthDate.Day > daysIn(d.BirthDate.Year, d.BirthDate.Month) {
			t.Fatalf("%v of %+v", d.BirthDate, who)
		}
		truth := who.Declared
		if len(errs) == 0 && !same(&truth, &d) {
			t.Fatalf("no error, and %+v is %+v", truth, d)
		}
		if len(errs) > 0 && same(&truth, &d) && len(errs) == 1 {
			t.Fatalf("%s, and nothing differs in %+v", errs, d)
		}
		// Papers have what the person declares: a clerk's mistakes are not in them.
		person := false
		for _, e := range p.errors {
			person = person || !e.clerk && errs.Has(e.name)
		}
		if zone := strings.Join(d.Paper.MRZ, " "); !person && zone != strings.Join(who.Paper.MRZ, " ") || !strings.Contains(zone, short(who.BirthDate)) {
			t.Fatalf("%s: zone %s, of %+v", errs, zone, who.Declared)
		}
		if d.Given == "" && !errs.Has("joined_fields") || d.Given == who.Maiden && who.Maiden != "" && !errs.Has("swapped_fields") {
			t.Fatalf("%s: %+v became %+v", errs, truth, d)
		}
		if errs.Has("married_name") && errs.Has("invented_name") {
			t.Fatalf("%s: one of the names is not there", errs)
		}
		if len(errs) == 1 {
			checkError(t, errs[0], &who, &d)
		}
	}
	for _, e := range p.errors {
		rate := float64(counts[e.name]) / n
		want := float64(e.perMille) / 1000
		// Some cannot be made of everybody's data.
		if rate > 1.1*want+0.003 || rate == 0 || strings.Contains("typo transposed_letters dropped_letter digit other_phone missing_patronymic other_document invented_name", e.name) && rate < 0.6*want {
			t.Errorf("%s: %d of %d records, want about %v", e.name, counts[e.name], n, want)
		}
	}
}

func checkError(t *testing.T, e string, who *Individual, d *Declared) {
	t.Helper()
	names := d.Surname != who.Surname || d.Given != who.Given
	date := d.BirthDate != who.BirthDate
	switch e {
	case "typo", "dropped_letter", "doubled_letter", "transposed_letters":
		a, b := []rune(who.Surname+" "+who.Given), []rune(d.Surname+" "+d.Given)
		if !names || date || math.Abs(float64(len(a)-len(b))) > 1 {
			t.Fatalf("%s: %q became %q", e, string(a), string(b))
		}
	case "swapped_fields":
		if d.Surname != who.Given || d.Given != who.Surname {
			t.Fatalf("%s: %+v became %+v", e, who.Declared, *d)
		}
	case "day_month", "year_off", "digit", "default_date":
		if !date || names {
			t.Fatalf("%s: %+v became %+v", e, who.Declared, *d)
		}
	case "married_name":
		if d.Surname != who.Maiden {
			t.Fatalf("%s: %+v became %+v", e, *who, *d)
		}
	}
}

func BenchmarkIndividual(b *testing.B) {
	p := NewPopulation(1)
	for i := range b.N {
		p.Record(i%1_000_000, 1)
	}
}
