package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"immis/bench/eval"
)

type evalCmd struct {
	Finger evalFingerCmd `cmd:"" help:"Fingerprints: compare templates by the FVC protocol."`
	Face   evalFaceCmd   `cmd:"" help:"Faces: compare all vectors with all."`
	Scores evalScoresCmd `cmd:"" help:"A file of scores of any system."`
}

// evalOutput is what all evaluations are told of their report.
type evalOutput struct {
	HTML   string `name:"html" placeholder:"FILE" help:"Write a report for people: one page, to be read offline or printed."`
	Lang   string `default:"en" enum:"en,uk" help:"Language of the page, en or uk (default ${default})."`
	Name   string `placeholder:"TEXT" help:"Name of the system in the report."`
	Origin string `placeholder:"TEXT" help:"Where the data come from, for the report."`
	Rounds int    `default:"1000" help:"Rounds of the bootstrap over persons; 0 gives no bounds (default ${default})."`
	Seed   uint64 `default:"1" help:"Of the bootstrap (default ${default})."`
}

func (o *evalOutput) check() error {
	if o.Rounds < 0 || o.Rounds > 100_000 {
		return usage("--rounds %d, want 0..100000", o.Rounds)
	}
	return nil
}

func (o *evalOutput) config(p *phases) eval.Config {
	return eval.Config{Rounds: o.Rounds, Seed: o.Seed, Tell: p.tell}
}

// begin makes the report with what was told; title and origin are used where nothing was.
func (o *evalOutput) begin(title, origin string) *eval.Report {
	r := &eval.Report{Title: title, Origin: origin, PersonUnit: "person", Date: time.Now().UTC().Format(time.DateOnly)}
	if o.Name != "" {
		r.Title = o.Name
	}
	if o.Origin != "" {
		r.Origin = o.Origin
	}
	return r
}

// end prints the report and writes the page.
func (o *evalOutput) end(a *app, r *eval.Report) error {
	if o.HTML != "" {
		if err := writeReport(o.HTML, func(w io.Writer) error { return r.HTML(w, o.Lang) }); err != nil {
			return err
		}
	}
	if a.json {
		return a.printValue(r)
	}
	a.printf("%s\n  data       %s\n  protocol   %s\n", r.Title, r.Origin, eval.Note(r.Protocol))
	a.printf("  counts     %d samples, %d %ss; %d mated, %d non-mated comparisons", r.Samples, r.Persons, r.PersonUnit, r.Mated, r.NonMated)
	if r.Seconds > 0 {
		a.printf(" in %.1f s", r.Seconds)
	}
	a.printf("\n")
	if r.FTE != nil {
		a.printf("  FTE        %.2f %% (%d of %d)\n", 100**r.FTE, r.Failures.Failed, r.Failures.Attempts)
	}
	printRates(a, r)
	if d := r.Identified; d != nil {
		a.printf("  rank 1     %.2f %%   %d searches, gallery of %d\n", 100*d.CMC[0], d.Searches, d.N)
		for _, x := range d.Open {
			note := ""
			if x.Beyond {
				note = fmt.Sprintf("   beyond the data: FPIR is shown to be below %.3g %%", 100*x.Bound)
			}
			a.printf("  FPIR %-6s FNIR %.2f %%%s\n", fmt.Sprintf("%.3g %%", 100*x.FPIR), 100*x.FNIR, note)
		}
	}
	if r.Folds != nil {
		a.printf("  10-fold    %.2f %% +- %.2f\n", 100*r.Folds.Accuracy, 100*r.Folds.Spread)
	}
	a.printf("  min Cllr   %.4f bits\n", r.MinCllr)
	if r.Cllr != nil {
		a.printf("  Cllr       %.4f bits\n", *r.Cllr)
	}
	printCells(a, r)
	if p := r.Peer; p != nil {
		a.printf("beside %s, the same %d pairs\n", p.Name, p.Pairs)
		for i, d := range p.Differences {
			a.printf("  %-10s %6.2f %% against %6.2f %%: %+.2f", d.Name, 100*p.Ours[i].Value, 100*p.Rates[i].Value, 100*d.Value)
			if d.Interval != nil {
				a.printf(" (95 %%: %+.2f to %+.2f)", 100*d.Interval.Low, 100*d.Interval.High)
			}
			a.printf("\n")
		}
	}
	for _, n := range r.Notes {
		a.printf("note: %s\n", eval.Note(n))
	}
	if o.HTML != "" {
		a.printf("report: %s\n", o.HTML)
	}
	return nil
}

func printRates(a *app, r *eval.Report) {
	for _, n := range r.Rates {
		a.printf("  %-10s %s   at %.6g", n.Name, n.Rate, float64(n.Threshold))
		switch {
		case n.Beyond:
			a.printf("   beyond the data: FMR is shown to be below %.3g %% (rule of 3)", 100*n.FMRBound)
		case n.Few:
			a.printf("   fewer than 30 errors")
		}
		if n.Coarse {
			a.printf("   value in %.4g..%.4g %%", 100*n.From, 100*n.To)
		}
		a.printf("\n")
	}
}

func printCells(a *app, r *eval.Report) {
	if a.json || len(r.Sets)+len(r.Cells) == 0 {
		return
	}
	t := tabwriter.NewWriter(a.out, 0, 0, 3, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "group\tmated\tnon-mated\tEER\tFMR100\tFMR1000\tFMR10000\tZeroFMR\t")
	for _, c := range append(r.Sets, r.Cells...) {
		if c.Suppressed {
			_, _ = fmt.Fprintf(t, "%s %s\tsuppressed\t\t\t\t\t\t\t\n", c.Dimension, c.Value)
			continue
		}
		_, _ = fmt.Fprintf(t, "%s %s\t%d\t%d\t", c.Dimension, c.Value, c.Mated, c.NonMated)
		for _, n := range c.Rates {
			_, _ = fmt.Fprintf(t, "%.2f %%\t", 100*n.Value)
		}
		_, _ = fmt.Fprintln(t)
	}
	_ = t.Flush()
}

// evalError turns bad input into the exit code of refused input.
func evalError(file string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	var (
		score     *eval.ScoreError
		class     *eval.ClassError
		label     *eval.LabelError
		duplicate *eval.DuplicateError
		unknown   *eval.UnknownError
		format    *eval.FormatError
	)
	for _, target := range []any{&score, &class, &label, &duplicate, &unknown, &format} {
		if errors.As(err, target) {
			return usage("%s: %v", file, err)
		}
	}
	return fmt.Errorf("%s: %w", file, err)
}

func writeReport(name string, write func(io.Writer) error) (err error) {
	f, err := os.OpenFile(filepath.Clean(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return write(f)
}

// readWith opens a file for read and names it in errors.
func readWith(name string, read func(io.Reader) error) error {
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return usage("%v", err)
	}
	defer func() { _ = f.Close() }()
	return evalError(name, read(f))
}

// evalSources lists a file, or the .csv and .csv.gz files of a folder.
func evalSources(name string) ([]string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, usage("%v", err)
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if n := e.Name(); strings.HasSuffix(n, ".csv") || strings.HasSuffix(n, ".csv.gz") {
			out = append(out, filepath.Join(name, n))
		}
	}
	if len(out) == 0 {
		return nil, usage("%s: no .csv or .csv.gz file", name)
	}
	return out, nil
}
