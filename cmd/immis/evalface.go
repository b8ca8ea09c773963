package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"immis/bench/eval"
)

type evalFaceCmd struct {
	evalOutput
	Vectors string `required:"" placeholder:"FILE" help:"Vectors: IEEE half precision, little-endian, row by row."`
	Index   string `required:"" placeholder:"CSV" help:"Whose they are: row and identity_id; sex, age, station, quality where known."`
	Pairs   string `placeholder:"CSV" help:"Pairs of a protocol with folds: fold, row_a, row_b, same."`
}

// Help implements kong.HelpProvider.
func (*evalFaceCmd) Help() string {
	return `Compares every vector with every other one by the cosine, and searches each further image of a person in a gallery of everybody's first image (by row). With --pairs also the accuracy of a protocol with folds: of each fold at the threshold that is best on the others; of several best ones the middle.

Examples:
  immis eval face --vectors mbf_y1_128-lfw.f16 --index lfw-index.csv --pairs lfw-pairs.csv --html report.html`
}

// Run evaluates.
func (c *evalFaceCmd) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	var ids []string
	var info map[string]eval.SampleInfo
	err := readWith(c.Index, func(f io.Reader) (err error) {
		ids, info, err = eval.ReadSamples(f)
		return err
	})
	if err != nil {
		return err
	}
	for i, id := range ids {
		if id != strconv.Itoa(i) {
			return evalError(c.Index, &eval.UnknownError{Line: i + 2, ID: id, Want: "row " + strconv.Itoa(i)})
		}
	}
	raw, err := os.ReadFile(filepath.Clean(c.Vectors))
	if err != nil {
		return usage("%v", err)
	}
	persons, groups, names := eval.Groups(ids, info)
	v, err := eval.NewVectors(raw, persons)
	if err != nil {
		return usage("%s: %v", c.Vectors, err)
	}
	ph := &phases{app: a}
	defer ph.end()
	cfg := c.config(ph)
	begun := time.Now()
	all, cells, err := v.AllPairs(a.ctx, 0, groups, len(names), func(done, total int) { ph.tell("comparisons, blocks of rows", done, total) })
	if err != nil {
		return evalError(c.Vectors, err)
	}
	r := c.begin(strings.TrimSuffix(filepath.Base(c.Vectors), filepath.Ext(c.Vectors)), fmt.Sprintf("%s, %s, %d x %d", c.Vectors, c.Index, len(ids), v.Dim))
	r.Seconds = time.Since(begun).Seconds()
	r.Protocol = eval.ProtocolAllPairs
	r.Samples, r.Persons, r.Notes = len(ids), len(all.Images), []string{eval.NotePublic, eval.NoteAllPairs}
	curve, err := r.Measure(a.ctx, all, cfg)
	if err != nil {
		return evalError(c.Index, err)
	}
	r.AddCells(eval.Cells(names, cells), float64(curve.FNMRAt(1e-3).Threshold))
	d, err := v.Identify(a.ctx, func(done, total int) { ph.tell("searches", done, total) })
	if err != nil && !errors.As(err, new(*eval.ClassError)) {
		return evalError(c.Vectors, err)
	}
	if err == nil {
		r.AddIdentification(d, true)
	}
	if c.Pairs != "" {
		if err := readWith(c.Pairs, func(f io.Reader) error { return c.folds(r, v, f) }); err != nil {
			return err
		}
	}
	ph.end()
	return c.end(a, r)
}

func (c *evalFaceCmd) folds(r *eval.Report, v *eval.Vectors, f io.Reader) error {
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return &eval.FormatError{What: "pairs", Err: err}
	}
	if len(records) < 2 || strings.Join(records[0], ",") != "fold,row_a,row_b,same" {
		return &eval.FormatError{Line: 1, What: "want the heading fold,row_a,row_b,same and pairs"}
	}
	seen := map[[2]int]int{}
	var pairs []eval.FoldPair
	for i, rec := range records[1:] {
		var n [4]int
		for k := range n {
			if n[k], err = strconv.Atoi(rec[k]); err != nil {
				return &eval.FormatError{Line: i + 2, What: "values", Err: err}
			}
		}
		for _, row := range n[1:3] {
			if row < 0 || row >= len(v.Persons) {
				return &eval.UnknownError{Line: i + 2, ID: strconv.Itoa(row), Want: fmt.Sprintf("a row below %d", len(v.Persons))}
			}
		}
		key := [2]int{min(n[1], n[2]), max(n[1], n[2])}
		if first, twice := seen[key]; twice {
			return &eval.DuplicateError{Line: i + 2, Pair: fmt.Sprint(key), First: first}
		}
		seen[key] = i + 2
		if same := v.Persons[n[1]] == v.Persons[n[2]]; n[3] != 0 && n[3] != 1 || same != (n[3] == 1) {
			return &eval.LabelError{Line: i + 2, What: fmt.Sprintf("same is %d, the index says %t", n[3], same)}
		}
		pairs = append(pairs, eval.FoldPair{Fold: n[0], Score: v.Cosine(n[1], n[2]), Mated: n[3] == 1})
	}
	folds, err := eval.TenFold(pairs)
	if err != nil {
		return err
	}
	r.Folds = &folds
	return nil
}
