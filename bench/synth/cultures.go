package synth

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed cultures.txt
var culturesText string

// culture is the names of one tradition and how they are written in Latin letters.
type culture struct {
	name     string
	arabic   bool // Latin by a table for Arabic and Persian; else KMU2010
	father   bool // patronymics are in use
	unknown  uint64
	suffixes []suffix
	suffixBy ladder
	// surnames are stems, then compounds of front and back.
	stems       []string
	front, back []string
	stemBy      ladder
	male        []string
	maleBy      ladder
	female      []string
	femaleBy    ladder
	nations     []string
	nationBy    ladder
	places      []string
	placeBy     ladder
}

// compoundSuffixes is how many of the suffixes compounds take, and compoundShare the
// share of compounds, where a culture has them.
const (
	compoundSuffixes = 8
	compoundShare    = 0.4
)

// readCultures reads the table that is part of the package; what is wrong in it breaks an
// invariant.
func readCultures(text string) (list []culture, shares ladder) {
	var weights []uint64
	for n, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		rest := fields[1:]
		for i := range rest {
			rest[i] = strings.ReplaceAll(rest[i], "_", " ")
		}
		if fields[0] == "culture" {
			if len(rest) != 5 {
				panic(fmt.Sprintf("synth: line %d of the cultures: %d values, want 5", n+1, len(rest)))
			}
			weights = append(weights, decimal(rest[1]))
			list = append(list, culture{name: rest[0], arabic: rest[2] == "arabic", father: rest[3] != "none", unknown: decimal(rest[4])})
			continue
		}
		c := &list[len(list)-1]
		switch fields[0] {
		case "nations":
			c.nations, c.nationBy = weighted(rest)
		case "suffixes":
			forms, by := weighted(rest)
			c.suffixBy = by
			for _, f := range forms {
				male, female, two := strings.Cut(f, "/")
				if !two {
					female = male
				}
				c.suffixes = append(c.suffixes, suffix{male, female})
			}
		case "places":
			c.places, c.placeBy = rest, zipf(len(rest), 2)
		case "stems":
			c.stems, c.stemBy = rest, zipf(len(rest), 8)
		case "front":
			c.front = rest
		case "back":
			c.back = rest
		case "male":
			c.male, c.maleBy = rest, zipf(len(rest), 6)
		case "female":
			c.female, c.femaleBy = rest, zipf(len(rest), 6)
		default:
			panic(fmt.Sprintf("synth: line %d of the cultures begins with %q", n+1, fields[0]))
		}
	}
	return list, newLadder(weights)
}

// weighted reads NAME:WEIGHT.
func weighted(fields []string) (names []string, by ladder) {
	var weights []uint64
	for _, f := range fields {
		name, weight, _ := strings.Cut(f, ":")
		names = append(names, name)
		weights = append(weights, decimal(weight))
	}
	return names, newLadder(weights)
}

// surnameOf is a surname by frequency, in both its forms.
func (c *culture) surnameOf(s *stream) suffix {
	stem, end := "", c.suffixes[c.suffixBy.draw(s)]
	if len(c.front) > 0 && s.chance(compoundShare) {
		// Compounds are many and rare.
		stem = c.front[s.below(uint64(len(c.front)))] + c.back[s.below(uint64(len(c.back)))]
		end = c.suffixes[s.below(uint64(min(compoundSuffixes, len(c.suffixes))))]
	} else {
		stem = c.stems[c.stemBy.draw(s)]
	}
	return suffix{stem + end.male, stem + end.female}
}

func (s suffix) of(sex Sex) string {
	if sex == Female {
		return s.female
	}
	return s.male
}

func (c *culture) given(s *stream, sex Sex) string {
	if sex == Female {
		return c.female[c.femaleBy.draw(s)]
	}
	return c.male[c.maleBy.draw(s)]
}

// latin writes a name as documents of the culture do; other is the number of another way.
func (c *culture) latin(name string, other int) string {
	if c.arabic {
		return arabicLatin(name, other)
	}
	return Latin([]Scheme{KMU2010, Passport2007, National1996}[other%3], name)
}

// arabicLatin writes an Arabic or Persian name, transcribed to Ukrainian, in Latin letters:
// the English way, the French, the German.
func arabicLatin(name string, way int) string {
	const english, french, german = 0, 1, 2
	table := map[rune][3]string{
		'а': {"a", "a", "a"}, 'б': {"b", "b", "b"}, 'в': {"w", "ou", "w"}, 'г': {"gh", "gh", "gh"}, 'д': {"d", "d", "d"}, 'е': {"e", "e", "e"},
		'є': {"ye", "ie", "je"}, 'ж': {"j", "j", "dsch"}, 'з': {"z", "z", "s"}, 'и': {"i", "i", "i"}, 'і': {"i", "i", "i"}, 'ї': {"yi", "yi", "ji"},
		'й': {"y", "y", "j"}, 'к': {"k", "k", "k"}, 'л': {"l", "l", "l"}, 'м': {"m", "m", "m"}, 'н': {"n", "n", "n"}, 'о': {"o", "o", "o"},
		'п': {"p", "p", "p"}, 'р': {"r", "r", "r"}, 'с': {"s", "s", "s"}, 'т': {"t", "t", "t"}, 'у': {"u", "ou", "u"}, 'ф': {"f", "f", "f"},
		'х': {"h", "kh", "ch"}, 'ц': {"ts", "ts", "z"}, 'ч': {"ch", "tch", "tsch"}, 'ш': {"sh", "ch", "sch"}, 'щ': {"shch", "chtch", "schtsch"},
		'ь': {"", "", ""}, 'ю': {"yu", "iou", "ju"}, 'я': {"ya", "ia", "ja"}, 'ʼ': {"", "", ""},
	}
	var b strings.Builder
	start := true
	for _, r := range name {
		lower := []rune(strings.ToLower(string(r)))[0]
		latin, ok := table[lower]
		if !ok {
			b.WriteRune(r)
			start = r == ' ' || r == '-'
			continue
		}
		text := latin[max(english, min(way, german))]
		if way == french && lower == 'в' && start {
			text = "w"
		}
		if lower != r && text != "" {
			text = strings.ToUpper(text[:1]) + text[1:]
		}
		b.WriteString(text)
		start = false
	}
	return b.String()
}
