package synth

import "strings"

// Change is a set of differences between what a person declares now and what the
// same person declared first.
type Change uint8

const (
	// ChangeTransliteration: the Latin names follow an older table.
	ChangeTransliteration Change = 1 << iota
	// ChangeSwap: surname and given name stand in each other's field.
	ChangeSwap
	// ChangeSurname: another surname altogether.
	ChangeSurname
	// ChangeBirthDate: another birth date: day and month swapped, one digit of
	// the year replaced, or 1 January.
	ChangeBirthDate

	changeAll = ChangeTransliteration | ChangeSwap | ChangeSurname | ChangeBirthDate
)

// String lists the changes, "none" for the empty set.
func (c Change) String() string {
	var names []string
	for _, n := range []struct {
		bit  Change
		name string
	}{{ChangeTransliteration, "transliteration"}, {ChangeSwap, "swap"}, {ChangeSurname, "surname"}, {ChangeBirthDate, "birth-date"}} {
		if c&n.bit != 0 {
			names = append(names, n.name)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, "+")
}

// Visit is one encounter with a person: what is declared, and the truth.
type Visit struct {
	// Person is who it really is.
	Person int
	// Number is 0 for the first enrollment, then 1, 2, ... It is also the sample
	// of Face and the impression of Finger to take, so every visit has new ones.
	Number int
	// Identity is what the person declares.
	Identity
	// Changes is the truth about the declared identity: empty under the person's
	// own name. Under another name there is at least one change, and another
	// document.
	Changes Change
}

// Alias tells whether the person came under another name.
func (v Visit) Alias() bool { return v.Changes != 0 }

// Visit makes visit number n of person i. Visit 0 is the first enrollment under
// the person's own name; each later one is under another name with probability
// AliasShare. It panics on a negative argument.
func (w *World) Visit(i, n int) Visit {
	checkIndex("visit", n)
	v := Visit{Person: i, Number: n, Identity: w.Person(i).Identity}
	if n == 0 {
		return v
	}
	s := newStream(w.config.Seed, drawVisit, uint64(i), uint64(n))
	if s.chance(w.config.AliasShare) {
		v.disguise(w, &s)
	}
	return v
}

// disguise turns the declared identity into another one with 1 to 4 changes.
func (v *Visit) disguise(w *World, s *stream) {
	var planned Change
	for planned == 0 {
		for _, p := range []struct {
			change Change
			chance float64
		}{{ChangeTransliteration, 0.4}, {ChangeSwap, 0.15}, {ChangeSurname, 0.4}, {ChangeBirthDate, 0.35}} {
			if s.chance(p.chance) {
				planned |= p.change
			}
		}
	}
	own := v.Identity
	if planned&ChangeTransliteration != 0 && !v.transliterate(s) {
		// Some names read the same in every table; another surname stands in.
		planned = planned&^ChangeTransliteration | ChangeSurname
	}
	if planned&ChangeSurname != 0 {
		for v.Surname == own.Surname {
			v.Surname = w.names.write(w.names.drawSurname(s), v.Sex)
		}
		v.writeLatin(v.Scheme)
		// The new surname may read the same in the older table as in today's; the
		// given name alone then carries the change, or nothing does.
		if v.SurnameLatin == Latin(KMU2010, v.Surname) && v.GivenLatin == own.GivenLatin {
			planned &^= ChangeTransliteration
			v.Scheme = KMU2010
		}
	}
	if planned&ChangeBirthDate != 0 {
		v.BirthDate = otherDate(s, own.BirthDate)
	}
	if planned&ChangeSwap != 0 {
		v.Surname, v.Given = v.Given, v.Surname
		v.SurnameLatin, v.GivenLatin = v.GivenLatin, v.SurnameLatin
	}
	// Document 0 is the person's own, so the others serve the visits in turn.
	v.Document = document(w.config.Seed, v.Person, 1+(v.Number-1)%(documentsPerPerson-1))
	v.Changes = planned
}

// transliterate rewrites the Latin names by an older table; it returns false and
// changes nothing when no table reads differently.
func (v *Visit) transliterate(s *stream) bool {
	schemes := [2]Scheme{Passport2007, National1996}
	if s.chance(0.25) {
		schemes[0], schemes[1] = schemes[1], schemes[0]
	}
	own := v.Identity
	for _, scheme := range schemes {
		v.writeLatin(scheme)
		if v.SurnameLatin != own.SurnameLatin || v.GivenLatin != own.GivenLatin {
			return true
		}
	}
	v.Identity = own
	return false
}

// otherDate edits a birth date the way errors and lies do. The result is always
// a day of the calendar and never the same day.
func otherDate(s *stream, d Date) Date {
	for {
		e := d
		switch s.below(4) {
		case 0, 1:
			if d.Day <= 12 {
				e.Day, e.Month = d.Month, d.Day
			}
		case 2:
			e.Month, e.Day = 1, 1
		case 3:
			// One of the last two digits of the year becomes another.
			if s.chance(0.5) {
				e.Year = d.Year - d.Year%10 + int(s.below(10))
			} else {
				e.Year = d.Year - d.Year%100 + 10*int(s.below(10)) + d.Year%10
			}
			e.Day = min(e.Day, daysIn(e.Year, e.Month))
			if e.Year < 1900 || e.Year > lastYear {
				continue
			}
		}
		if e != d {
			return e
		}
	}
}
