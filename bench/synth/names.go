package synth

import (
	"sort"
	"strings"
)

// Names are built from parts so that a population has thousands of surnames with
// the skew of a real one and none is copied from a register. Order is frequency:
// the first of a list is the most common.
const (
	// surnameStems end in a hard consonant; every suffix starts with a vowel.
	surnameStems = `Шевч Ковал Бондар Ткач Кравч Мельн Олійн Петр Павл Іван
Савч Марч Руд Мороз Клим Лис Поліщ Гавр Сидор Харч
Кузьм Семен Роман Левч Васил Юрч Яц Панас Тимош Гнат
Федор Степан Данил Захар Кост Мазур Козач Гриц Демч Прокоп
Остап Кирил Антон Макар Назар Мирон Лазар Тарас Карп Онищ
Пилип Радч Рябч Сав Терещ Тимч Трох Устим Хом Худ
Цимбал Чумач Шульг Щерб Юхим Яким Ярем Яков Згур Розгон
Ніч Нестер Микит Микол Мус Олекс Омел Опанас Орл Остр
Паламар Пархом Пасіч Пономар Приход Родіон Самійл Свирид Скляр Сокол
Солов Стас Стельмах Супрун Тищ Фес Циган Чеп Черн Чорн
Шам Шапов Шпак Штеп Юр Яр Ярош Ящ Євтуш Єрем
Єфрем Їжак Аврам Адам Андр Бабич Баран Безруч Білоус Бойч
Борис Бут Вакул Варвар Верб Вовч Войт Волош Гайд Галущ
Ганж Герасим Гладч Голов Гонч Горб Горд Грабов Гуз Гумен
Дан Демʼян Дем Денис Деркач Дмитр Довг Дорош Дуд Дяч
Жук Журав Завгород Зайч Заріч Зінч Зуб Ігнат Ільч Калин
Камін Капуст Касян Качур Кисіл Колес Комар Корж Корн Коц
Кош Криж Кухар Куц Лаврін Лемеш Литвин Лукʼян Луц Макс
Малиш Марʼян Мартин Матв Мац Миш Мищ Неч Новос Вʼюн
Ґалаґ Йосип Юст Ясин Збруч Щегл Дзюб Джур Хмар Цвіт`

	// surnameSuffixes with their weights; the ending after / is feminine.
	surnameSuffixes = `енко:340 ук:170 овський/овська:80 ів:60 ович:50 инський/инська:50
ак:45 ишин:45 ець:40 ич:30 ун:20 ура:20`

	maleNames = `Олександр Сергій Володимир Андрій Микола Іван Віктор Юрій Дмитро Василь
Михайло Олег Анатолій Ігор Роман Максим Богдан Віталій Євген Артем
Денис Ярослав Тарас Петро Павло Степан Григорій Валентин Назар Вадим
Станіслав Кирило Владислав Олексій Руслан Костянтин Антон Данило Матвій Тимофій
Марко Лукʼян Демʼян Яків Ілля Лев Хома Лука Остап Северин
Мирон Федір Всеволод Гліб Захар Юліан Зиновій Любомир Орест Святослав
Семен Арсен Микита Сава Кузьма Йосип`

	femaleNames = `Олена Наталія Тетяна Ірина Оксана Людмила Світлана Галина Марія Юлія
Надія Анна Ганна Валентина Любов Катерина Вікторія Ольга Лариса Анастасія
Інна Алла Ніна Віра Аліна Дарія Софія Христина Яна Леся
Зоя Лідія Раїса Єлизавета Євгенія Поліна Злата Соломія Богдана Діана
Роксолана Мирослава Ярослава Уляна Емілія Стефанія Маргарита Олександра Тамара Зінаїда
Руслана Лілія Вероніка Мілана Варвара Таїсія Жанна Орися Любомира Ївга
Мотря Дзвенислава Єва Юстина Квітослава Устина`
)

// nameTables are the lists of a world with their frequencies. Never changed
// after newNameTables.
type nameTables struct {
	stems    []string
	stemBy   ladder
	suffixes []suffix
	suffixBy ladder
	male     []string
	maleBy   ladder
	female   []string
	femaleBy ladder
}

// suffix is a surname's ending by sex.
type suffix struct{ male, female string }

