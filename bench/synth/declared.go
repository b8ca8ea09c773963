package synth

import (
	_ "embed"
	"strings"
)

//go:embed declared.csv
var declaredText string

// declaredError is a way in which a later record differs. What a person declares comes
// first, and is in the papers; what a clerk mistakes comes after it, and is not.
type declaredError struct {
	name     string
	perMille uint64
	clerk    bool
}

func readErrors(text string) []declaredError {
	var out []declaredError
	for _, line := range strings.Split(strings.TrimSpace(text), "\n")[1:] {
		f := strings.SplitN(line, ",", 4)
		out = append(out, declaredError{f[0], decimal(f[1]), f[2] == "clerk"})
	}
	return out
}

// russianNames are Ukrainian given names with their Russian forms, written in Ukrainian
// letters where documents of the time did and in Russian ones where they have others.
const russianNames = `Олександр:Александр Микола:Николай Дмитро:Дмитрий Михайло:Михаил Петро:Пётр Павло:Павел Сергій:Сергей Андрій:Андрей Володимир:Владимир Григорій:Григорий Василь:Василий Юрій:Юрий Віктор:Виктор Іван:Иван Олексій:Алексей Євген:Евгений Віталій:Виталий Анатолій:Анатолий Ігор:Игорь Кирило:Кирилл Микита:Никита Данило:Даниил Тимофій:Тимофей Матвій:Матвей Костянтин:Константин Олег:Олег Федір:Фёдор Ілля:Илья Семен:Семён Георгій:Георгий Валерій:Валерий Леонід:Леонид Геннадій:Геннадий Максим:Максим Станіслав:Станислав Денис:Денис Степан:Степан
Олена:Елена Наталія:Наталья Тетяна:Татьяна Ірина:Ирина Людмила:Людмила Світлана:Светлана Галина:Галина Марія:Мария Юлія:Юлия Надія:Надежда Ганна:Анна Любов:Любовь Катерина:Екатерина Вікторія:Виктория Ольга:Ольга Анастасія:Анастасия Віра:Вера Дарія:Дарья Софія:Софья Христина:Кристина Лідія:Лидия Раїса:Раиса Єлизавета:Елизавета Євгенія:Евгения Ксенія:Ксения Валерія:Валерия Маргарита:Маргарита Зінаїда:Зинаида Лілія:Лилия Вероніка:Вероника Олександра:Александра`

// russianForm is the Russian form of a given name, "" where none is known or it is the same.
func russianForm(given string) string {
	for _, f := range strings.Fields(russianNames) {
		if uk, ru, _ := strings.Cut(f, ":"); uk == given && ru != uk {
			return ru
		}
	}
	return ""
}

// lookAlikes are Cyrillic letters and the Latin ones that look the same.
const (
	lookAlikes     = "аеіосрхуАВЕІКМНОРСТХ"
	lookAlikeLatin = "aeiocpxyABEIKMHOPCTX"
)

// declaring makes the errors of one record.
type declaring struct {
	p   *Population
	who *Individual
	d   *Declared
	s   *stream
	n   int
}

