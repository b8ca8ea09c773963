package engine

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"immis/templates"
)

// Bounds of a request. The API's comments state them too.
const (
	maxIdentifier  = 128
	maxSamples     = 64
	maxSampleBytes = 8 << 20
	maxTemplates   = 250 // views of one encounter
	// maxMinutiae and maxRequestModels bound a request as a whole: two hundred views
	// of a usual size, thirty-two of the largest.
	maxMinutiae      = 8192
	maxRequestModels = 8
	// maxPixels is a card of ten rolled fingers and three slaps at 1,000 ppi, and a
	// portrait. Decoding so many takes a second.
	maxPixels = 96 << 20
	// maxModels bounds the face models of the whole system: every one has an index.
	maxModels     = 64
	maxText       = 256
	maxNames      = 32
	maxDocuments  = 32
	maxGalleries  = 32
	maxCandidates = 100
	// maxSkew is how far a station's clock may run ahead.
	maxSkew = 5 * time.Minute
)

var (
	tokenPattern  = regexp.MustCompile(`^[A-Za-z0-9._:/-]+$`)
	statePattern  = regexp.MustCompile(`^[A-Z]{1,3}$`)
	earliestTime  = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	dateFormats   = map[int]string{4: "2006", 7: "2006-01", 10: "2006-01-02"}
	earliestBirth = 1850
)

// checkCaller refuses requests that do not say by whom and why.
func checkCaller(c Caller) error {
	switch {
	case c.Principal == "" || len(c.Principal) > maxIdentifier:
		return templates.Bad(ReasonIdentifier, "principal", fmt.Sprintf("of %d bytes", len(c.Principal)), "1..128 bytes")
	case c.Purpose == PurposeUnspecified || c.Purpose >= purposeEnd:
		return templates.Bad(ReasonPurpose, "context.purpose", uint8(c.Purpose), fmt.Sprintf("1..%d", purposeEnd-1))
	case len(c.Case) > 64 || c.Case != "" && !tokenPattern.MatchString(c.Case):
		return templates.Bad(ReasonCase, "context.case_reference", fmt.Sprintf("%d bytes", len(c.Case)), "at most 64 characters of [A-Za-z0-9._:/-]")
	case c.Case == "" && (c.Purpose == PurposeLawEnforcement || c.Purpose == PurposeDataSubjectRequest):
		return templates.Bad(ReasonCase, "context.case_reference", "empty", "a case reference for this purpose")
	}
	return nil
}

// checkIdentifier accepts any printable UTF-8 text of at most 128 bytes.
func checkIdentifier(field, s string, required bool) error {
	if s == "" && !required {
		return nil
	}
	if s == "" || len(s) > maxIdentifier {
		return templates.Bad(ReasonIdentifier, field, fmt.Sprintf("of %d bytes", len(s)), "1..128 bytes")
	}
	return checkText(field, s, maxIdentifier)
}

// checkText refuses invalid UTF-8, control characters and texts over the limit.
func checkText(field, s string, limit int) error {
	switch {
	case len(s) > limit:
		return templates.Bad(templates.ReasonOversized, field, fmt.Sprintf("of %d bytes", len(s)), fmt.Sprintf("at most %d", limit))
	case !utf8.ValidString(s):
		return templates.Bad(templates.ReasonUTF8, field, "with bytes that are not UTF-8", "UTF-8 text")
	case strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return templates.Bad(templates.ReasonUTF8, field, "with a control character", "printable text")
	}
	return nil
}

func checkGalleryID(field, s string) error {
	if len(s) > 64 || !tokenPattern.MatchString(s) {
		return templates.Bad(ReasonIdentifier, field, fmt.Sprintf("of %d bytes", len(s)), "1..64 characters of [A-Za-z0-9._:/-]")
	}
	return nil
}

func checkCount(field string, n, limit int) error {
	if n > limit {
		return templates.Bad(templates.ReasonOversized, field, fmt.Sprintf("%d elements", n), fmt.Sprintf("at most %d", limit))
	}
	return nil
}

// checkTime refuses what no clock of a working station can say.
func checkTime(field string, t, now time.Time) error {
	if t.IsZero() {
		return nil
	}
	if t.Before(earliestTime) || t.After(now.Add(maxSkew)) {
		return templates.Bad(ReasonTime, field, t.UTC().Format(time.RFC3339), "1900-01-01 to at most 5 minutes from now; check the station's clock")
	}
	return nil
}

// checkDate accepts YYYY-MM-DD, YYYY-MM and YYYY of a real calendar day.
func checkDate(field, s string, notAfter time.Time) error {
	if s == "" {
		return nil
	}
	const want = "a calendar date as YYYY-MM-DD, YYYY-MM or YYYY, not before 1850"
	layout, ok := dateFormats[len(s)]
	if !ok {
		return templates.Bad(ReasonDate, field, fmt.Sprintf("%d characters", len(s)), want)
	}
	d, err := time.Parse(layout, s)
	if err != nil || d.Year() < earliestBirth || !notAfter.IsZero() && d.After(notAfter) {
		return templates.Bad(ReasonDate, field, "no possible date", want)
	}
	return nil
}

