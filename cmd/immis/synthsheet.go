package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"

	"immis/bench/synth"
	"immis/templates"
)

// The contact sheet: so many impressions at full size, each with its truth.
const (
	sheetColumns = 8
	sheetMost    = 40
)

// contactSheet draws the first impressions of as many fingers as there are, then
// the second ones, and so on.
func (m *fingerMaker) contactSheet(path string) error {
	count := min(sheetMost, m.persons*m.impressions)
	rows := (count + sheetColumns - 1) / sheetColumns
	sheet := image.NewRGBA(image.Rect(0, 0, min(count, sheetColumns)*synth.ImageWidth, rows*synth.ImageHeight))
	fingers := min(m.persons, count)
	for finger := range fingers {
		if err := m.app.ctx.Err(); err != nil {
			return err
		}
		master := m.printer.Master(finger, position(finger))
		for i := finger; i < count; i += fingers {
			corner := image.Pt(i%sheetColumns*synth.ImageWidth, i/sheetColumns*synth.ImageHeight)
			drawPrint(sheet, corner, master.Impression(i/fingers))
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, sheet); err != nil {
		return fmt.Errorf("encode contact sheet: %w", err)
	}
	return replaceFile(path, out.Bytes())
}

// drawPrint draws an impression: a ring and a tail for a minutia, red for an
// ending, blue for a bifurcation.
func drawPrint(sheet *image.RGBA, corner image.Point, p synth.Print) {
	for i, grey := range p.Pix {
		x, y := corner.X+i%synth.ImageWidth, corner.Y+i/synth.ImageWidth
		sheet.SetRGBA(x, y, color.RGBA{grey, grey, grey, 255})
	}
	frame := image.Rectangle{corner, corner.Add(image.Pt(synth.ImageWidth, synth.ImageHeight))}
	for _, m := range p.Finger.Minutiae {
		ink := color.RGBA{220, 0, 0, 255}
		if m.Type == templates.MinutiaBifurcation {
			ink = color.RGBA{0, 60, 230, 255}
		}
		dot := func(radius, turns float64) {
			sin, cos := math.Sincos(2 * math.Pi * turns)
			at := image.Pt(
				corner.X+int(math.Round(float64(m.X)/templates.UnitsPerPixel+float64(radius*cos))),
				corner.Y+int(math.Round(float64(m.Y)/templates.UnitsPerPixel-float64(radius*sin))),
			)
			if at.In(frame) {
				sheet.SetRGBA(at.X, at.Y, ink)
			}
		}
		for i := range 24 {
			dot(3.5, float64(i)/24)
		}
		for r := 4.0; r < 13; r += 0.5 {
			dot(r, float64(m.Angle)/65536)
		}
	}
}