// make makes one error and tells whether it could.
func (e *declaring) make(kind string) bool {
	before := *e.d
	d, c := e.d, e.who.culture
	switch kind {
	case "transliteration":
		way := 1 + int(e.s.below(2))
		d.SurnameLatin, d.GivenLatin = c.latin(d.Surname, way), c.latin(d.Given, way)
	case "russian_name":
		if form := russianForm(d.Given); form != "" && !c.arabic {
			d.Given = form
			d.GivenLatin = russianLatin(form)
		}
	case "typo", "dropped_letter", "doubled_letter", "transposed_letters", "look_alike":
		e.letter(kind)
	case "apostrophe":
		with := []string{"'", "’", "", "`"}[e.s.below(4)]
		d.Surname, d.Given = strings.ReplaceAll(d.Surname, "ʼ", with), strings.ReplaceAll(d.Given, "ʼ", with)
	case "truncated":
		if r := []rune(d.Surname); len(r) > 12 {
			d.Surname = string(r[:12])
		}
	case "swapped_fields":
		d.Surname, d.Given = d.Given, d.Surname
		d.SurnameLatin, d.GivenLatin = d.GivenLatin, d.SurnameLatin
	case "joined_fields":
		d.Surname, d.Given, d.Patronymic = strings.TrimSpace(d.Surname+" "+d.Given+" "+d.Patronymic), "", ""
		d.SurnameLatin, d.GivenLatin = d.SurnameLatin+" "+d.GivenLatin, ""
	case "missing_patronymic":
		d.Patronymic = ""
	case "married_name":
		if e.who.Maiden != "" && d.Surname == e.who.Surname {
			d.Surname, d.SurnameLatin = e.who.Maiden, e.who.MaidenLatin
		}
	case "invented_name":
		d.Surname, d.Given = c.surnameOf(e.s).of(d.Sex), c.given(e.s, d.Sex)
		d.SurnameLatin, d.GivenLatin = c.latin(d.Surname, 0), c.latin(d.Given, 0)
	case "day_month":
		if b := d.BirthDate; b.Day <= 12 {
			d.BirthDate.Day, d.BirthDate.Month = b.Month, b.Day
		}
	case "year_off":
		d.BirthDate.Year += 1 - 2*int(e.s.below(2))
		d.BirthDate.Day = min(d.BirthDate.Day, daysIn(d.BirthDate.Year, d.BirthDate.Month))
	case "digit":
		if e.s.chance(0.5) {
			d.BirthDate.Year = d.BirthDate.Year/10*10 + int(e.s.below(10))
		} else {
			d.BirthDate.Day = d.BirthDate.Day/10*10 + int(e.s.below(10))
		}
		d.BirthDate.Day = max(1, min(d.BirthDate.Day, daysIn(d.BirthDate.Year, d.BirthDate.Month)))
	case "default_date":
		d.BirthDate.Month, d.BirthDate.Day = 1, 1
	case "other_nationality":
		other := e.p.cultures[e.p.shares.draw(e.s)]
		d.Nationality = other.nations[other.nationBy.draw(e.s)]
	case "other_place":
		if d.BirthPlace = c.places[0]; before.BirthPlace == c.places[0] || e.s.chance(0.3) {
			d.BirthPlace = ""
		}
	case "other_phone":
		if d.Phone = telephone(e.s); e.s.chance(0.3) {
			d.Phone = ""
		}
	case "other_document":
		d.Paper = e.p.paper(e.s, d, e.who.Index, 1+(e.n-1)%(documentsPerPerson-1))
	case "no_numbers":
		d.TaxNumber, d.Record = "", ""
	default:
		panic("synth: error " + kind)
	}
	return !same(&before, d)
}

func same(a, b *Declared) bool {
	return a.Surname == b.Surname && a.Given == b.Given && a.Patronymic == b.Patronymic && a.SurnameLatin == b.SurnameLatin && a.GivenLatin == b.GivenLatin &&
		a.BirthDate == b.BirthDate && a.BirthPlace == b.BirthPlace && a.Nationality == b.Nationality && a.Phone == b.Phone &&
		a.TaxNumber == b.TaxNumber && a.Record == b.Record && a.Paper.Number == b.Paper.Number
}

// letter makes a mistake of one letter in the surname or, one time in three, the given name.
func (e *declaring) letter(kind string) {
	name := &e.d.Surname
	if e.s.chance(1.0 / 3) {
		name = &e.d.Given
	}
	r := []rune(*name)
	if len(r) < 4 {
		return
	}
	at := 1 + int(e.s.below(uint64(len(r)-2))) // neither the first nor the last
	const letters = "абвгдежзиіклмнопрстухцчшюя"
	switch kind {
	case "typo":
		r[at] = []rune(letters)[e.s.below(uint64(len([]rune(letters))))]
	case "dropped_letter":
		r = append(r[:at], r[at+1:]...)
	case "doubled_letter":
		r = append(r[:at+1], r[at:]...)
	case "transposed_letters":
		r[at], r[at+1] = r[at+1], r[at]
	case "look_alike":
		for i, c := range r {
			if k := strings.IndexRune(lookAlikes, c); k >= 0 {
				r[i] = rune(lookAlikeLatin[len([]rune(lookAlikes[:k]))])
			}
		}
	}
	*name = string(r)
}

// russianLatin writes a Russian given name as Soviet and Russian passports of 1997 do.
func russianLatin(name string) string {
	var b strings.Builder
	table := map[rune]string{'е': "e", 'ё': "e", 'и': "i", 'ы': "y", 'э': "e", 'г': "g", 'й': "y", 'ь': "", 'ю': "yu", 'я': "ya", 'х': "kh"}
	for _, r := range name {
		lower := []rune(strings.ToLower(string(r)))[0]
		text, ok := table[lower]
		if !ok {
			text = Latin(KMU2010, string(lower))
		}
		if lower != r && text != "" {
			text = strings.ToUpper(text[:1]) + text[1:]
		}
		b.WriteString(text)
	}
	return b.String()
}
