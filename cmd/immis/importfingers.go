package main

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	immisv1 "immis/api/immis/v1"
	"immis/internal/config"
)

type importFingersCmd struct {
	client
	importFlags
	Folder     string   `arg:"" help:"Folder with ISO/IEC 19794-2:2005 records; subfolders too." type:"existingdir"`
	Ext        []string `default:".iso,.fmr,.fmd,.ist" help:"Extensions of records (default ${default})."`
	Pattern    string   `enum:"finger_impression,file" default:"finger_impression" help:"finger_impression: files FINGER_IMPRESSION.iso, one subject per finger; file: one subject per file (default ${default})."`
	Impression []int    `help:"Only these impressions."`
	Position   string   `default:"" placeholder:"POSITION" help:"Finger position to record; default: what each record says."`
}

// Help implements kong.HelpProvider.
func (*importFingersCmd) Help() string {
	return `A subject is named by its file, with the subfolder in front; each impression becomes an encounter. An import that was interrupted is started again with the same command; nothing is enrolled twice.

Example:
  immis import fingers minutiae/commercial --impression 1 --gallery test --purpose test`
}

// Run imports.
func (c *importFingersCmd) Run(a *app) error {
	position := immisv1.Position_POSITION_UNSPECIFIED
	if c.Position != "" {
		var err error
		if position, err = parsePosition(c.Position); err != nil {
			return err
		}
	}
	people, err := c.people(position)
	if err != nil {
		return err
	}
	job := jobID("fingers", filepath.Base(filepath.Clean(c.Folder)), c.Pattern, position.String(), c.SubjectPrefix)
	all, total := allOf(people)
	return c.importPeople(a, c.importFlags, importJob{id: job, people: all, total: total})
}

// people finds the records, in the order of their names.
func (c *importFingersCmd) people(position immisv1.Position) ([]person, error) {
	var people []person
	at := map[string]int{}
	err := filepath.WalkDir(c.Folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.Type().IsRegular() || !slices.Contains(c.Ext, strings.ToLower(filepath.Ext(path))) {
			return nil
		}
		rel, err := filepath.Rel(c.Folder, path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(strings.TrimSuffix(rel, filepath.Ext(rel)))
		subject, encounter := name, "1"
		if c.Pattern == "finger_impression" {
			i := strings.LastIndexByte(name, '_')
			if i <= 0 {
				return usage("file %s, want FINGER_IMPRESSION%s; or use --pattern file", rel, filepath.Ext(rel))
			}
			n, err := strconv.Atoi(name[i+1:])
			if err != nil {
				return usage("file %s has impression %q, want a number; or use --pattern file", rel, name[i+1:])
			}
			if len(c.Impression) > 0 && !slices.Contains(c.Impression, n) {
				return nil
			}
			subject, encounter = name[:i], name[i+1:]
		}
		i, ok := at[subject]
		if !ok {
			i = len(people)
			at[subject] = i
			people = append(people, person{subject: subject})
		}
		people[i].items = append(people[i].items, item{name: name, request: requestPart(name), load: func() (*immisv1.Encounter, error) {
			data, err := config.ReadFile(path, maxSample)
			if err != nil {
				return nil, fileError(path, err)
			}
			return &immisv1.Encounter{EncounterId: encounter, Samples: []*immisv1.Sample{{
				Modality: immisv1.Modality_MODALITY_FINGER, Position: position, Format: immisv1.Format_FORMAT_ISO_19794_2_2005, Data: data,
			}}}, nil
		}})
		return nil
	})
	return people, err
}
