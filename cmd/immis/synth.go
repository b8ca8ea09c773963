package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"immis/bench/synth"
)

// synthCmd is the group of makers of synthetic data, one field each.
type synthCmd struct {
	Fingers synthFingersCmd `cmd:"" help:"Images of fingers with their true minutiae."`
	Faces   synthFacesCmd   `cmd:"" help:"Drawn portraits of nobody."`
	People  synthPeopleCmd  `cmd:"" help:"Records of people who do not exist, with the truth about who is who."`
}

type synthPeopleCmd struct {
	Persons   int     `default:"1000" help:"People (default ${default})."`
	Seed      uint64  `default:"1" help:"Picks the population (default ${default})."`
	Returning float64 `default:"0.2" placeholder:"SHARE" help:"Share of the people with a second record, 0 to 1 (default ${default})."`
	Out       string  `required:"" placeholder:"DIR" help:"Folder for people.csv and truth.csv, made if it is not there."`
	Force     bool    `help:"Overwrite what is there."`
}

// Help implements kong.HelpProvider.
func (*synthPeopleCmd) Help() string {
	return `Writes people.csv, a record a line (names in Cyrillic and Latin letters, birth date and place, nationality, papers with their machine-readable zone, РНОКПП, УНЗР, telephone), and truth.csv: whose each record is, relations, and the errors that were made in it. The same seed gives the same bytes on every machine, and the first N people of a larger population are those of a smaller one. docs/SYNTHETIC.md says what is modeled and what is not.

Nobody in it exists, and no rate in it is that of a country.

Examples:
  immis synth people --persons 100000 --out people
  immis synth people --persons 1000000 --returning 0.05 --seed 7 --out people --json`
}

// peopleHead and truthHead are the columns.
func peopleHead() []string {
	return []string{"record", "surname", "given_names", "patronymic", "surname_latin", "given_names_latin", "sex", "birth_date", "birth_place", "nationality", "residence", "phone", "rnokpp", "unzr",
		"document_type", "document_number", "document_issuer", "document_expiry", "mrz_1", "mrz_2", "mrz_3"}
}

func truthHead() []string {
	return []string{"record", "person", "number", "culture", "household", "father", "mother", "spouse", "twin", "identical", "birth_surname", "birth_year_only", "errors"}
}

// synthPeople is what the command says when it is done.
type synthPeople struct {
	Persons int    `json:"persons"`
	Records int    `json:"records"`
	People  string `json:"people"`
	Truth   string `json:"truth"`
}

// Run writes the files.
func (c *synthPeopleCmd) Run(a *app) (err error) {
	if c.Persons < 1 || c.Persons > synth.MaxPeople {
		return usage("--persons %d, want 1..%d", c.Persons, synth.MaxPeople)
	}
	if !(c.Returning >= 0 && c.Returning <= 1) {
		return usage("--returning %v, want 0..1", c.Returning)
	}
	if err := os.MkdirAll(c.Out, 0o750); err != nil {
		return usage("--out: %v", err)
	}
	done := synthPeople{Persons: c.Persons, People: filepath.Join(c.Out, "people.csv"), Truth: filepath.Join(c.Out, "truth.csv")}
	people, err := c.create(done.People)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, people.Close()) }()
	truth, err := c.create(done.Truth)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, truth.Close()) }()
	w, tw := csv.NewWriter(people), csv.NewWriter(truth)
	_ = w.Write(peopleHead()) // kept until Flush, which tells
	_ = tw.Write(truthHead())
	p := synth.NewPopulation(c.Seed)
	ph := &phases{app: a}
	defer ph.end()
	for i := range c.Persons {
		if i%1024 == 0 {
			if err := a.ctx.Err(); err != nil {
				return err
			}
			ph.tell("people", i, c.Persons)
		}
		for n := range 1 + p.Returns(i, c.Returning) {
			who, d, errs := p.Record(i, n)
			id := fmt.Sprintf("R%09d-%d", i, n)
			_ = w.Write(personRow(id, &d))
			_ = tw.Write(truthRow(id, n, &who, errs))
			done.Records++
		}
	}
	w.Flush()
	tw.Flush()
	if err := errors.Join(w.Error(), tw.Error()); err != nil {
		return fmt.Errorf("write people: %w", err)
	}
	ph.end()
	if a.json {
		return a.printValue(done)
	}
	a.printf("%d people, %d records in %s, the truth in %s\n", done.Persons, done.Records, done.People, done.Truth)
	return nil
}

func (c *synthPeopleCmd) create(name string) (*os.File, error) {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if c.Force {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(filepath.Clean(name), flags, 0o640)
	if errors.Is(err, fs.ErrExist) {
		return nil, usage("%s is there already; --force overwrites it", name)
	}
	return f, err
}

func personRow(id string, d *synth.Declared) []string {
	row := []string{id, d.Surname, d.Given, d.Patronymic, d.SurnameLatin, d.GivenLatin, d.Sex.String(), d.BirthDate.String(), d.BirthPlace, d.Nationality, d.Residence, d.Phone, d.TaxNumber, d.Record,
		d.Paper.Type, d.Paper.Number, d.Paper.Issuer, d.Paper.Expiry.String(), "", "", ""}
	copy(row[len(row)-3:], d.Paper.MRZ)
	return row
}

func truthRow(id string, n int, who *synth.Individual, errs synth.Errors) []string {
	relation := func(i int) string {
		if i < 0 {
			return ""
		}
		return strconv.Itoa(i)
	}
	flag := func(v bool) string {
		if v {
			return "1"
		}
		return "0"
	}
	return []string{id, strconv.Itoa(who.Index), strconv.Itoa(n), who.Culture, strconv.Itoa(who.Household), relation(who.Father), relation(who.Mother), relation(who.Spouse), relation(who.Twin),
		flag(who.Identical), who.Maiden, flag(who.YearOnly), errs.String()}
}
