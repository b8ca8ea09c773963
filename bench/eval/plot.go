package eval

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// figure draws one plot as inline SVG. Colors are classes of the page's style sheet, so
// that light, dark and print each have their own; nothing else is loaded.
type figure struct {
	b                       strings.Builder
	x0, x1, y0, y1          float64 // ranges, in logarithms where log
	logX, logY              bool
	left, top, width, hight float64
}

func newFigure(title string, x0, x1, y0, y1 float64, logX, logY bool) *figure {
	f := &figure{x0: x0, x1: x1, y0: y0, y1: y1, logX: logX, logY: logY, left: 88, top: 14, width: 532, hight: 300}
	fmt.Fprintf(&f.b, `<svg viewBox="0 0 640 372" role="img" aria-label="%s">`, html.EscapeString(title))
	return f
}

func place(v, a, b float64, log bool) float64 {
	if log {
		v, a, b = math.Log10(max(v, 1e-300)), math.Log10(a), math.Log10(b)
	}
	return min(1, max(0, (v-a)/(b-a)))
}

func (f *figure) px(x float64) float64 { return f.left + float64(f.width*place(x, f.x0, f.x1, f.logX)) }
func (f *figure) py(y float64) float64 {
	return f.top + f.hight - float64(f.hight*place(y, f.y0, f.y1, f.logY))
}

// percent prints a share in per cent with as many digits as it needs.
func percent(v float64) string {
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.10f", 100*v), "0"), ".") + " %"
}

