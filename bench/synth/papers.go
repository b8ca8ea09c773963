package synth

import (
	"fmt"
	"strings"
	"time"
)

// Paper is an identity document. Numbers begin with what no issuer uses, or are of made-up
// people, and have valid check digits.
type Paper struct {
	// Type is passport, id-card, residence-permit, temporary-protection or refugee.
	Type string
	// Number has nine characters, Issuer is a code of ICAO 9303.
	Number, Issuer string
	Expiry         Date
	// MRZ is the machine-readable zone: two lines of 44 characters (TD3) or three of 30
	// (TD1), ICAO 9303 parts 4 and 5.
	MRZ []string
}

// checkDigit is that of ICAO 9303 part 3: weights 7, 3, 1; A is 10, < is 0.
func checkDigit(text string) byte {
	sum := 0
	for i, c := range []byte(text) {
		v := 0
		switch {
		case c >= '0' && c <= '9':
			v = int(c - '0')
		case c >= 'A' && c <= 'Z':
			v = int(c-'A') + 10
		}
		sum += v * [3]int{7, 3, 1}[i%3]
	}
	return byte('0' + sum%10)
}

// mrzText is a name or number as a machine-readable zone has it.
func mrzText(text string) string {
	var b strings.Builder
	for _, r := range strings.ToUpper(text) {
		switch {
		case r >= 'A' && r <= 'Z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case r == ' ' || r == '-':
			b.WriteByte('<')
		}
	}
	return b.String()
}

func fill(text string, n int) string {
	if len(text) > n {
		return text[:n]
	}
	return text + strings.Repeat("<", n-len(text))
}

// mrzState is the code of a state in a machine-readable zone: Germany has one letter.
func mrzState(code string) string {
	if code == "DEU" {
		return "D<<"
	}
	return code
}

func short(d Date) string { return fmt.Sprintf("%02d%02d%02d", d.Year%100, d.Month, d.Day) }

// zone makes the machine-readable zone of a paper.
func (p *Paper) zone(h *Declared) {
	name := mrzText(h.SurnameLatin) + "<<" + mrzText(h.GivenLatin)
	code, number := map[string]string{"passport": "P<", "id-card": "I<", "residence-permit": "IR", "temporary-protection": "IT", "refugee": "P<"}[p.Type], fill(mrzText(p.Number), 9)
	issuer, nationality := mrzState(p.Issuer), mrzState(h.Nationality)
	birth, expiry, sex := short(h.BirthDate), short(p.Expiry), h.Sex.String()
	if code[0] == 'P' {
		optional := fill("", 14)
		second := number + string(checkDigit(number)) + nationality + birth + string(checkDigit(birth)) + sex + expiry + string(checkDigit(expiry)) + optional + string(checkDigit(optional))
		all := second[:10] + second[13:20] + second[21:43]
		p.MRZ = []string{fill(code+issuer+name, 44), second + string(checkDigit(all))}
		return
	}
	first := code + issuer + number + string(checkDigit(number)) + fill("", 15)
	second := birth + string(checkDigit(birth)) + sex + expiry + string(checkDigit(expiry)) + nationality + fill("", 11)
	all := first[5:30] + second[:7] + second[8:15] + second[18:29]
	p.MRZ = []string{first, second + string(checkDigit(all)), fill(name, 30)}
}

// taxNumber is a РНОКПП: the days since 31 December 1899, a serial whose last digit tells
// the sex (odd for men), and a check digit with the weights -1, 5, 7, 9, 4, 6, 10, 5, 7.
func taxNumber(birth Date, sex Sex, serial int) string {
	days := int(time.Date(birth.Year, time.Month(birth.Month), birth.Day, 0, 0, 0, 0, time.UTC).Sub(time.Date(1899, 12, 31, 0, 0, 0, 0, time.UTC)).Hours() / 24)
	last := serial % 5 * 2
	if sex == Male {
		last++
	}
	text := fmt.Sprintf("%05d%03d%d", days, serial/5%1000, last)
	sum := 0
	for i, w := range []int{-1, 5, 7, 9, 4, 6, 10, 5, 7} {
		sum += w * int(text[i]-'0')
	}
	return text + string(rune('0'+(sum%11+11)%11%10))
}

// recordNumber is a УНЗР: the birth date, a serial, and a last digit. How the last digit
// follows is not public; here it is that of ICAO 9303, so that it is at least the same
// for the same number.
func recordNumber(birth Date, serial int) string {
	text := fmt.Sprintf("%04d%02d%02d%04d", birth.Year, birth.Month, birth.Day, serial%10_000)
	return text[:8] + "-" + text[8:] + string(checkDigit(text))
}
