package synth

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// cyrillicName tells whether a name is a capital and small Ukrainian letters,
// with apostrophes between.
func cyrillicName(name string) bool {
	for i, r := range []rune(name) {
		switch {
		case i == 0 && !unicode.IsUpper(r):
			return false
		case i > 0 && r == 'ʼ':
		case !strings.ContainsRune("абвгґдеєжзиіїйклмнопрстуфхцчшщьюя", unicode.ToLower(r)):
			return false
		case i > 0 && unicode.IsUpper(r):
			return false
		}
	}
	return utf8.RuneCountInString(name) >= 2 && norm.NFC.IsNormalString(name)
}

// latinName is its counterpart; the scheme of 1996 writes apostrophes.
func latinName(name string) bool {
	for i, r := range name {
		if i == 0 != (r >= 'A' && r <= 'Z') || i > 0 && !(r >= 'a' && r <= 'z' || r == '\'') {
			return false
		}
	}
	return len(name) >= 2
}

func checkIdentity(t *testing.T, who string, id Identity) {
	t.Helper()
	for _, name := range []string{id.Surname, id.Given, id.Patronymic} {
		if !cyrillicName(name) {
			t.Fatalf("%s: %q is no Ukrainian name", who, name)
		}
	}
	for _, name := range []string{id.SurnameLatin, id.GivenLatin} {
		if !latinName(name) {
			t.Fatalf("%s: %q is no Latin name", who, name)
		}
	}
	if id.SurnameLatin != Latin(id.Scheme, id.Surname) || id.GivenLatin != Latin(id.Scheme, id.Given) {
		t.Fatalf("%s: %s %s written %s %s by %v", who, id.Surname, id.Given, id.SurnameLatin, id.GivenLatin, id.Scheme)
	}
	if _, err := time.Parse(time.DateOnly, id.BirthDate.String()); err != nil {
		t.Fatalf("%s: %v", who, err)
	}
	if id.Sex != Male && id.Sex != Female {
		t.Fatalf("%s: sex %v", who, id.Sex)
	}
	if len(id.Nationality) != 3 || strings.ToUpper(id.Nationality) != id.Nationality {
		t.Fatalf("%s: nationality %q", who, id.Nationality)
	}
	if len(id.Document) != 9 || id.Document[0] != 'X' {
		t.Fatalf("%s: document %q", who, id.Document)
	}
}

func TestPeopleArePlausible(t *testing.T) {
	const people = 30_000
	w := newWorld(t, Config{Seed: 21, People: people})
	surnames, documents, full := map[string]int{}, map[string]bool{}, map[string]bool{}
	male, ukrainian, newYear, twins := 0, 0, 0, 0
	for i := range people {
		p := w.Person(i)
		checkIdentity(t, fmt.Sprint("person ", i), p.Identity)
		if p.Index != i {
			t.Fatalf("person %d has index %d", i, p.Index)
		}
		ending := "вна"
		if p.Sex == Male {
			ending = "ч" // -ович, -ич and Ілліч
			male++
		}
		if !strings.HasSuffix(p.Patronymic, ending) {
			t.Fatalf("person %d, %v: patronymic %s", i, p.Sex, p.Patronymic)
		}
		if p.Sex == Female && strings.HasSuffix(p.Surname, "ський") || p.Sex == Male && strings.HasSuffix(p.Surname, "ська") {
			t.Fatalf("person %d, %v: surname %s", i, p.Sex, p.Surname)
		}
		if y := p.BirthDate.Year; y < firstYear || y > lastYear {
			t.Fatalf("person %d born in %d", i, y)
		}
		if documents[p.Document] {
			t.Fatalf("document %s twice", p.Document)
		}
		documents[p.Document] = true
		surnames[strings.TrimSuffix(strings.TrimSuffix(p.Surname, "ий"), "а")]++
		full[p.Surname+" "+p.Given+" "+p.Patronymic] = true
		if p.Nationality == "UKR" {
			ukrainian++
		}
		if p.BirthDate.Month == 1 && p.BirthDate.Day == 1 {
			newYear++
		}
		if p.Sibling >= 0 && p.Sibling < i && w.Person(i-1).BirthDate == p.BirthDate {
			twins++
		}
	}
	counts := make([]int, 0, len(surnames))
	for _, c := range surnames {
		counts = append(counts, c)
	}
	slices.Sort(counts)
	top := float64(counts[len(counts)-1]) / people
	t.Logf("%d surnames, most common %.2f %%, %d full names, %d twins", len(surnames), 100*top, len(full), twins)
	if len(surnames) < 2000 {
		t.Errorf("%d surnames, want at least 2000", len(surnames))
	}
	if top < 0.005 || top > 0.03 {
		t.Errorf("the most common surname has a share of %.4f, want 0.005-0.03", top)
	}
	if len(full) < people*8/10 {
		t.Errorf("%d full names of %d people, want at least 80 %%", len(full), people)
	}
	for _, c := range []struct {
		name      string
		n         int
		low, high float64
	}{{"male", male, 0.48, 0.52}, {"UKR", ukrainian, 0.68, 0.72}, {"1 January", newYear, 0.018, 0.028}, {"twins", twins, 0.004, 0.009}} {
		if share := float64(c.n) / people; share < c.low || share > c.high {
			t.Errorf("share of %s %.4f, want %v-%v", c.name, share, c.low, c.high)
		}
	}
}

