package eval

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"
)

//go:embed report.html
var page string

// HTML writes the report as one page without scripts or anything to be loaded, in English
// ("en") or Ukrainian ("uk").
func (r *Report) HTML(out io.Writer, lang string) error {
	w, err := wordsOf(lang)
	if err != nil {
		return err
	}
	number := func(s string) string {
		if lang == "uk" {
			return strings.ReplaceAll(s, ".", ",")
		}
		return s
	}
	pc := func(v float64) string {
		switch {
		case v != 0 && math.Abs(v) < 0.0001:
			return number(fmt.Sprintf("%.*f %%", 1-int(math.Floor(math.Log10(math.Abs(100*v)))), 100*v))
		default:
			return number(fmt.Sprintf("%.2f %%", 100*v))
		}
	}
	t, err := template.New("report").Funcs(template.FuncMap{
		"w": func(k string) string { return w[k] }, "note": w.note, "pc": pc,
		"count":  func(v any) string { return group(fmt.Sprint(v)) },
		"num":    func(v float64) string { return number(fmt.Sprintf("%.3f", v)) },
		"points": func(v float64) string { return number(strings.ReplaceAll(fmt.Sprintf("%+.2f", 100*v), "-", "−")) },
		"threshold": func(n Number) string {
			if math.IsInf(float64(n), 0) {
				return "∞"
			}
			return number(fmt.Sprintf("%.5g", float64(n)))
		},
		"verdict": func(i *Interval) string {
			switch {
			case i == nil:
				return ""
			case i.High < 0:
				return w["better"]
			case i.Low > 0:
				return w["worse"]
			}
			return w["open2"]
		},
		"inc": func(i int) int { return i + 1 },
		"svg": func(name string) template.HTML {
			switch name { // texts are escaped where they are drawn
			case "det":
				return template.HTML(drawDET(r, w))
			case "scores":
				return template.HTML(drawScores(r, w))
			case "cmc":
				return template.HTML(drawCMC(r, w))
			default:
				return template.HTML(drawReject(r, w))
			}
		},
	}).Parse(page)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return t.Execute(out, r)
}

// group puts thin spaces between thousands.
func group(s string) string {
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}
