package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"immis/bench/eval"
	"immis/templates"
	"immis/templates/exchange"
)

type evalFingerCmd struct {
	evalOutput
	Templates string   `placeholder:"DIR" help:"Templates: DIR/SET/FINGER_IMPRESSION.EXT, or one set, DIR/FINGER_IMPRESSION.EXT."`
	Images    string   `placeholder:"DIR" help:"Images, in the same layout: refused, this version makes no templates of images."`
	Scores    string   `placeholder:"FILE" help:"Write all scores: probe,candidate,score."`
	Against   string   `placeholder:"CSV" help:"Scores of another system, file or folder: a paired comparison."`
	PPI       []string `name:"ppi" placeholder:"SET=PPI" help:"True resolution of a set whose records say 500 and are wrong; repeatable."`
	PPIFile   string   `name:"ppi-file" placeholder:"CSV" help:"The same, lines of set,ppi."`
}

// Help implements kong.HelpProvider.
func (*evalFingerCmd) Help() string {
	return `Compares the templates of each set by the FVC protocol with all impostors: every pair of impressions once. A file that cannot be read as a template is a failure to enroll, and scores 0.

Examples:
  immis eval finger --templates minutiae --html report.html --scores scores.csv
  immis eval finger --templates minutiae --against peer-scores/nbis --lang uk --html report.html
  immis eval finger --templates minutiae --ppi fvc2002_DB2_B=569 --json`
}

// Run evaluates.
func (c *evalFingerCmd) Run(a *app) error {
	switch {
	case c.Images != "":
		return usage("--images: templates cannot be made of images yet; make them with an extractor and give --templates")
	case c.Templates == "":
		return usage("--templates is missing, want a folder")
	}
	if err := c.check(); err != nil {
		return err
	}
	ppi, err := c.resolutions()
	if err != nil {
		return err
	}
	ph := &phases{app: a}
	defer ph.end()
	impressions, failed, err := readImpressions(a, c.Templates, ppi)
	if err != nil {
		return err
	}
	t := eval.NewFingerTest(nil)
	var lines []eval.Line
	begun := time.Now()
	err = eval.CompareFingers(a.ctx, impressions, func(done, total int) { ph.tell("impressions", done, total) }, func(l eval.Line) error {
		if c.Scores != "" {
			lines = append(lines, l)
		}
		return t.Add(l)
	})
	if err != nil {
		return evalError(c.Templates, err)
	}
	r := c.begin("immis, "+filepath.Base(filepath.Clean(c.Templates)), c.Templates)
	r.Seconds = time.Since(begun).Seconds()
	r.Failures = &eval.Failures{Failed: int64(failed), Attempts: int64(len(impressions))}
	fte := r.Failures.FTE()
	r.FTE = &fte
	if c.Scores != "" {
		err := writeReport(c.Scores, func(w io.Writer) error {
			b := bufio.NewWriter(w)
			_, _ = b.WriteString("probe,candidate,score\n")
			for _, l := range lines {
				_, _ = fmt.Fprintf(b, "%s,%s,%s\n", l.Probe, l.Candidate, strconv.FormatFloat(l.Score, 'g', -1, 64))
			}
			return b.Flush()
		})
		if err != nil {
			return err
		}
	}
	if err := finishFVC(a, r, t, c.Against, c.config(ph), ph); err != nil {
		return err
	}
	if failed > 0 {
		r.Notes = append(r.Notes, eval.NoteFailed)
	}
	return c.end(a, r)
}

// resolutions are those of --ppi and --ppi-file.
func (c *evalFingerCmd) resolutions() (map[string]float64, error) {
	out := map[string]float64{}
	entries := c.PPI
	if c.PPIFile != "" {
		b, err := os.ReadFile(filepath.Clean(c.PPIFile))
		if err != nil {
			return nil, usage("%v", err)
		}
		for _, l := range strings.Fields(string(b)) {
			if l != "set,ppi" {
				entries = append(entries, strings.Replace(l, ",", "=", 1))
			}
		}
	}
	for _, e := range entries {
		set, text, ok := strings.Cut(e, "=")
		ppi, err := strconv.ParseFloat(text, 64)
		if !ok || err != nil || !(ppi >= 250 && ppi <= 2000) {
			return nil, usage("resolution %q, want SET=PPI with 250 to 2000", e)
		}
		if _, twice := out[set]; twice {
			return nil, usage("resolution of %s is given twice", set)
		}
		out[set] = ppi
	}
	return out, nil
}

// readImpressions reads the templates of a folder; failed ones are nil.
func readImpressions(a *app, dir string, ppi map[string]float64) (out []eval.Impression, failed int, err error) {
	base := filepath.Base(filepath.Clean(dir))
	seen, sets := map[string]string{}, map[string]bool{}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, 0, usage("%v", err)
	}
	defer func() { _ = root.Close() }()
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err = errors.Join(err, a.ctx.Err()); err != nil || d.IsDir() {
			return err
		}
		set, file := path.Split(name)
		if set = strings.Trim(set, "/"); set == "" {
			set = base
		}
		id := set + "/" + strings.TrimSuffix(file, path.Ext(file))
		if _, ok := eval.ParseFingerID(id); !ok {
			return usage("%s: unknown identifier, want SET/FINGER_IMPRESSION.EXT with two numbers", name)
		}
		if first, twice := seen[id]; twice {
			return usage("%s: impression %s again, first in %s", name, id, first)
		}
		seen[id], sets[set] = name, true
		f, err := readImpression(root, name, ppi[set])
		if err != nil {
			var bad *templates.InputError
			if !errors.As(err, &bad) {
				return fmt.Errorf("%s: %w", name, err)
			}
			failed++
		}
		out = append(out, eval.Impression{ID: id, Template: f})
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	for set := range ppi {
		if !sets[set] {
			return nil, 0, usage("resolution of set %q, which is not in %s", set, dir)
		}
	}
	if len(out) == 0 {
		return nil, 0, usage("%s: no templates", dir)
	}
	return out, failed, nil
}

func readImpression(root *os.Root, name string, ppi float64) (*templates.Finger, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, exchange.MaxSize+1))
	if err != nil {
		return nil, err
	}
	d, err := exchange.Decode(exchange.Sniff(data), data, exchange.Options{Modality: templates.ModalityFinger})
	if err != nil {
		return nil, err
	}
	if len(d.Templates) != 1 || d.Templates[0].Finger == nil {
		return nil, templates.Bad(templates.ReasonFormat, "views", len(d.Templates), 1)
	}
	out := d.Templates[0].Finger
	if ppi > 0 {
		return eval.Rescale(out, ppi)
	}
	return out, nil
}
