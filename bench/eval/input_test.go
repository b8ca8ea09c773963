package eval

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
)

func gather(text string, samples string) (*Test, error) {
	var info map[string]SampleInfo
	if samples != "" {
		var err error
		if _, info, err = ReadSamples(strings.NewReader(samples)); err != nil {
			return nil, err
		}
	}
	t := NewTest(info, 0)
	if err := ReadScores(context.Background(), strings.NewReader(text), func(l Line) error { return t.Add(l) }); err != nil {
		return nil, err
	}
	return t, t.Finish()
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// TestBadInput: each mistake has an error of its own that names the line.
func TestBadInput(t *testing.T) {
	const head = "probe,candidate,score\n"
	const labeled = "probe,candidate,score,mated\n"
	for name, c := range map[string]struct {
		text, samples string
		want          func(error) bool
		says          string
	}{
		"nothing":                   {"", "", is[*FormatError], ""},
		"heading only":              {head, "", is[*FormatError], "no scores"},
		"no heading":                {"a_1,a_2,0.5\n", "", is[*FormatError], "want the columns"},
		"half a line":               {head + "a_1,a_2,0.5\nb_1,a_2,0.", "", is[*FormatError], "line 3: the last line has no end"},
		"too few values":            {head + "a_1,a_2\n", "", is[*FormatError], "2 values, want 3"},
		"no number":                 {head + "a_1,a_2,x\n", "", is[*FormatError], `score "x"`},
		"NaN":                       {head + "a_1,a_2,NaN\n", "", is[*ScoreError], "line 2"},
		"infinite":                  {head + "a_1,a_2,0.1\na_1,b_2,-inf\n", "", is[*ScoreError], "line 3"},
		"too large":                 {head + "a_1,a_2,1e999\n", "", is[*ScoreError], "line 2"},
		"twice":                     {head + "a_1,a_2,0.5\na_1,b_1,0.1\na_1,a_2,0.6\n", "", is[*DuplicateError], "line 4: pair a_1, a_2 again, first on line 2"},
		"with itself":               {head + "a_1,a_1,0.5\n", "", is[*LabelError], "itself"},
		"no person":                 {head + "one,two,0.5\n", "", is[*UnknownError], "line 2"},
		"not in the list":           {head + "a,b,0.5\n", "id,person\na,x\n", is[*UnknownError], `"b"`},
		"labels against the list":   {labeled + "a,b,0.5,1\n", "id,person\na,x\nb,y\n", is[*LabelError], "labeled otherwise"},
		"labels against each other": {labeled + "a,b,0.9,1\nb,c,0.9,1\na,c,0.1,0\na,d,0,0\n", "", is[*LabelError], "one person by other lines"},
		"label":                     {labeled + "a,b,0.5,maybe\n", "", is[*FormatError], `mated "maybe"`},
		"one person":                {head + "a_1,a_2,0.5\na_1,a_3,0.6\n", "", is[*ClassError], "one person alone"},
		"nobody twice":              {head + "a_1,b_1,0.5\n", "", is[*ClassError], "0 mated"},
		"list: twice":               {head + "a,b,0.5\n", "id,person\na,x\na,y\n", is[*LabelError], "listed twice"},
		"list: quality":             {head + "a,b,0.5\n", "id,person,quality\na,x,101\n", is[*FormatError], "0..100"},
		"list: heading":             {head + "a,b,0.5\n", "name\na\n", is[*FormatError], "want id and person"},
	} {
		_, err := gather(c.text, c.samples)
		if err == nil || !c.want(err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := NewSample(0).Add(Comparison{Score: math.NaN()}); !is[*ScoreError](err) {
		t.Errorf("NaN: %v", err)
	}
	if _, err := NewSample(0).Curve(); !is[*ClassError](err) {
		t.Errorf("an empty sample: %v", err)
	}
}

// TestCutArchives: a compressed file that ends too early is refused wherever it is cut.
func TestCutArchives(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte("probe,candidate,score\n"))
	for i := range 200 {
		_, _ = fmt.Fprintf(z, "a_%d,b_%d,0.%d\n", i, i, i)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	whole := b.Bytes()
	for n := range whole {
		err := ReadScores(t.Context(), bytes.NewReader(whole[:n]), func(Line) error { return nil })
		if !is[*FormatError](err) {
			t.Fatalf("cut after %d of %d bytes: %v", n, len(whole), err)
		}
	}
	if err := ReadScores(t.Context(), bytes.NewReader(whole), func(Line) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

func FuzzReadScores(f *testing.F) {
	f.Add([]byte("probe,candidate,score\na_1,a_2,0.5\nb_1,a_1,1e-3\n"))
	f.Add([]byte("\ufeffx,probe,candidate,score,mated\r\n1,a,b,0.5,1\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		test := NewTest(nil, 64)
		err := ReadScores(t.Context(), bytes.NewReader(b), func(l Line) error { return test.Add(l) })
		if err != nil || test.Finish() != nil {
			return
		}
		c, err := test.All.Curve()
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range Targets() {
			if r := x.At(c); !(r.Value >= 0 && r.Value <= 1) {
				t.Fatalf("%s %v", x.Name(), r.Value)
			}
		}
	})
}

// TestTheTailIsFlagged: what the data cannot show is answered with what they do.
func TestTheTailIsFlagged(t *testing.T) {
	s := NewSample(0)
	for i := range int32(500) {
		_ = s.Add(Comparison{0.9, i, i})
		_ = s.Add(Comparison{0.1, i, i + 1})
	}
	c, err := s.Curve()
	if err != nil {
		t.Fatal(err)
	}
	if r := c.FNMRAt(1e-4); !r.Beyond || r.FMRBound != 3.0/500 || r.Value != 0 {
		t.Errorf("FMR10000 of 500 comparisons: %+v", r)
	}
	if r := c.FNMRAt(1e-2); r.Beyond || !r.Few {
		t.Errorf("FMR100 of 500 comparisons: %+v", r)
	}
}

// TestSmallGroupsAreHidden, and one more where one alone could be found by subtraction.
func TestSmallGroupsAreHidden(t *testing.T) {
	var samples, scores strings.Builder
	samples.WriteString("id,person,sex,station\n")
	scores.WriteString("probe,candidate,score\n")
	for p := range 60 {
		sex, station := "f", "A"
		if p%2 == 1 {
			sex = "m"
		}
		if p < 5 {
			station = "B"
		} else if p < 25 {
			station = "C"
		}
		for i := range 2 {
			fmt.Fprintf(&samples, "%d_%d,%d,%s,%s\n", p, i, p, sex, station)
		}
		fmt.Fprintf(&scores, "%d_0,%d_1,0.9\n", p, p)
		for o := range p {
			fmt.Fprintf(&scores, "%d_0,%d_0,0.%02d\n", p, o, (p+o)%50)
		}
	}
	test, err := gather(scores.String(), samples.String())
	if err != nil {
		t.Fatal(err)
	}
	var r Report
	r.AddCells(test.Cells, 0.5)
	hidden := map[string]bool{}
	for _, c := range r.Cells {
		hidden[c.Dimension+"="+c.Value] = c.Suppressed
		if c.Suppressed && (c.Persons != 0 || c.Mated != 0 || len(c.Rates) != 0) {
			t.Errorf("hidden: %+v", c)
		}
	}
	for name, want := range map[string]bool{"sex=f": false, "sex=m": false, "station=A": false, "station=B": true, "station=C": true} {
		if got, ok := hidden[name]; !ok || got != want {
			t.Errorf("%s hidden %v (%v), want %v", name, got, ok, want)
		}
	}
}

// TestReportInBothLanguages: the page has all its words, loads nothing, and names what
// was told to it as text.
func TestReportInBothLanguages(t *testing.T) {
	for k := range english() {
		if ukrainian()[k] == "" {
			t.Errorf("no Ukrainian for %q", k)
		}
	}
	for k := range ukrainian() {
		if english()[k] == "" {
			t.Errorf("no English for %q", k)
		}
	}
	var text strings.Builder
	text.WriteString("probe,candidate,score\n")
	for p := range 12 {
		for o := range p + 1 {
			fmt.Fprintf(&text, "%d_1,%d_2,%g\n", p, o, 0.9-0.07*float64(p-o))
		}
	}
	test, err := gather(text.String(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"en", "uk"} {
		r := Report{Title: "<b>system</b>", Origin: "here", Protocol: ProtocolListed, PersonUnit: "person", Notes: []string{NotePublic}}
		if _, err := r.Measure(t.Context(), test.All, Config{Rounds: 50, Seed: 1}); err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := r.HTML(&b, lang); err != nil {
			t.Fatal(err)
		}
		page := b.String()
		w, _ := wordsOf(lang)
		for _, want := range []string{"<svg", "&lt;b&gt;system", w["det"], w[ProtocolListed], w[NotePublic], `lang="` + lang + `"`} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: no %q", lang, want)
			}
		}
		for _, not := range []string{"<script", "http://", "https://", "url(", "<b>system", "<no value>"} {
			if strings.Contains(page, not) {
				t.Errorf("%s: %q", lang, not)
			}
		}
	}
	if err := (&Report{}).HTML(&strings.Builder{}, "fr"); err == nil {
		t.Error("a page in French")
	}
}
