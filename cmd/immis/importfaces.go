package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	immisv1 "immis/api/immis/v1"
)

type importFacesCmd struct {
	client
	importFlags
	File      string `arg:"" help:"Vectors, row after row, little-endian: .f16 or .f32." type:"existingfile"`
	Index     string `required:"" placeholder:"FILE" help:"CSV with the header row,identity_id: whose face each row is." type:"existingfile"`
	Dim       int    `required:"" help:"Dimensions of a vector, 16-4096."`
	Model     string `required:"" placeholder:"NAME" help:"Model of the vectors."`
	FirstOnly bool   `help:"Enroll only the first row of each identity."`
}

// Help implements kong.HelpProvider.
func (*importFacesCmd) Help() string {
	return `Each identity of the index becomes a subject, each of its rows an encounter "row-N". An import that was interrupted is started again with the same command; nothing is enrolled twice.

Example:
  immis import faces lfw.f16 --index lfw-index.csv --dim 512 --model fused/512 --gallery test --purpose test --first-only`
}

// Run imports.
func (c *importFacesCmd) Run(a *app) error {
	if c.Dim < 16 || c.Dim > 4096 {
		return usage("dimensions %d, want 16 to 4096", c.Dim)
	}
	f, err := openVectors(c.File, c.Dim)
	if err != nil {
		return err
	}
	defer func() { _ = f.file.Close() }()
	people, err := c.people(f)
	if err != nil {
		return err
	}
	job := jobID("faces", filepath.Base(c.File), c.Model, itoa(c.Dim), c.SubjectPrefix)
	all, total := allOf(people)
	return c.importPeople(a, c.importFlags, importJob{id: job, people: all, total: total})
}

// people groups the rows of the index by identity, in the order of the index.
func (c *importFacesCmd) people(f *vectors) ([]person, error) {
	h, err := os.Open(c.Index)
	if err != nil {
		return nil, fileError(c.Index, err)
	}
	defer func() { _ = h.Close() }()
	r := csv.NewReader(h)
	r.FieldsPerRecord, r.ReuseRecord = 2, true
	head, err := r.Read()
	if err != nil || head[0] != "row" || head[1] != "identity_id" {
		return nil, usage("index %s has header %v, want row,identity_id", c.Index, head)
	}
	var people []person
	at := map[string]int{}
	seen := make([]bool, f.rows)
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return people, nil
		}
		if err != nil {
			return nil, usage("index %s: %v", c.Index, err)
		}
		line, _ := r.FieldPos(0)
		row, err := strconv.ParseUint(rec[0], 10, 62)
		if err != nil || row >= f.rows {
			return nil, usage("index %s line %d: row %q, want 0 to %d", c.Index, line, rec[0], f.rows-1)
		}
		if seen[row] {
			return nil, usage("index %s line %d: row %d stands there twice", c.Index, line, row)
		}
		seen[row] = true
		id := rec[1]
		if id == "" {
			return nil, usage("index %s line %d: identity_id is empty", c.Index, line)
		}
		i, ok := at[id]
		if !ok {
			i = len(people)
			at[id] = i
			people = append(people, person{subject: id})
		}
		if c.FirstOnly && ok {
			continue
		}
		people[i].items = append(people[i].items, item{
			name: fmt.Sprintf("row-%d", row), request: fmt.Sprintf("row-%d", row),
			load: func() (*immisv1.Encounter, error) { return f.encounter(row, c.Model) },
		})
	}
}

// vectors is a file of rows of equal length.
type vectors struct {
	file     *os.File
	format   immisv1.Format
	rowBytes int64
	rows     uint64
}

func openVectors(path string, dim int) (*vectors, error) {
	v := &vectors{}
	var width int64
	switch filepath.Ext(path) {
	case ".f16":
		v.format, width = immisv1.Format_FORMAT_FACE_FLOAT16, 2
	case ".f32":
		v.format, width = immisv1.Format_FORMAT_FACE_FLOAT32, 4
	default:
		return nil, usage("file %s, want .f16 or .f32", path)
	}
	v.rowBytes = width * int64(dim)
	var err error
	if v.file, err = os.Open(path); err != nil {
		return nil, fileError(path, err)
	}
	info, err := v.file.Stat()
	if err == nil && (info.Size() == 0 || info.Size()%v.rowBytes != 0) {
		err = usage("file %s has %d bytes, want a multiple of %d (%d dimensions of %d bytes): is --dim right?", path, info.Size(), v.rowBytes, dim, width)
	}
	if err != nil {
		return nil, errors.Join(err, v.file.Close())
	}
	v.rows = uint64(info.Size() / v.rowBytes)
	return v, nil
}

// encounter reads one row; safe for concurrent use.
func (v *vectors) encounter(row uint64, model string) (*immisv1.Encounter, error) {
	data := make([]byte, v.rowBytes)
	if _, err := v.file.ReadAt(data, int64(row)*v.rowBytes); err != nil {
		return nil, fmt.Errorf("read row %d: %w", row, err)
	}
	return &immisv1.Encounter{
		EncounterId: fmt.Sprintf("row-%d", row),
		Samples:     []*immisv1.Sample{{Modality: immisv1.Modality_MODALITY_FACE, Format: v.format, Data: data, Model: model}},
	}, nil
}