// surname names one surname of the tables, whatever the sex of who bears it.
type surname struct{ stem, suffix int }

func newNameTables() nameTables {
	t := nameTables{
		stems:  strings.Fields(surnameStems),
		male:   strings.Fields(maleNames),
		female: strings.Fields(femaleNames),
	}
	t.stemBy = zipf(len(t.stems), 8)
	t.maleBy = zipf(len(t.male), 6)
	t.femaleBy = zipf(len(t.female), 6)
	var weights []uint64
	for _, field := range strings.Fields(surnameSuffixes) {
		forms, weight, _ := strings.Cut(field, ":")
		male, female, twoForms := strings.Cut(forms, "/")
		if !twoForms {
			female = male
		}
		t.suffixes = append(t.suffixes, suffix{male, female})
		weights = append(weights, decimal(weight))
	}
	t.suffixBy = newLadder(weights)
	return t
}

// drawSurname draws a surname by frequency.
func (t *nameTables) drawSurname(s *stream) surname {
	return surname{stem: t.stemBy.draw(s), suffix: t.suffixBy.draw(s)}
}

// write gives a surname the ending of a sex.
func (t *nameTables) write(n surname, sex Sex) string {
	if sex == Female {
		return t.stems[n.stem] + t.suffixes[n.suffix].female
	}
	return t.stems[n.stem] + t.suffixes[n.suffix].male
}

// drawGiven draws a given name of a sex by frequency.
func (t *nameTables) drawGiven(s *stream, sex Sex) string {
	if sex == Female {
		return t.female[t.femaleBy.draw(s)]
	}
	return t.male[t.maleBy.draw(s)]
}

// patronymic forms the patronymic of a father's given name. Rule: a name in a
// consonant takes -ович and -івна; final й gives -йович and -ївна; final о, а, ь
// fall away. The irregular ones are listed.
func patronymic(father string, sex Sex) string {
	son, daughter := "", ""
	switch father {
	case "Микола":
		son, daughter = "Миколайович", "Миколаївна"
	case "Григорій":
		son, daughter = "Григорович", "Григорівна"
	case "Ілля":
		son, daughter = "Ілліч", "Іллівна"
	case "Лука":
		son, daughter = "Лукич", "Луківна"
	case "Хома":
		son, daughter = "Хомич", "Хомівна"
	case "Кузьма":
		son, daughter = "Кузьмич", "Кузьмівна"
	case "Сава":
		son, daughter = "Савич", "Савівна"
	case "Яків":
		son, daughter = "Якович", "Яківна"
	case "Лев":
		son, daughter = "Львович", "Львівна"
	case "Федір":
		son, daughter = "Федорович", "Федорівна"
	case "Василь":
		son, daughter = "Васильович", "Василівна"
	default:
		if stem, ok := strings.CutSuffix(father, "й"); ok {
			son, daughter = father+"ович", stem+"ївна"
			break
		}
		stem := strings.TrimSuffix(strings.TrimSuffix(father, "о"), "а")
		son, daughter = stem+"ович", stem+"івна"
	}
	if sex == Female {
		return daughter
	}
	return son
}

// ladder draws an index by integer weights: cumulative sums and a binary search,
// so no frequency depends on rounding.
type ladder []uint64

func newLadder(weights []uint64) ladder {
	l := make(ladder, len(weights))
	sum := uint64(0)
	for i, w := range weights {
		sum += w
		l[i] = sum
	}
	return l
}

// zipf gives rank r the weight 1/(r+offset) (Zipf and Mandelbrot): the offset
// flattens the top, as in registers of names.
func zipf(n, offset int) ladder {
	weights := make([]uint64, n)
	for r := range weights {
		weights[r] = 1_000_000_000 / uint64(r+1+offset)
	}
	return newLadder(weights)
}

func (l ladder) draw(s *stream) int {
	v := s.below(l[len(l)-1])
	return sort.Search(len(l), func(i int) bool { return l[i] > v })
}

// decimal reads a weight of this file; anything but digits breaks an invariant.
func decimal(text string) uint64 {
	v := uint64(0)
	for _, c := range text {
		if c < '0' || c > '9' {
			panic("synth: weight " + text + ", want digits")
		}
		v = v*10 + uint64(c-'0')
	}
	return v
}
