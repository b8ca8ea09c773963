package synth

import (
	"fmt"
	"strings"
)

// Population is people as a migration register knows them: of many cultures, in
// households, with papers and numbers, some of whom come back with errors in what they
// declare. It has no biometrics (see World) and models no real frequencies: shares and
// rates are made up, and named in cultures.txt and declared.csv. Names repeat as they do
// by chance.
//
// Individual i is made without making others, with the same bytes on every machine.
type Population struct {
	seed     uint64
	cultures []culture
	shares   ladder
	errors   []declaredError
	ages     ladder
}

// NewPopulation makes the population of a seed. It has MaxPeople individuals.
func NewPopulation(seed uint64) *Population {
	p := &Population{seed: seed, errors: readErrors(declaredText)}
	p.cultures, p.shares = readCultures(culturesText)
	// Heads of households, by five years of age from 20 on.
	p.ages = newLadder([]uint64{60, 75, 95, 105, 95, 85, 80, 80, 75, 70, 60, 40, 30, 20})
	return p
}

// nobody is the index of a relation that there is not.
const nobody = -1

// Individual is one synthetic person, as it is.
type Individual struct {
	Index     int
	Household int
	Culture   string
	// Father, Mother, Spouse and Twin are indexes, -1 for none; Identical twins have one
	// father, one mother and one sex.
	Father, Mother, Spouse, Twin int
	Identical                    bool
	// Declared is what is true, and declared at the first encounter.
	Declared
	// Maiden is the surname from before a marriage, in both letters; "" for none.
	Maiden, MaidenLatin string
	culture             *culture
}

// Declared is what is declared in one encounter. Names are in Cyrillic, NFC, apostrophe
// U+02BC, and in Latin letters as papers have them; papers have no patronymic.
type Declared struct {
	Surname, Given, Patronymic string
	SurnameLatin, GivenLatin   string
	Sex                        Sex
	// BirthDate is 1 January where only the year is known: YearOnly.
	BirthDate  Date
	YearOnly   bool
	BirthPlace string
	// Nationality is a code of ICAO 9303.
	Nationality string
	Residence   string
	Phone       string // shared in a household; "" for none
	TaxNumber   string // РНОКПП, "" for who has none
	Record      string // УНЗР, "" for who has none
	Paper       Paper
}

// householdSize is how many indexes a household has, whoever is in it.
const householdSize = 5

// presentYear is when papers are valid and ages are counted; no clock is read.
const presentYear = 2025

// member is what a household settles about one of its own.
type member struct {
	role        byte // f father, m mother, c child, g grandmother, s single
	sex         Sex
	born        Date
	yearOnly    bool
	names       suffix // surname
	maiden      suffix
	given       string
	father      string // given name of the father, for the patronymic
	f, m, s, t  int    // father, mother, spouse, twin: places in the household
	identical   bool
	nationality string
}

// household draws everybody of household h: what relations share has to be drawn in one
// place.
func (p *Population) household(h int) (*culture, [householdSize]member, *stream) {
	s := newStream(p.seed, drawHousehold, uint64(h), 0)
	c := &p.cultures[p.shares.draw(&s)]
	var all [householdSize]member
	roles := []string{"fmccg", "fmcss", "mccss", "fmccc", "sssss", "fmsss"}[ladder{25, 45, 60, 70, 90, 100}.draw(&s)]
	family, nation := c.surnameOf(&s), c.nations[c.nationBy.draw(&s)]
	headAge := 20 + 5*p.ages.draw(&s) + int(s.below(5))
	father := c.given(&s, Male)
	for i := range all {
		m := &all[i]
		*m = member{role: roles[i], names: family, nationality: nation, f: nobody, m: nobody, s: nobody, t: nobody, father: c.given(&s, Male)}
		if m.role == 'g' && presentYear-headAge-20 < 1940 {
			m.role = 's' // his mother would be too old
		}
		switch m.role {
		case 'f':
			m.sex, m.given = Male, father
			m.born = p.birth(&s, presentYear-headAge)
			m.s = 1
		case 'm':
			m.sex, m.given = Female, c.given(&s, Female)
			m.born = p.birth(&s, min(presentYear-headAge+int(s.below(6)), presentYear-18))
			m.maiden = c.surnameOf(&s)
			if i == 1 {
				m.s = 0
			} else {
				m.maiden = suffix{}
			}
		case 'g':
			m.sex, m.given = Female, c.given(&s, Female)
			m.born = p.birth(&s, presentYear-headAge-20-int(s.below(15)))
			m.maiden = c.surnameOf(&s)
			all[0].m = i
		case 'c':
			if p.child(&s, c, &all, i, father, headAge) {
				break
			}
			m.role = 's'
			p.single(&s, c, m)
		default:
			p.single(&s, c, m)
		}
		if m.yearOnly = s.below(1000) < c.unknown && m.t == nobody; m.yearOnly {
			m.born.Month, m.born.Day = 1, 1
		}
	}
	return c, all, &s
}

