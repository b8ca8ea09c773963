package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"

	"immis/bench/synth"
)

type synthFacesCmd struct {
	Persons int    `default:"10" help:"Portraits to draw (default ${default})."`
	Seed    uint64 `default:"1" help:"Picks the people (default ${default})."`
	Out     string `required:"" placeholder:"DIR" help:"Folder to write into; the drawings are in DIR/faces."`
}

// Help implements kong.HelpProvider.
func (*synthFacesCmd) Help() string {
	return `Draws portraits of nobody, as SVG and PNG, so that screens and guides have faces to show. They are drawings: no face recognition makes anything of them. The same seed makes the same files. Interrupt it and call it again: it goes on where it was.

Examples:
  immis synth faces --persons 50 --out portraits`
}

// Run draws.
func (c *synthFacesCmd) Run(a *app) error {
	if c.Persons < 1 || c.Persons > synth.MaxPeople {
		return usage("--persons %d, want 1..%d", c.Persons, synth.MaxPeople)
	}
	w, err := synth.New(synth.Config{Seed: c.Seed, People: c.Persons})
	if err != nil {
		return usage("%v", err)
	}
	set := filepath.Join(c.Out, "faces")
	if err := claimSet(set, synthSet{Seed: c.Seed, Made: "immis synth faces"}); err != nil {
		return err
	}
	work := a.progress("portraits")
	defer work.end()
	written := 0
	for i := range c.Persons {
		if err := a.ctx.Err(); err != nil {
			return err
		}
		base := filepath.Join(set, fmt.Sprint(i+1))
		if _, err := os.Stat(base + ".png"); err == nil {
			continue
		}
		if err := drawPortrait(base, w.Portrait(i)); err != nil {
			return err
		}
		written++
		work.update(uint64(i+1), uint64(c.Persons))
	}
	if a.json {
		return a.printValue(map[string]any{"folder": set, "portraits": c.Persons, "written": written, "there_before": c.Persons - written})
	}
	a.printf("%d portraits in %s: %d written, %d were there\n", c.Persons, set, written, c.Persons-written)
	return nil
}

func drawPortrait(base string, p synth.Portrait) error {
	picture := image.NewNRGBA(image.Rect(0, 0, synth.PortraitWidth, synth.PortraitHeight))
	for i, v := range p.Pixels() {
		picture.Pix[i/3*4+i%3], picture.Pix[i/3*4+3] = v, 255
	}
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		return fmt.Errorf("encode portrait: %w", err)
	}
	// The PNG comes last: where it is, the SVG is too.
	return errors.Join(replaceFile(base+".svg", p.SVG()), replaceFile(base+".png", out.Bytes()))
}
