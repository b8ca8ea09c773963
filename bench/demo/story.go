package demo

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Languages of the story.
const (
	English   = "en"
	Ukrainian = "uk"
)

// phrases are the texts of the story in one language. Numbers stand after nouns,
// so that no language needs plural forms.
type phrases struct {
	note, title            string
	enrolled, example      string
	exampleBefore          string
	exampleNow             string
	searches, columns      string
	server, twin           string
	kinds                  [kinds]string
	referredNote           string
	strangers              string
	verified, verifyRow    string
	agree, ties, differ    string
	duplicates, again      string
	newcomer               string
	states                 map[string]string
	nobody                 string
	erased, erasedFound    string
	erasedGone, epoch      string
	ledger, signed, proved string
	yes, no                string
	decimal                string // separator
	seconds                string
}

func phrasesOf(lang string) (phrases, error) {
	switch lang {
	case English:
		return english(), nil
	case Ukrainian:
		return ukrainian(), nil
	}
	return phrases{}, fmt.Errorf("story: language %q, want en or uk", lang)
}

// printer writes until the first error and keeps it.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) f(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// WriteStory tells what happened, in lang ("en" or "uk").
func (r *Result) WriteStory(w io.Writer, lang string) error {
	t, err := phrasesOf(lang)
	if err != nil {
		return err
	}
	p := &printer{w: w}
	p.f("%s\n\n%s\n", fmt.Sprintf(t.title, r.Seed, t.number(r.Difficulty)), t.note)
	p.f("\n%s\n", fmt.Sprintf(t.enrolled, grouped(r.Enrolled), t.number(r.EnrollSeconds), t.number(r.EnrollPerSecond)))
	if e := r.Example; e != nil {
		p.f("\n%s\n  %s %s\n  %s %s\n", fmt.Sprintf(t.example, e.Subject), t.exampleBefore, e.Enrolled, t.exampleNow, e.Declared)
	}
	r.writeSearches(p, t)
	r.writeVerifications(p, t)
	r.writeAgreement(p, t)
	r.writeDuplicates(p, t)
	p.f("\n%s\n", fmt.Sprintf(t.erased, r.Erasure.Subject))
	p.f("  %s\n  %s\n", fmt.Sprintf(t.erasedFound, t.bool(r.Erasure.FoundBefore)), fmt.Sprintf(t.erasedGone, t.bool(r.Erasure.FoundAfter), t.bool(r.Erasure.ReadableAfter)))
	p.f("  %s\n", fmt.Sprintf(t.epoch, r.Erasure.KeyEpoch))
	p.f("\n%s\n", fmt.Sprintf(t.ledger, grouped(int(r.Ledger.Entries))))
	p.f("  %s\n  %s\n\n", fmt.Sprintf(t.signed, t.bool(r.Ledger.Signed)), fmt.Sprintf(t.proved, t.bool(r.Ledger.Proved)))
	for line := range strings.Lines(r.Ledger.Head) {
		p.f("%s\n", strings.TrimRight("  | "+line, " \n"))
	}
	p.f("\n%s\n", fmt.Sprintf(t.seconds, t.number(r.Seconds)))
	return p.err
}

// table aligns cells; columns after the first are numbers and stand to the right.
func (p *printer) table(heading string, rows [][]string) {
	if p.err != nil {
		return
	}
	p.f("\n%s\n", heading)
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	width := 0
	for _, row := range rows {
		width = max(width, len([]rune(row[0])))
	}
	for _, row := range rows {
		first := row[0] + strings.Repeat(" ", width-len([]rune(row[0])))
		_, _ = fmt.Fprintf(tw, "  %s\t%s\t\n", first, strings.Join(row[1:], "\t"))
	}
	p.err = tw.Flush()
	for line := range strings.Lines(b.String()) {
		p.f("%s\n", strings.TrimRight(line, " \n"))
	}
}