// checkEncounter looks at everything but the bytes of the samples.
func checkEncounter(e *Encounter, now time.Time) error {
	for _, c := range []error{
		checkIdentifier("encounter.encounter_id", e.ID, false),
		checkTime("encounter.time", e.Time, now),
		checkText("encounter.station", e.Station, maxIdentifier),
		checkText("encounter.operator", e.Operator, maxIdentifier),
		checkCount("encounter.galleries", len(e.Galleries), maxGalleries),
		checkCount("encounter.documents", len(e.Documents), maxDocuments),
		checkCount("encounter.samples", len(e.Samples), maxSamples),
		checkCount("encounter.biographic_data.names", len(e.Biographic.Names), maxNames),
		checkCount("encounter.missing_fingers", len(e.MissingFingers), 10),
		checkBiographic(&e.Biographic, now),
	} {
		if c != nil {
			return c
		}
	}
	if len(e.Samples) == 0 && len(e.MissingFingers) == 0 {
		return templates.Bad(templates.ReasonEmpty, "encounter", "no samples and no missing fingers", "at least one of either")
	}
	for i, g := range e.Galleries {
		if err := checkGalleryID(fmt.Sprintf("encounter.galleries[%d]", i), g); err != nil {
			return err
		}
	}
	for i := range e.Documents {
		if err := checkDocument(fmt.Sprintf("encounter.documents[%d]", i), &e.Documents[i]); err != nil {
			return err
		}
	}
	return checkMissing(e)
}

func checkBiographic(b *Biographic, now time.Time) error {
	const path = "encounter.biographic_data"
	for i, n := range b.Names {
		for _, part := range []struct{ name, text string }{{"surname", n.Surname}, {"given_names", n.GivenNames}, {"patronymic", n.Patronymic}} {
			if err := checkText(fmt.Sprintf("%s.names[%d].%s", path, i, part.name), part.text, maxText); err != nil {
				return err
			}
		}
		if n.Kind > 4 {
			return templates.Bad(templates.ReasonOutOfRange, fmt.Sprintf("%s.names[%d].kind", path, i), n.Kind, "0..4")
		}
	}
	if err := checkDate(path+".birth_date", b.BirthDate, now.Add(24*time.Hour)); err != nil {
		return err
	}
	if b.Sex > 3 {
		return templates.Bad(templates.ReasonOutOfRange, path+".sex", b.Sex, "0..3")
	}
	if err := checkNationalities(path+".nationalities", b.Nationalities); err != nil {
		return err
	}
	return checkText(path+".birth_place", b.BirthPlace, maxText)
}

func checkNationalities(path string, codes []string) error {
	if err := checkCount(path, len(codes), 8); err != nil {
		return err
	}
	for i, n := range codes {
		if !statePattern.MatchString(n) {
			return templates.Bad(templates.ReasonOutOfRange, fmt.Sprintf("%s[%d]", path, i), fmt.Sprintf("%d characters", len(n)), "one to three capital letters (ICAO 9303)")
		}
	}
	return nil
}

func checkDocument(path string, d *Document) error {
	for _, part := range []struct {
		name, text string
		required   bool
	}{{"type", d.Type, true}, {"number", d.Number, true}, {"issuer", d.Issuer, false}} {
		if part.required && part.text == "" {
			return templates.Bad(templates.ReasonEmpty, path+"."+part.name, "empty", "1..64 bytes")
		}
		if err := checkText(path+"."+part.name, part.text, 64); err != nil {
			return err
		}
	}
	if d.Issuer != "" && !statePattern.MatchString(d.Issuer) {
		return templates.Bad(templates.ReasonOutOfRange, path+".issuer", fmt.Sprintf("%d characters", len(d.Issuer)), "one to three capital letters (ICAO 9303)")
	}
	return checkDate(path+".expiry_date", d.Expiry, time.Time{})
}

// checkMissing refuses a finger that is missing twice.
func checkMissing(e *Encounter) error {
	seen := map[templates.Position]bool{}
	for i, m := range e.MissingFingers {
		path := fmt.Sprintf("encounter.missing_fingers[%d]", i)
		if m.Position < templates.RightThumb || m.Position > templates.LeftLittle {
			return templates.Bad(templates.ReasonPosition, path+".position", uint8(m.Position), "1..10")
		}
		if m.Reason < 1 || m.Reason > 2 {
			return templates.Bad(templates.ReasonOutOfRange, path+".reason", m.Reason, "1..2")
		}
		if seen[m.Position] {
			return templates.Bad(ReasonDuplicate, path+".position", fmt.Sprintf("%d a second time", m.Position), "each finger once")
		}
		seen[m.Position] = true
	}
	return nil
}

// addMissing adds what containers declare missing to what the station declared, and
// refuses a finger that is missing and captured.
func (e *Encounter) addMissing(more []MissingFinger, ds []decoded) error {
	list := slices.Clone(e.MissingFingers)
	for _, m := range more {
		if !slices.ContainsFunc(list, func(x MissingFinger) bool { return x.Position == m.Position }) {
			list = append(list, m)
		}
	}
	e.MissingFingers = list
	for _, d := range ds {
		s := &d.sample
		if s.Modality == templates.ModalityFinger && slices.ContainsFunc(list, func(x MissingFinger) bool { return x.Position == s.Position }) {
			return templates.Bad(ReasonDuplicate, fmt.Sprintf("encounter.samples[%d].position", d.from), fmt.Sprintf("%d, which is declared missing", s.Position), "a finger that is there")
		}
	}
	return nil
}
