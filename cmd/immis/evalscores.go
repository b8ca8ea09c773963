package main

import (
	"fmt"
	"io"
	"path/filepath"

	"immis/bench/eval"
)

type evalScoresCmd struct {
	evalOutput
	File    string `arg:"" help:"Scores: .csv or .csv.gz with the columns probe, candidate, score, and mated where identifiers do not tell it; or a folder of such files."`
	Samples string `placeholder:"CSV" help:"List of samples: id and person; sex, age, station, quality where known."`
	LLR     bool   `name:"llr" help:"The scores are natural log-likelihood ratios: give Cllr too."`
	FVC     bool   `name:"fvc" help:"Identifiers are set/finger_impression: take each pair of a set once, as the FVC protocol does."`
	Against string `placeholder:"CSV" help:"Scores of another system on the same pairs, file or folder; with --fvc."`
}

// Help implements kong.HelpProvider.
func (*evalScoresCmd) Help() string {
	return `Reads scores one by one in bounded memory: a thousand million lines need about 200 MB. Whose a sample is comes from --samples; else from the column mated, which joins samples to persons; else a person is what stands before the last "_" of an identifier. A comparison is accepted at a score >= the threshold.

Examples:
  immis eval scores scores.csv --html report.html
  immis eval scores peer/ --fvc --html report.html --lang uk
  immis eval scores scores.csv.gz --samples samples.csv --json`
}

// Run evaluates.
func (c *evalScoresCmd) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.Against != "" && !c.FVC {
		return usage("--against without --fvc, want both")
	}
	if c.FVC && (c.Samples != "" || c.LLR) {
		return usage("--fvc with --samples or --llr, want it alone")
	}
	files, err := evalSources(c.File)
	if err != nil {
		return err
	}
	ph := &phases{app: a}
	defer ph.end()
	r := c.begin(filepath.Base(c.File), c.File)
	if c.FVC {
		t, err := readFVC(a, files, nil, ph)
		if err != nil {
			return err
		}
		if err := finishFVC(a, r, t, c.Against, c.config(ph), ph); err != nil {
			return err
		}
		return c.end(a, r)
	}
	var info map[string]eval.SampleInfo
	if c.Samples != "" {
		err := readWith(c.Samples, func(f io.Reader) (err error) {
			_, info, err = eval.ReadSamples(f)
			return err
		})
		if err != nil {
			return err
		}
	}
	t := eval.NewTest(info, 0)
	lines := 0
	for _, name := range files {
		err := readWith(name, func(f io.Reader) error {
			return eval.ReadScores(a.ctx, f, func(l eval.Line) error {
				if lines++; lines&0xfffff == 0 {
					ph.tell("scores", lines, 0)
				}
				return t.Add(l)
			})
		})
		if err != nil {
			return err
		}
	}
	if err := t.Finish(); err != nil {
		return evalError(c.File, err)
	}
	r.Protocol = eval.ProtocolListed
	r.Samples, r.Persons, r.Notes = t.Samples(), t.Persons(), t.Notes
	curve, err := r.Measure(a.ctx, t.All, c.config(ph))
	if err != nil {
		return evalError(c.File, err)
	}
	common := curve.FNMRAt(1e-3)
	r.AddCells(t.Cells, float64(common.Threshold))
	if reject := t.Reject.Curve(float64(common.Threshold)); len(reject) > 1 {
		r.Reject, r.RejectAt = reject, common.Threshold
	}
	if c.LLR {
		x, err := t.All.Cllr()
		if err != nil {
			return evalError(c.File, err)
		}
		r.Cllr = &x
	}
	ph.end()
	return c.end(a, r)
}

// readFVC reads files of scores by the FVC protocol.
func readFVC(a *app, files []string, only map[[2]string]float64, ph *phases) (*eval.FingerTest, error) {
	t := eval.NewFingerTest(only)
	for i, name := range files {
		ph.tell("score files", i, len(files))
		if err := readWith(name, func(f io.Reader) error { return t.Read(a.ctx, f) }); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// finishFVC fills a report from a test, and sets it beside the scores of a peer.
func finishFVC(a *app, r *eval.Report, t *eval.FingerTest, against string, cfg eval.Config, ph *phases) error {
	if err := t.Finish(); err != nil {
		return evalError(r.Title, err)
	}
	r.Protocol, r.PersonUnit = eval.ProtocolFVC, "finger"
	r.Samples, r.Persons = t.Samples(), t.Persons()
	r.Notes = append(t.Notes, eval.NotePublic)
	if t.Missing() > 0 {
		r.Notes = append(r.Notes, eval.NoteMissing)
	}
	curve, err := r.Measure(a.ctx, t.All, cfg)
	if err != nil {
		return evalError(r.Title, err)
	}
	r.AddCells(t.Cells, float64(curve.FNMRAt(1e-3).Threshold))
	r.AddIdentification(t.Identify(), false)
	if against == "" {
		ph.end()
		return nil
	}
	files, err := evalSources(against)
	if err != nil {
		return err
	}
	peer, err := readFVC(a, files, t.Pairs, ph)
	if err != nil {
		return err
	}
	// The same pairs in the same order give the same numbers of persons.
	ours, theirs, err := eval.Common(t, peer)
	if err != nil {
		return evalError(against, err)
	}
	if len(peer.Pairs) != len(t.Pairs) {
		r.Notes = append(r.Notes, eval.NoteCommon)
	}
	err = r.Against(a.ctx, filepath.Base(filepath.Clean(against)), ours, theirs, cfg)
	ph.end()
	if err != nil {
		return fmt.Errorf("compare with %s: %w", against, err)
	}
	return nil
}
