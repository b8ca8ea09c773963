package synth

import (
	"fmt"
	"testing"
)

func TestFirstVisitIsThePersonsOwn(t *testing.T) {
	w := newWorld(t, Config{Seed: 31, People: 1, AliasShare: 1})
	for i := range 500 {
		if v := w.Visit(i, 0); v.Alias() || v.Identity != w.Person(i).Identity || v.Person != i || v.Number != 0 {
			t.Fatalf("visit 0 of person %d: %+v", i, v)
		}
	}
}

// The flag tells the truth: each change is visible in the fields it names, and
// fields without a change are the person's own.
func TestChangesAreTrue(t *testing.T) {
	w := newWorld(t, Config{Seed: 32, People: 1, AliasShare: 1})
	seen := map[Change]int{}
	for i := range 4000 {
		v, own := w.Visit(i, 1+i%5), w.Person(i)
		who := fmt.Sprintf("person %d as %v", i, v.Changes)
		if !v.Alias() || v.Changes&^changeAll != 0 {
			t.Fatalf("%s: no alias or unknown change", who)
		}
		for bit := ChangeTransliteration; bit <= ChangeBirthDate; bit <<= 1 {
			if v.Changes&bit != 0 {
				seen[bit]++
			}
		}
		checkIdentity(t, who, v.Identity)
		surname, given := v.Surname, v.Given
		surnameLatin, givenLatin := v.SurnameLatin, v.GivenLatin
		if v.Changes&ChangeSwap != 0 {
			surname, given = given, surname
			surnameLatin, givenLatin = givenLatin, surnameLatin
		}
		if given != own.Given || v.Patronymic != own.Patronymic || v.Sex != own.Sex || v.Nationality != own.Nationality {
			t.Fatalf("%s: %+v from %+v", who, v.Identity, own.Identity)
		}
		if changed := surname != own.Surname; changed != (v.Changes&ChangeSurname != 0) {
			t.Fatalf("%s: surname %s from %s", who, surname, own.Surname)
		}
		if changed := v.BirthDate != own.BirthDate; changed != (v.Changes&ChangeBirthDate != 0) {
			t.Fatalf("%s: born %v from %v", who, v.BirthDate, own.BirthDate)
		}
		reads := surnameLatin != Latin(KMU2010, surname) || givenLatin != Latin(KMU2010, given)
		if reads != (v.Changes&ChangeTransliteration != 0) || reads != (v.Scheme != KMU2010) {
			t.Fatalf("%s: %s %s by %v", who, surnameLatin, givenLatin, v.Scheme)
		}
		if v.Document == own.Document {
			t.Fatalf("%s: the same document %s", who, v.Document)
		}
	}
	for bit, name := range map[Change]string{ChangeTransliteration: "transliteration", ChangeSwap: "swap", ChangeSurname: "surname", ChangeBirthDate: "birth-date"} {
		if seen[bit] < 500 {
			t.Errorf("%s in %d of 4000 visits, want at least 500", name, seen[bit])
		}
		if bit.String() != name {
			t.Errorf("change %d is called %q, want %q", bit, bit, name)
		}
	}
	if got := (ChangeSwap | ChangeBirthDate).String() + " " + Change(0).String(); got != "swap+birth-date none" {
		t.Errorf("changes are called %q", got)
	}
}

func TestAliasShare(t *testing.T) {
	for share, want := range map[float64][2]int{-1: {0, 0}, 0: {900, 1100}, 0.1: {150, 250}, 1: {2000, 2000}} {
		w := newWorld(t, Config{Seed: 33, People: 1, AliasShare: share})
		aliases := 0
		for i := range 2000 {
			if v := w.Visit(i, 1); v.Alias() {
				aliases++
			} else if v.Identity != w.Person(i).Identity {
				t.Fatalf("person %d without a change: %+v", i, v)
			}
		}
		if aliases < want[0] || aliases > want[1] {
			t.Errorf("share %v: %d of 2000 under another name, want %d-%d", share, aliases, want[0], want[1])
		}
	}
}

func TestOtherDateIsAnotherDay(t *testing.T) {
	s := newStream(1, drawVisit, 1, 1)
	for _, d := range []Date{{2000, 2, 29}, {1940, 1, 1}, {2019, 12, 31}, {1975, 5, 5}, {1999, 10, 31}, {2000, 1, 12}} {
		for range 500 {
			e := otherDate(&s, d)
			if e == d || e.Day < 1 || e.Day > daysIn(e.Year, e.Month) || e.Month < 1 || e.Month > 12 || e.Year < 1900 || e.Year > lastYear {
				t.Fatalf("%v became %v", d, e)
			}
		}
	}
}