func TestSiblingsShareAFamily(t *testing.T) {
	w := newWorld(t, Config{Seed: 22, People: 1})
	pairs := 0
	for i := range 5000 {
		p := w.Person(i)
		if p.Sibling < 0 {
			continue
		}
		pairs++
		q := w.Person(p.Sibling)
		if q.Sibling != i {
			t.Fatalf("person %d names sibling %d, who names %d", i, p.Sibling, q.Sibling)
		}
		if p.Given == q.Given || p.Nationality != q.Nationality {
			t.Fatalf("siblings %v and %v", p.Identity, q.Identity)
		}
		if p.Sex == q.Sex && (p.Surname != q.Surname || p.Patronymic != q.Patronymic) {
			t.Fatalf("siblings %v and %v", p.Identity, q.Identity)
		}
		if years := p.BirthDate.Year - q.BirthDate.Year; years < -8 || years > 8 {
			t.Fatalf("siblings %d years apart", years)
		}
	}
	if pairs < 500 {
		t.Errorf("%d people with a sibling of 5000, want at least 500", pairs)
	}
}

func TestPatronymics(t *testing.T) {
	for _, c := range []struct{ father, son, daughter string }{
		{"Іван", "Іванович", "Іванівна"}, {"Андрій", "Андрійович", "Андріївна"}, {"Юрій", "Юрійович", "Юріївна"},
		{"Петро", "Петрович", "Петрівна"}, {"Михайло", "Михайлович", "Михайлівна"}, {"Микола", "Миколайович", "Миколаївна"},
		{"Григорій", "Григорович", "Григорівна"}, {"Василь", "Васильович", "Василівна"}, {"Ілля", "Ілліч", "Іллівна"},
		{"Лука", "Лукич", "Луківна"}, {"Лев", "Львович", "Львівна"}, {"Яків", "Якович", "Яківна"},
		{"Федір", "Федорович", "Федорівна"}, {"Микита", "Микитович", "Микитівна"}, {"Лукʼян", "Лукʼянович", "Лукʼянівна"},
		{"Ігор", "Ігорович", "Ігорівна"}, {"Сава", "Савич", "Савівна"}, {"Хома", "Хомич", "Хомівна"}, {"Кузьма", "Кузьмич", "Кузьмівна"},
	} {
		if got := patronymic(c.father, Male); got != c.son {
			t.Errorf("son of %s: %s, want %s", c.father, got, c.son)
		}
		if got := patronymic(c.father, Female); got != c.daughter {
			t.Errorf("daughter of %s: %s, want %s", c.father, got, c.daughter)
		}
	}
}

func TestNameTables(t *testing.T) {
	n := newNameTables()
	for what, list := range map[string][]string{"stems": n.stems, "male": n.male, "female": n.female} {
		seen := map[string]bool{}
		for _, name := range list {
			if seen[name] {
				t.Errorf("%s holds %s twice", what, name)
			}
			if !cyrillicName(name) {
				t.Errorf("%s holds %q", what, name)
			}
			seen[name] = true
		}
	}
	whole := map[string]bool{}
	for stem := range n.stems {
		for end := range n.suffixes {
			whole[n.write(surname{stem, end}, Male)] = true
		}
	}
	if len(whole) < 2000 {
		t.Errorf("%d surnames, want at least 2000", len(whole))
	}
	if n.suffixes[0].male != "енко" || n.suffixes[2].female != "овська" || len(n.suffixes) != 12 {
		t.Errorf("suffixes %v", n.suffixes)
	}
}

// A ladder draws each index by its weight, as adding up says.
func TestLadderDrawsByWeight(t *testing.T) {
	l := newLadder([]uint64{5, 0, 1, 4})
	s := newStream(1, drawFamily, 1, 1)
	var counts [4]float64
	const n = 50_000
	for range n {
		counts[l.draw(&s)]++
	}
	for i, want := range []float64{0.5, 0, 0.1, 0.4} {
		if math.Abs(counts[i]/n-want) > 0.012 {
			t.Errorf("index %d came with share %.3f, want %.3f", i, counts[i]/n, want)
		}
	}
}

func TestDocumentsAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, person := range []int{0, 1, 2, 1000, 1_000_000, MaxPeople - 1} {
		for n := range documentsPerPerson {
			d := document(9, person, n)
			if seen[d] {
				t.Fatalf("document %s twice", d)
			}
			seen[d] = true
		}
	}
	// The step has no factor in common with the space, hence no two serials meet.
	a, b := documentSpace, documentStep
	for b != 0 {
		a, b = b, a%b
	}
	if a != 1 {
		t.Errorf("step and space of documents share the factor %d", a)
	}
}
