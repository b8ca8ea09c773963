package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"immis/bench"
	"immis/bench/synth"
	"immis/templates"
	"immis/templates/imaging"
)

type synthFingersCmd struct {
	Persons      int    `default:"10" help:"Fingers to make, each of a person of its own (default ${default})."`
	Impressions  int    `default:"8" help:"Impressions of each finger (default ${default})."`
	Preset       string `default:"fvc" enum:"easy,fvc,hard" help:"How hard the impressions are: easy, fvc or hard (default ${default})."`
	Seed         uint64 `default:"1" help:"Picks the people (default ${default})."`
	Out          string `required:"" placeholder:"DIR" help:"Folder to write into; the images are in DIR/PRESET."`
	ContactSheet string `placeholder:"FILE" help:"Also draw up to 40 impressions with their minutiae into this PNG."`
}

// Help implements kong.HelpProvider.
func (*synthFingersCmd) Help() string {
	return `Draws fingerprints that belong to nobody. DIR/PRESET/F_I is impression I of finger F: .png is the image (400 x 480, grey, 500 ppi), .iso the true minutiae as a record of ISO/IEC 19794-2:2005, .csv the same in pixels and degrees. The same seed makes the same files on every machine. Interrupt it and call it again: it goes on where it was.

Error rates measured on these prints are not those of real people.

Examples:
  immis synth fingers --out prints
  immis synth fingers --persons 1000 --impressions 4 --preset hard --seed 7 --out prints --contact-sheet sheet.png --json`
}

// synthSet is what a folder was made with, written beside the files, so that two
// sets never mix.
type synthSet struct {
	Preset string `json:"preset"`
	Seed   uint64 `json:"seed"`
	Made   string `json:"made"`
}

// Run writes the files.
func (c *synthFingersCmd) Run(a *app) error {
	if c.Persons < 1 || c.Persons > synth.MaxPeople || c.Impressions < 1 || c.Impressions > 1000 {
		return usage("--persons %d --impressions %d, want 1..%d and 1..1000", c.Persons, c.Impressions, synth.MaxPeople)
	}
	difficulty, err := synth.FingerPreset(c.Preset)
	if err != nil {
		return usage("%v", err)
	}
	w, err := synth.New(synth.Config{Seed: c.Seed, People: c.Persons, FingerDifficulty: difficulty})
	if err != nil {
		return usage("%v", err)
	}
	set := filepath.Join(c.Out, c.Preset)
	if err := claimSet(set, synthSet{Preset: c.Preset, Seed: c.Seed, Made: "immis synth fingers"}); err != nil {
		return err
	}
	m := fingerMaker{app: a, set: set, printer: w.NewPrinter(), persons: c.Persons, impressions: c.Impressions}
	if err := m.run(); err != nil {
		return err
	}
	if c.ContactSheet != "" {
		if err := m.contactSheet(c.ContactSheet); err != nil {
			return err
		}
	}
	if a.json {
		return a.printValue(map[string]any{"folder": set, "fingers": c.Persons, "impressions": c.Impressions, "written": m.written.Load(), "there_before": m.kept.Load()})
	}
	a.printf("%d impressions of %d fingers in %s: %d written, %d were there\n", c.Persons*c.Impressions, c.Persons, set, m.written.Load(), m.kept.Load())
	return nil
}

// claimSet makes the folder, or refuses one that holds something else.
func claimSet(set string, want synthSet) error {
	if err := os.MkdirAll(set, 0o755); err != nil {
		return fmt.Errorf("make folder of prints: %w", err)
	}
	path := filepath.Join(set, "set.json")
	old, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		text, err := json.Marshal(want)
		if err != nil {
			return fmt.Errorf("describe the prints: %w", err)
		}
		return replaceFile(path, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("read what the folder holds: %w", err)
	}
	var got synthSet
	if err := json.Unmarshal(old, &got); err != nil || got != want {
		return usage("%s was made with other settings (%s), want an empty folder", set, strings.TrimSpace(string(old)))
	}
	return nil
}

// replaceFile writes a file whole or not at all.
func replaceFile(path string, data []byte) error {
	if err := os.WriteFile(path+".part", data, 0o644); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := os.Rename(path+".part", path); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// fingerMaker writes the fingers of one set on all cores.
type fingerMaker struct {
	app                  *app
	set                  string
	printer              *synth.Printer
	persons, impressions int

	next, written, kept atomic.Int64
}

// position spreads the people over the ten fingers, the index fingers first.
func position(person int) templates.Position {
	order := [...]templates.Position{
		templates.RightIndex, templates.LeftIndex, templates.RightThumb, templates.LeftThumb, templates.RightMiddle,
		templates.LeftMiddle, templates.RightRing, templates.LeftRing, templates.RightLittle, templates.LeftLittle,
	}
	return order[person%len(order)]
}

func (m *fingerMaker) run() error {
	work := m.app.progress("impressions")
	defer work.end()
	errs := make([]error, min(runtime.GOMAXPROCS(0), m.persons))
	var wait sync.WaitGroup
	for i := range errs {
		wait.Go(func() {
			for errs[i] == nil {
				person := int(m.next.Add(1)) - 1
				if person >= m.persons {
					return
				}
				errs[i] = m.finger(person, work)
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// finger writes the impressions of a finger that are missing.
func (m *fingerMaker) finger(person int, work *progress) error {
	var master *synth.MasterPrint
	for n := range m.impressions {
		if err := m.app.ctx.Err(); err != nil {
			return err
		}
		base := filepath.Join(m.set, fmt.Sprintf("%d_%d", person+1, n+1))
		// The image is written last: where it is, the truth is too.
		if _, err := os.Stat(base + ".png"); err == nil {
			m.kept.Add(1)
			continue
		}
		if master == nil {
			master = m.printer.Master(person, position(person))
		}
		p := master.Impression(n)
		record, err := bench.EncodeFinger(p.Finger)
		if err != nil {
			return err
		}
		picture, err := imaging.EncodePNG(&imaging.Image{Pix: p.Pix, Width: synth.ImageWidth, Height: synth.ImageHeight, PPI: 500})
		if err != nil {
			return fmt.Errorf("encode impression: %w", err)
		}
		if err := errors.Join(replaceFile(base+".iso", record), replaceFile(base+".csv", truthTable(p.Finger.Minutiae))); err != nil {
			return err
		}
		if err := replaceFile(base+".png", picture); err != nil {
			return err
		}
		work.update(uint64(m.written.Add(1)+m.kept.Load()), uint64(m.persons)*uint64(m.impressions))
	}
	return nil
}

// truthTable lists minutiae in pixels from the top left and degrees
// counter-clockwise.
func truthTable(all []templates.Minutia) []byte {
	out := []byte("x,y,angle,type,quality\n")
	for _, m := range all {
		kind := "ending"
		if m.Type == templates.MinutiaBifurcation {
			kind = "bifurcation"
		}
		for _, v := range []float64{float64(m.X) / templates.UnitsPerPixel, float64(m.Y) / templates.UnitsPerPixel, float64(m.Angle) * (360.0 / 65536)} {
			out = strconv.AppendFloat(out, v, 'f', 2, 64)
			out = append(out, ',')
		}
		out = append(out, kind...)
		out = append(out, ',')
		out = strconv.AppendUint(out, uint64(m.Quality), 10)
		out = append(out, '\n')
	}
	return slices.Clip(out)
}