// axes draws grid, ticks and names of the axes.
func (f *figure) axes(xName, yName string, xText, yText func(float64) string) {
	for _, t := range ticks(f.x0, f.x1, f.logX) {
		x := f.px(t)
		fmt.Fprintf(&f.b, `<path class="grid" d="M%.1f %.1fV%.1f"/><text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, x, f.top, f.top+f.hight, x, f.top+f.hight+17, xText(t))
	}
	for _, t := range ticks(f.y0, f.y1, f.logY) {
		y := f.py(t)
		fmt.Fprintf(&f.b, `<path class="grid" d="M%.1f %.1fH%.1f"/><text x="%.1f" y="%.1f" text-anchor="end">%s</text>`, f.left, y, f.left+f.width, f.left-7, y+4, yText(t))
	}
	fmt.Fprintf(&f.b, `<text class="name" x="%.1f" y="364" text-anchor="middle">%s</text>`, f.left+f.width/2, html.EscapeString(xName))
	fmt.Fprintf(&f.b, `<text class="name" transform="translate(13 %.1f) rotate(-90)" text-anchor="middle">%s</text>`, f.top+f.hight/2, html.EscapeString(yName))
}

// ticks are powers of ten, or round steps.
func ticks(a, b float64, log bool) []float64 {
	var out []float64
	if log {
		first, last := math.Ceil(math.Log10(a)-1e-9), math.Log10(b)+1e-9
		step := 1 + math.Floor((last-first)/7) // texts of small shares are wide
		for e := math.Floor(last); e >= first; e -= step {
			out = append(out, math.Pow(10, e))
		}
		return out
	}
	step := math.Pow(10, math.Floor(math.Log10((b-a)/4)))
	for _, m := range []float64{1, 2, 5, 10} {
		if (b-a)/float64(step*m) <= 7 {
			step = float64(step * m)
			break
		}
	}
	for i := math.Ceil(a/step - 1e-9); float64(i*step) <= b+float64(step*1e-9); i++ {
		out = append(out, float64(i*step)+0) // -0 becomes 0
	}
	return out
}

// line draws points in one class, as steps if they are.
func (f *figure) line(class string, n int, at func(int) (x, y float64), steps bool) {
	var d strings.Builder
	for i := range n {
		x, y := at(i)
		switch {
		case i == 0:
			fmt.Fprintf(&d, "M%.1f %.1f", f.px(x), f.py(y))
		case steps:
			fmt.Fprintf(&d, "H%.1fV%.1f", f.px(x), f.py(y))
		default:
			fmt.Fprintf(&d, "L%.1f %.1f", f.px(x), f.py(y))
		}
	}
	fmt.Fprintf(&f.b, `<path class="line %s" d="%s"/>`, class, d.String())
}

// dot marks a point and says what it is.
func (f *figure) dot(class string, x, y float64, text string) {
	fmt.Fprintf(&f.b, `<circle class="%s" cx="%.1f" cy="%.1f" r="4.5"/><text class="mark" x="%.1f" y="%.1f">%s</text>`, class, f.px(x), f.py(y), f.px(x)+8, f.py(y)-7, html.EscapeString(text))
}

// dotUnder is dot with its text on the other side.
func (f *figure) dotUnder(class string, x, y float64, text string) {
	fmt.Fprintf(&f.b, `<circle class="%s" cx="%.1f" cy="%.1f" r="4.5"/><text class="mark" x="%.1f" y="%.1f" text-anchor="end">%s</text>`, class, f.px(x), f.py(y), f.px(x)-8, f.py(y)+16, html.EscapeString(text))
}

// area fills under a stepped outline.
func (f *figure) area(class string, n int, at func(int) (from, to, y float64)) {
	var d strings.Builder
	base := f.top + f.hight
	for i := range n {
		from, to, y := at(i)
		if i == 0 {
			fmt.Fprintf(&d, "M%.1f %.1f", f.px(from), base)
		}
		fmt.Fprintf(&d, "V%.1fH%.1f", f.py(y), f.px(to))
	}
	fmt.Fprintf(&f.b, `<path class="area %s" d="%sV%.1fZ"/>`, class, d.String(), base)
}

// legend names classes, in the upper right corner.
func (f *figure) legend(entries ...[2]string) {
	for i, e := range entries {
		y := f.top + 16 + float64(19*float64(i))
		x := f.left + f.width - 10
		fmt.Fprintf(&f.b, `<text class="mark" x="%.1f" y="%.1f" text-anchor="end">%s</text><path class="line %s" d="M%.1f %.1fH%.1f"/>`, x-32, y+4, html.EscapeString(e[1]), e[0], x-26, y, x)
	}
}

func (f *figure) svg() string { return f.b.String() + "</svg>" }

// drawDET draws FMR against FNMR, both logarithmic.
func drawDET(r *Report, w words) string {
	floor := math.Pow(10, math.Floor(math.Log10(1/float64(max(r.NonMated, 10)))))
	side := math.Pow(10, math.Floor(math.Log10(1/float64(max(r.Mated, 10)))))
	f := newFigure(w["det"], floor, 1, side, 1, true, true)
	f.axes(w["fmr"], w["fnmr"], w.number(percent), w.number(percent))
	low, high := max(floor, side), 1.0
	f.line("equal", 2, func(i int) (float64, float64) { v := []float64{low, high}[i]; return v, v }, false)
	draw := func(class string, p []Point) {
		var seen []Point
		for _, x := range p {
			if x.FMR > 0 && x.FNMR > 0 {
				seen = append(seen, x)
			}
		}
		f.line(class, len(seen), func(i int) (float64, float64) { return seen[i].FMR, seen[i].FNMR }, true)
	}
	if r.Peer != nil {
		draw("b", r.Peer.DET)
	}
	draw("a", r.DET)
	for _, n := range r.Rates {
		if n.Value <= 0 || n.FMR <= 0 || n.FNMR <= 0 || n.Name == "ZeroFMR" {
			continue
		}
		y := n.FNMR
		if n.Name == "EER" {
			f.dotUnder("a", n.FMR, y, "EER "+w.percent(n.Value))
		} else {
			f.dot("a", n.FMR, y, n.Name)
		}
	}
	if r.Peer != nil {
		f.legend([2]string{"a", r.Title}, [2]string{"b", r.Peer.Name})
	}
	return f.svg()
}

// drawScores draws both distributions, each with its highest share at the top.
func drawScores(r *Report, w words) string {
	if len(r.Scores) == 0 {
		return ""
	}
	topM, topN := 0.0, 0.0
	for _, d := range r.Scores {
		topM, topN = max(topM, d.Mated), max(topN, d.NonMated)
	}
	if topM == 0 || topN == 0 {
		return ""
	}
	f := newFigure(w["scores"], r.Scores[0].From, r.Scores[len(r.Scores)-1].To, 0, 1.08, false, false)
	f.axes(w["score"], w["share"], w.number(func(v float64) string { return fmt.Sprintf("%.4g", v) }), func(float64) string { return "" })
	f.area("b", len(r.Scores), func(i int) (float64, float64, float64) {
		d := r.Scores[i]
		return d.From, d.To, d.NonMated / topN
	})
	f.area("a", len(r.Scores), func(i int) (float64, float64, float64) {
		d := r.Scores[i]
		return d.From, d.To, d.Mated / topM
	})
	for _, n := range r.Rates {
		t := float64(n.Threshold)
		if (n.Name == "EER" || n.Name == "FMR1000") && t > f.x0 && t < f.x1 {
			y := f.top + 12
			if n.Name == "EER" {
				y += 16
			}
			fmt.Fprintf(&f.b, `<path class="threshold" d="M%.1f %.1fV%.1f"/><text class="mark" x="%.1f" y="%.1f">%s</text>`, f.px(t), f.top, f.top+f.hight, f.px(t)+5, y, n.Name)
		}
	}
	f.legend([2]string{"a", w["mated"]}, [2]string{"b", w["nonMated"]})
	return f.svg()
}

// drawCMC draws identification by rank.
func drawCMC(r *Report, w words) string {
	c := r.Identified.CMC
	low := math.Floor(float64(c[0]*50)) / 50
	f := newFigure(w["cmc"], 1, float64(max(len(c), 2)), max(0, low-0.02), 1, false, false)
	f.axes(w["rank"], w["found"], func(v float64) string { return fmt.Sprintf("%.0f", v) }, percent)
	f.line("a", len(c), func(i int) (float64, float64) { return float64(i + 1), c[i] }, true)
	f.dot("a", 1, c[0], w.percent(c[0]))
	return f.svg()
}

// drawReject draws error versus reject, with the line of a perfect quality.
func drawReject(r *Report, w words) string {
	p := r.Reject
	first := p[0].FNMR
	top := first
	for _, x := range p {
		if x.Rejected <= 0.9 {
			top = max(top, x.FNMR)
		}
	}
	f := newFigure(w["reject"], 0, 0.9, 0, max(float64(top*1.1), 1e-6), false, false)
	f.axes(w["rejected"], "FNMR", w.number(percent), w.number(percent))
	f.line("equal", 2, func(i int) (float64, float64) {
		return float64(float64(i) * min(first, 0.9)), float64(float64(1-i) * first)
	}, false)
	n := 0
	for n < len(p) && p[n].Rejected <= 0.9 {
		n++
	}
	f.line("a", n, func(i int) (float64, float64) { return p[i].Rejected, p[i].FNMR }, true)
	return f.svg()
}
