package synth

import (
	"strings"
	"unicode"
)

// Scheme is a table by which Ukrainian names were written in Latin letters in
// documents of its years.
type Scheme uint8

const (
	// KMU2010 is resolution 55 of the Cabinet of Ministers of 27 January 2010,
	// the rule of today's documents.
	KMU2010 Scheme = iota
	// Passport2007 is the table of passports issued from 2007 to 2010.
	Passport2007
	// National1996 is the table of decision 9 of 1996, with an apostrophe for the
	// soft sign.
	National1996
)

// String is the name of the scheme.
func (s Scheme) String() string {
	switch s {
	case KMU2010:
		return "kmu-2010"
	case Passport2007:
		return "passport-2007"
	case National1996:
		return "national-1996"
	}
	return "unknown"
}

// Latin writes a Ukrainian name (NFC) in Latin letters by a scheme.
//
//   - A letter at the start of a word has its first form (Є, Ї, Й, Ю, Я are Ye,
//     Yi, Y, Yu, Ya in 2010 and 1996). A word starts after anything that is
//     neither a letter nor an apostrophe, so both halves of a double surname do.
//   - зг is zgh in 2010 and 1996, to keep it apart from ж, which is zh.
//   - The soft sign and apostrophes are dropped, but 1996 writes the soft sign as
//     an apostrophe.
//   - A letter that becomes several is all capitals when the word is: Щ is Shch in
//     Щербань and SHCH in ЩЕРБАНЬ.
//
// Anything else, hyphens, spaces and letters foreign to the alphabet, is kept.
func Latin(s Scheme, name string) string {
	runes := []rune(name)
	var b strings.Builder
	b.Grow(2 * len(runes))
	for i, r := range runes {
		if isApostrophe(r) {
			continue
		}
		lower := unicode.ToLower(r)
		first := i == 0 || !unicode.IsLetter(runes[i-1]) && !isApostrophe(runes[i-1])
		after := !first && unicode.ToLower(runes[i-1]) == 'з'
		latin, known := latinLetter(s, lower, first, after)
		switch {
		case !known:
			b.WriteRune(r)
		case !unicode.IsUpper(r):
			b.WriteString(latin)
		case capitals(runes, i):
			b.WriteString(strings.ToUpper(latin))
		case latin != "":
			b.WriteString(strings.ToUpper(latin[:1]) + latin[1:])
		}
	}
	return b.String()
}

// isApostrophe knows the three characters in use for the apostrophe of Ukrainian.
func isApostrophe(r rune) bool { return r == '\'' || r == '’' || r == 'ʼ' }

// capitals tells whether the capital letter at i stands in a word of capitals:
// the next letter decides, or the one before at the end of a word.
func capitals(runes []rune, i int) bool {
	for j := i + 1; j < len(runes); j++ {
		if !isApostrophe(runes[j]) {
			if unicode.IsLetter(runes[j]) {
				return unicode.IsUpper(runes[j])
			}
			break
		}
	}
	for j := i - 1; j >= 0; j-- {
		if !isApostrophe(runes[j]) {
			return unicode.IsUpper(runes[j])
		}
	}
	return false
}

// latinLetter returns the Latin form of one lower-case letter; first says that it
// starts a word, afterZ that з stands before it.
func latinLetter(s Scheme, r rune, first, afterZ bool) (latin string, known bool) {
	firstForms := first && s != Passport2007
	switch r {
	case 'а':
		return "a", true
	case 'б':
		return "b", true
	case 'в':
		return "v", true
	case 'г':
		switch {
		case s == Passport2007:
			return "g", true
		case afterZ:
			return "gh", true
		}
		return "h", true
	case 'ґ':
		return "g", true
	case 'д':
		return "d", true
	case 'е':
		return "e", true
	case 'є':
		if firstForms {
			return "ye", true
		}
		return "ie", true
	case 'ж':
		return "zh", true
	case 'з':
		return "z", true
	case 'и':
		return "y", true
	case 'і':
		return "i", true
	case 'ї':
		if firstForms {
			return "yi", true
		}
		return "i", true
	case 'й':
		if firstForms {
			return "y", true
		}
		return "i", true
	case 'к':
		return "k", true
	case 'л':
		return "l", true
	case 'м':
		return "m", true
	case 'н':
		return "n", true
	case 'о':
		return "o", true
	case 'п':
		return "p", true
	case 'р':
		return "r", true
	case 'с':
		return "s", true
	case 'т':
		return "t", true
	case 'у':
		return "u", true
	case 'ф':
		return "f", true
	case 'х':
		return "kh", true
	case 'ц':
		return "ts", true
	case 'ч':
		return "ch", true
	case 'ш':
		return "sh", true
	case 'щ':
		if s == National1996 {
			return "sch", true
		}
		return "shch", true
	case 'ь':
		if s == National1996 {
			return "'", true
		}
		return "", true
	case 'ю':
		if firstForms {
			return "yu", true
		}
		return "iu", true
	case 'я':
		if firstForms {
			return "ya", true
		}
		return "ia", true
	}
	return "", false
}