// single draws somebody of the culture without relatives here.
func (p *Population) single(s *stream, c *culture, m *member) {
	m.sex = Female
	if s.chance(0.6) {
		m.sex = Male
	}
	m.names, m.nationality = c.surnameOf(s), c.nations[c.nationBy.draw(s)]
	m.given = c.given(s, m.sex)
	m.born = p.birth(s, presentYear-18-5*p.ages.draw(s)-int(s.below(5)))
}

// child draws a child: surname and patronymic of the father, and now and then the birth
// date of the one before. There is none where the parents are too young for another.
func (p *Population) child(s *stream, c *culture, all *[householdSize]member, i int, father string, headAge int) bool {
	m := &all[i]
	// One birth in 60 is of twins, a third of whom are identical.
	before := &all[i-1]
	twins := before.role == 'c' && before.t == nobody && s.chance(0.03)
	born, ok := p.birthOfChild(s, all[:i], headAge)
	if !ok && !twins {
		return false
	}
	m.father, m.born = father, born
	if all[0].role == 'f' {
		m.f, m.m = 0, 1
	} else {
		m.m = 0
	}
	m.sex = Female
	if s.chance(0.51) {
		m.sex = Male
	}
	if twins {
		m.t, before.t = i-1, i
		m.born, m.yearOnly, before.yearOnly = before.born, false, false
		if m.identical = s.chance(0.33); m.identical {
			before.identical, m.sex = true, before.sex
		}
	}
	// Brothers of one given name would be one person to a register.
	for again := true; again; {
		m.given, again = c.given(s, m.sex), false
		for k := range i {
			again = again || all[k].role == 'c' && all[k].given == m.given
		}
	}
	return true
}

// birthOfChild is two years at least from those of the others.
func (p *Population) birthOfChild(s *stream, others []member, headAge int) (Date, bool) {
	for range 20 {
		d := p.birth(s, presentYear-1-int(s.below(uint64(max(1, min(headAge-24, 40))))))
		ok := true
		for _, o := range others {
			if years := d.Year - o.born.Year; o.role == 'c' && years > -2 && years < 2 {
				ok = false
			}
		}
		if ok {
			return d, true
		}
	}
	return Date{}, false
}

func (*Population) birth(s *stream, year int) Date { return drawDay(s, year) }

// drawDay is a day of a year, each alike.
func drawDay(s *stream, year int) Date {
	d := Date{Year: year, Month: 1 + int(s.below(12))}
	d.Day = 1 + int(s.below(uint64(daysIn(d.Year, d.Month))))
	return d
}

