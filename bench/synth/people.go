package synth

import "fmt"

// Sex as documents state it.
type Sex byte

const (
	Female Sex = 'F'
	Male   Sex = 'M'
)

// String is "F" or "M".
func (s Sex) String() string { return string(rune(s)) }

// Date is a day of the Gregorian calendar.
type Date struct{ Year, Month, Day int }

// String is the date as YYYY-MM-DD.
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// Identity is what a person declares: the biographic data of one encounter.
type Identity struct {
	// Surname, Given and Patronymic are in Cyrillic, NFC, apostrophe U+02BC. After
	// a change of kind ChangeSwap surname and given name stand in each other's place.
	Surname, Given, Patronymic string
	// SurnameLatin and GivenLatin are the same names in the letters of Scheme.
	// Latin documents carry no patronymic.
	SurnameLatin, GivenLatin string
	Scheme                   Scheme
	Sex                      Sex
	BirthDate                Date
	// Nationality is a three-letter code of ICAO 9303: ISO 3166-1, or XXA for a
	// stateless person. Every person bears a Ukrainian name whatever the
	// nationality: the mix exercises fields, not onomastics.
	Nationality string
	// Document is a number of nine characters (the width of ICAO 9303). It starts
	// with X, which no Ukrainian series does, and is unique in a world.
	Document string
}

// Person is one synthetic person as first enrolled.
type Person struct {
	Index int
	Identity
	// Sibling is the index of a brother or sister who shares surname, patronymic
	// and nationality, and for twins the birth date; -1 for none. Relation is not
	// identity: faces and fingers of siblings are drawn independently.
	Sibling int
}

// familyEvery: person i with i mod familyEvery = familyEvery-1 is a sibling of
// person i-1. One in 17 people is so the younger half of a pair.
const familyEvery = 17

// Years of birth: a population of ages 6 to 85, as of 2025. No clock is read.
const (
	firstYear = 1940
	lastYear  = 2019
)

// family is what siblings share.
type family struct {
	surname     surname
	father      string
	nationality string
	birthDate   Date // of the elder
}

// Person makes person i. It panics when i is negative.
func (w *World) Person(i int) Person {
	checkIndex("person", i)
	p := Person{Index: i, Sibling: -1}
	elder := i
	switch i % familyEvery {
	case familyEvery - 1:
		elder, p.Sibling = i-1, i-1
	case familyEvery - 2:
		p.Sibling = i + 1
	}
	f := w.family(elder)
	s := newStream(w.config.Seed, drawIdentity, uint64(i), 0)
	p.Sex = Female
	if s.chance(0.5) {
		p.Sex = Male
	}
	p.Surname = w.names.write(f.surname, p.Sex)
	p.Given = w.names.drawGiven(&s, p.Sex)
	p.Patronymic = patronymic(f.father, p.Sex)
	p.BirthDate = f.birthDate
	if elder != i {
		if !s.chance(0.1) { // else twins
			p.BirthDate = drawDate(&s, min(f.birthDate.Year+1, lastYear), min(f.birthDate.Year+8, lastYear))
		}
		// Siblings with one given name would be one person to a register.
		for first := w.Person(elder).Given; p.Given == first; {
			p.Given = w.names.drawGiven(&s, p.Sex)
		}
	}
	p.Nationality = f.nationality
	p.Document = document(w.config.Seed, i, 0)
	p.writeLatin(KMU2010)
	return p
}

// writeLatin fills the Latin names by a scheme.
func (p *Identity) writeLatin(s Scheme) {
	p.Scheme = s
	p.SurnameLatin = Latin(s, p.Surname)
	p.GivenLatin = Latin(s, p.Given)
}

func (w *World) family(elder int) family {
	s := newStream(w.config.Seed, drawFamily, uint64(elder), 0)
	return family{
		surname:     w.names.drawSurname(&s),
		father:      w.names.drawGiven(&s, Male),
		nationality: drawNationality(&s),
		birthDate:   drawDate(&s, firstYear, lastYear),
	}
}

// drawDate is uniform over days, but one in fifty is 1 January: where a birth
// date is not known, registers write that day.
func drawDate(s *stream, from, to int) Date {
	d := Date{Year: from + int(s.below(uint64(to-from+1))), Month: 1, Day: 1}
	if s.chance(0.02) {
		return d
	}
	d.Month = 1 + int(s.below(12))
	d.Day = 1 + int(s.below(uint64(daysIn(d.Year, d.Month))))
	return d
}

// daysIn is the length of a month of the Gregorian calendar.
func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// drawNationality draws from a mix made up for tests, in per mille.
func drawNationality(s *stream) string {
	v := s.below(1000)
	switch {
	case v < 700:
		return "UKR"
	case v < 760:
		return "MDA"
	case v < 805:
		return "GEO"
	case v < 845:
		return "AZE"
	case v < 880:
		return "UZB"
	case v < 910:
		return "KAZ"
	case v < 935:
		return "BLR"
	case v < 955:
		return "TUR"
	case v < 970:
		return "POL"
	case v < 980:
		return "ISR"
	case v < 990:
		return "SYR"
	}
	return "XXA"
}

const (
	// documentSpace is the number of different document numbers: X, two letters,
	// six digits.
	documentSpace = 26 * 26 * 1_000_000
	// documentsPerPerson is how many of them belong to one person.
	documentsPerPerson = 8
	// documentStep spreads consecutive documents over the space; it has no factor
	// in common with documentSpace (2, 5, 13), so numbers stay unique.
	documentStep = 7_368_787
)

// document is the n-th document number of a person. Numbers are unique among the
// first MaxPeople people and the first eight documents of each.
func document(seed uint64, person, n int) string {
	serial := (uint64(person)%MaxPeople*documentsPerPerson + uint64(n)%documentsPerPerson) % documentSpace
	v := (serial*documentStep + mix(seed)%documentSpace) % documentSpace
	letters, digits := v/1_000_000, v%1_000_000
	return fmt.Sprintf("X%c%c%06d", 'A'+rune(letters/26), 'A'+rune(letters%26), digits)
}