func (r *Result) writeSearches(p *printer, t phrases) {
	rows := [][]string{append([]string{""}, strings.Split(t.columns, "|")...)}
	cells := func(name string, identified, missed, referred, wrong int, p50, p99 float64) []string {
		return []string{name, grouped(identified + missed), grouped(identified), grouped(missed), grouped(referred), grouped(wrong), t.ms(p50), t.ms(p99)}
	}
	referred, twinReferred, wrong, twinWrong := 0, 0, 0, 0
	for _, s := range r.Searches {
		referred, twinReferred = referred+s.Referred, twinReferred+s.TwinReferred
		wrong, twinWrong = wrong+s.FalseMatches, twinWrong+s.TwinFalseMatches
	}
	rows = append(rows,
		cells(t.server, r.Identified, r.Missed, referred, wrong, r.IdentifyP50MS, r.IdentifyP99MS),
		cells(t.twin, r.TwinIdentified, r.TwinMissed, twinReferred, twinWrong, r.TwinIdentifyP50MS, r.TwinIdentifyP99MS))
	for k, s := range r.Searches {
		rows = append(rows,
			cells("  "+t.kinds[k]+": "+t.server, s.Identified, s.Missed, s.Referred, s.FalseMatches, s.Latency.P50MS, s.Latency.P99MS),
			cells("  "+t.kinds[k]+": "+t.twin, s.TwinIdentified, s.TwinMissed, s.TwinReferred, s.TwinFalseMatches, s.TwinLatency.P50MS, s.TwinLatency.P99MS))
	}
	p.table(fmt.Sprintf(t.searches, grouped(r.Returning), grouped(r.People)), rows)
	p.f("  %s\n", t.referredNote)
	p.f("  %s\n", fmt.Sprintf(t.strangers, r.Strangers, r.StrangerMatches, r.StrangerReferrals, r.TwinStrangerMatches, r.TwinStrangerReferrals))
}

func (r *Result) writeVerifications(p *printer, t phrases) {
	rows := [][]string{append([]string{""}, strings.Split(t.verifyRow, "|")...)}
	for _, v := range []struct {
		name     string
		v        Verification
		p50, p99 float64
	}{{t.server, r.Verify, r.VerifyP50MS, r.VerifyP99MS}, {t.twin, r.TwinVerify, r.TwinVerifyP50MS, r.TwinVerifyP99MS}} {
		c := v.v
		rows = append(rows, []string{
			v.name, fmt.Sprintf("%d / %d / %d", c.MatedMatch, c.MatedRefer, c.MatedNonMatch),
			fmt.Sprintf("%d / %d / %d", c.ImpostorMatch, c.ImpostorRefer, c.ImpostorNonMatch), t.ms(v.p50), t.ms(v.p99),
		})
	}
	p.table(fmt.Sprintf(t.verified, grouped(r.Verified)), rows)
}

func (r *Result) writeAgreement(p *printer, t phrases) {
	answers := grouped(r.Returning + r.Strangers + r.Verified)
	if len(r.Differences) == 0 {
		p.f("\n%s\n", fmt.Sprintf(t.agree, answers))
	} else {
		p.f("\n%s\n", fmt.Sprintf(t.differ, answers, len(r.Differences)))
	}
	if r.Ties > 0 {
		p.f("  %s\n", fmt.Sprintf(t.ties, r.Ties))
	}
}

func (r *Result) writeDuplicates(p *printer, t phrases) {
	p.f("\n%s\n", t.duplicates)
	for _, d := range r.Duplicates {
		truth := t.newcomer
		if d.Truth != "" {
			truth = fmt.Sprintf(t.again, d.Truth)
		}
		found := t.nobody
		if len(d.Found) > 0 {
			found = strings.Join(d.Found, ", ")
		}
		state := t.states[d.State]
		if state == "" {
			state = d.State
		}
		p.f("  %s (%s): %s: %s\n", d.Subject, truth, state, found)
	}
}

func (t phrases) bool(v bool) string {
	if v {
		return t.yes
	}
	return t.no
}

// grouped writes n with a no-break space between thousands, as both languages allow.
func grouped(n int) string {
	digits := []rune(strconv.Itoa(n))
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = slices.Insert(digits, at, '\u00a0')
	}
	return string(digits)
}

// number writes a figure with at most two decimals.
func (t phrases) number(x float64) string {
	return strings.Replace(strconv.FormatFloat(float64(int64(x*100+0.5))/100, 'f', -1, 64), ".", t.decimal, 1)
}

// ms writes a time in milliseconds with one decimal.
func (t phrases) ms(x float64) string {
	return strings.Replace(strconv.FormatFloat(x, 'f', 1, 64), ".", t.decimal, 1)
}