// Individual makes individual i, 0..MaxPeople-1. It panics when i is negative.
func (p *Population) Individual(i int) Individual {
	checkIndex("individual", i)
	h, place := i/householdSize, i%householdSize
	c, all, _ := p.household(h)
	m := &all[place]
	s := newStream(p.seed, drawIndividual, uint64(i), 0)
	index := func(place int) int {
		if place == nobody {
			return nobody
		}
		return h*householdSize + place
	}
	out := Individual{Index: i, Household: h, Culture: c.name, culture: c, Father: index(m.f), Mother: index(m.m), Spouse: index(m.s), Twin: index(m.t), Identical: m.identical}
	d := &out.Declared
	d.Surname, d.Given, d.Sex = m.names.of(m.sex), m.given, m.sex
	if m.maiden != (suffix{}) {
		out.Maiden = m.maiden.of(m.sex)
		out.MaidenLatin = c.latin(out.Maiden, 0)
	}
	if c.father {
		d.Patronymic = patronymic(m.father, m.sex)
	}
	d.SurnameLatin, d.GivenLatin = c.latin(d.Surname, 0), c.latin(d.Given, 0)
	d.BirthDate, d.YearOnly, d.Nationality = m.born, m.yearOnly, m.nationality
	// What a household shares is drawn from its number.
	shared := newStream(p.seed, drawHousehold, uint64(h), 1)
	d.Residence = p.cultures[0].places[p.cultures[0].placeBy.draw(&shared)]
	home := c.places[c.placeBy.draw(&shared)]
	phone := telephone(&shared)
	if m.role == 's' {
		d.Residence = p.cultures[0].places[p.cultures[0].placeBy.draw(&s)]
		home, phone = c.places[c.placeBy.draw(&s)], telephone(&s)
	}
	d.BirthPlace = home
	if s.chance(0.25) {
		d.BirthPlace = c.places[c.placeBy.draw(&s)]
	}
	if m.t != nobody {
		d.BirthPlace = home
	}
	switch {
	case m.role == 'c' && presentYear-m.born.Year < 16, s.chance(0.5):
		d.Phone = phone
	case s.chance(0.9):
		d.Phone = telephone(&s)
	}
	if d.Nationality == "UKR" && !s.chance(0.02) || d.Nationality != "UKR" && s.chance(0.15) {
		d.TaxNumber = taxNumber(d.BirthDate, d.Sex, int(s.below(5000)))
	}
	if d.Nationality == "UKR" && s.chance(0.6) || d.Nationality != "UKR" && s.chance(0.3) {
		d.Record = recordNumber(d.BirthDate, int(s.below(10_000)))
	}
	d.Paper = p.paper(&s, d, i, 0)
	return out
}

// paper draws a document; numbers of one population are unique.
func (p *Population) paper(s *stream, d *Declared, i, n int) Paper {
	out := Paper{Number: document(p.seed, i, n), Issuer: d.Nationality, Type: "passport", Expiry: drawDay(s, presentYear+int(s.below(10)))}
	switch {
	case d.Nationality == "UKR":
		if s.chance(0.4) {
			out.Type = "id-card"
		}
	case d.Nationality == "XXA":
		out.Type, out.Issuer = "refugee", "UKR"
	case s.chance(0.35):
		out.Type, out.Issuer = "residence-permit", "UKR"
	case s.chance(0.1):
		out.Type, out.Issuer = "temporary-protection", "UKR"
	}
	out.zone(d)
	return out
}

func telephone(s *stream) string {
	return fmt.Sprintf("+380%02d%07d", []int{39, 50, 63, 66, 67, 68, 73, 93, 95, 96, 97, 98, 99}[s.below(13)], s.below(10_000_000))
}

// Errors are what differs in a record from what is true, in the words of declared.csv,
// joined by +; "" for nothing.
type Errors []string

func (e Errors) String() string { return strings.Join(e, "+") }

// Has tells whether an error is among them.
func (e Errors) Has(name string) bool {
	for _, x := range e {
		if x == name {
			return true
		}
	}
	return false
}

// Record makes record n of individual i: 0 is the first encounter, at which all is
// declared as it is; later ones have errors. Papers have what the person declares, and no
// mistake of a clerk.
func (p *Population) Record(i, n int) (Individual, Declared, Errors) {
	checkIndex("record", n)
	who := p.Individual(i)
	d := who.Declared
	if n == 0 {
		return who, d, nil
	}
	s := newStream(p.seed, drawDeclared, uint64(i), uint64(n))
	e := &declaring{p: p, who: &who, d: &d, s: &s, n: n}
	var made Errors
	written := false
	for _, kind := range p.errors {
		if kind.clerk && !written {
			d.Paper.zone(&d)
			written = true
		}
		if s.below(1000) < kind.perMille && e.make(kind.name) {
			made = append(made, kind.name)
		}
	}
	return who, d, made
}

// Returns is how many records individual i has beside the first, where a share of the
// people has one more.
func (p *Population) Returns(i int, share float64) int {
	s := newStream(p.seed, drawDeclared, uint64(i), 0)
	if s.chance(share) {
		return 1
	}
	return 0
}
