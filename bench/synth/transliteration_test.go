package synth

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// The examples stand in the resolution and in the tables of identity documents.
func TestLatinExamples(t *testing.T) {
	for _, c := range []struct{ name, kmu2010, passport2007, national1996 string }{
		{"Сергій Згурський", "Serhii Zghurskyi", "Sergii Zgurskyi", "Serhii Zghurs'kyi"},
		{"Єлизавета Щербань", "Yelyzaveta Shcherban", "Ielyzaveta Shcherban", "Yelyzaveta Scherban'"},
		{"Юлія Цюх", "Yuliia Tsiukh", "Iuliia Tsiukh", "Yuliia Tsiukh"},
	} {
		for s, want := range map[Scheme]string{KMU2010: c.kmu2010, Passport2007: c.passport2007, National1996: c.national1996} {
			if got := Latin(s, c.name); got != want {
				t.Errorf("%v: %s is %q, want %q", s, c.name, got, want)
			}
		}
	}
}

// The letters of resolution 55 with the examples given there.
func TestLatinResolution55(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"Алушта", "Alushta"}, {"Борщагівка", "Borshchahivka"}, {"Вінниця", "Vinnytsia"},
		{"Гадяч", "Hadiach"}, {"Богдан", "Bohdan"}, {"Ґалаґан", "Galagan"}, {"Ґорґани", "Gorgany"},
		{"Донецьк", "Donetsk"}, {"Рівне", "Rivne"}, {"Єнакієве", "Yenakiieve"}, {"Гаєвич", "Haievych"},
		{"Короп'є", "Koropie"}, {"Житомир", "Zhytomyr"}, {"Закарпаття", "Zakarpattia"}, {"Казимирчук", "Kazymyrchuk"},
		{"Медвин", "Medvyn"}, {"Михайленко", "Mykhailenko"}, {"Іванків", "Ivankiv"}, {"Іващенко", "Ivashchenko"},
		{"Їжакевич", "Yizhakevych"}, {"Кадиївка", "Kadyivka"}, {"Мар'їне", "Marine"}, {"Йосипівка", "Yosypivka"},
		{"Стрий", "Stryi"}, {"Олексій", "Oleksii"}, {"Лебедин", "Lebedyn"}, {"Ужгород", "Uzhhorod"},
		{"Харків", "Kharkiv"}, {"Біла Церква", "Bila Tserkva"}, {"Стецюк", "Stetsiuk"}, {"Чернівці", "Chernivtsi"},
		{"Шостка", "Shostka"}, {"Гоща", "Hoshcha"}, {"Гаращенко", "Harashchenko"}, {"Юрій", "Yurii"},
		{"Корюківка", "Koriukivka"}, {"Яготин", "Yahotyn"}, {"Ярошенко", "Yaroshenko"}, {"Костянтин", "Kostiantyn"},
		{"Знам'янка", "Znamianka"}, {"Феодосія", "Feodosiia"}, {"Згорани", "Zghorany"}, {"Розгон", "Rozghon"},
		// beyond the examples: double names, capitals, the three apostrophes, what is kept
		{"Нечуй-Яворівський", "Nechui-Yavorivskyi"}, {"Дем’янюк", "Demianiuk"}, {"Демʼянюк", "Demianiuk"},
		{"ЩЕРБАНЬ", "SHCHERBAN"}, {"ЗГУРСЬКИЙ", "ZGHURSKYI"}, {"ЯКІВ Є.", "YAKIV Ye."}, {"Є.", "Ye."}, {"ЦЮХ", "TSIUKH"}, {"", ""},
		{"Ьь", ""}, {"Smith 7", "Smith 7"}, {"Мʼята", "Miata"},
	} {
		if got := Latin(KMU2010, c.name); got != c.want {
			t.Errorf("%s is %q, want %q", c.name, got, c.want)
		}
	}
}

// The published tables, where they are at hand, against the switch, letter by
// letter at the start and inside a word.
func TestLatinAgainstPublishedTables(t *testing.T) {
	path := filepath.Join("..", "..", "..", "shared", "specs", "translit", "translit_tables_ua_ru.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("published tables not at hand: %v", err)
	}
	var tables map[string]struct {
		Main   map[string]string `json:"main_translit_table"`
		First  map[string]string `json:"first_characters"`
		Delete []string          `json:"delete_cases"`
	}
	if err := json.Unmarshal(text, &tables); err != nil {
		t.Fatal(err)
	}
	for s, name := range map[Scheme]string{KMU2010: "UkrainianKMU", Passport2007: "UkrainianPassport2007", National1996: "UkrainianNational1996"} {
		table := tables[name]
		if len(table.Main) < 32 {
			t.Fatalf("table %s has %d letters, want at least 32", name, len(table.Main))
		}
		for letter, inside := range table.Main {
			if got := strings.TrimPrefix(Latin(s, "а"+letter), "a"); got != inside {
				t.Errorf("%v: %s inside a word is %q, want %q", s, letter, got, inside)
			}
			first := inside
			if form, ok := table.First[letter]; ok {
				first = form
			}
			if got := Latin(s, letter); got != first {
				t.Errorf("%v: %s at the start is %q, want %q", s, letter, got, first)
			}
		}
		for _, letter := range table.Delete {
			if got := Latin(s, "а"+letter); got != "a" {
				t.Errorf("%v: %s is %q, want it dropped", s, letter, got[1:])
			}
		}
	}
}

func FuzzLatin(f *testing.F) {
	seeds := latinSeeds()
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for s := KMU2010; s <= National1996; s++ {
			for _, r := range Latin(s, name) {
				if strings.ContainsRune("абвгґдеєжзиіїйклмнопрстуфхцчшщьюя", unicode.ToLower(r)) {
					t.Fatalf("%v: %q keeps the letter %q", s, name, r)
				}
			}
		}
	})
}

func latinSeeds() []string {
	return []string{"", "Згурський", "ЗГ", "зГ", "'я", "Є-Є", "\xff\xfe", "й", "ЬЬь’ʼ'", "Ъыэё", "Щ щ"}
}

func TestLatinSeedsAreThere(t *testing.T) {
	if n := len(latinSeeds()); n != 11 {
		t.Errorf("%d seeds, want 11", n)
	}
}
