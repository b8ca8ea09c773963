package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"immis/templates"
	"immis/templates/ansi378"
	"immis/templates/cbeff"
	"immis/templates/iso19794"
)

// This file makes the samples of the scripts: synthetic, seeded, of nobody.

const testDims = 64

// vectorOf is person's face at a visit; visit 0 is the reference.
func vectorOf(person, visit uint64) []float64 {
	base, noise := rand.New(rand.NewPCG(person, 1)), rand.New(rand.NewPCG(person, 100+visit))
	out := make([]float64, testDims)
	for i := range out {
		out[i] = base.NormFloat64()
		if visit > 0 {
			out[i] += float64(0.15 * noise.NormFloat64())
		}
	}
	return out
}

func appendVector(b []byte, v []float64) []byte {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(x)))
	}
	return b
}

func appendHalves(b []byte, v []float64) []byte {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint16(b, half(x))
	}
	return b
}

// half is the IEEE half-precision number next to x towards 0, for |x| from 2^-14 to 1;
// smaller ones become 0.
func half(x float64) uint16 {
	frac, exp := math.Frexp(math.Abs(x))
	if exp < -13 {
		return 0
	}
	h := uint16(exp+14)<<10 | uint16((frac*2-1)*1024)
	if x < 0 {
		h |= 0x8000
	}
	return h
}

// faces writes a file of vectors, visit by visit, and its index; of halves if the name
// ends in .f16.
func (s *script) faces(file, indexFile string, people, visits uint64) {
	s.t.Helper()
	var b []byte
	index, row := "row,identity_id\n", 0
	for visit := range visits {
		for person := range people {
			if v := vectorOf(person, visit); strings.HasSuffix(file, ".f16") {
				b = appendHalves(b, v)
			} else {
				b = appendVector(b, v)
			}
			index += fmt.Sprintf("%d,p%d\n", row, person)
			row++
		}
	}
	s.check(os.WriteFile(s.path(file), b, 0o600))
	s.check(os.WriteFile(s.path(indexFile), []byte(index), 0o600))
}

// finger writes an ISO record of a right index finger.
func (s *script) finger(file string, person uint64) {
	s.t.Helper()
	rec, err := iso19794.FromFingers([]templates.Finger{fingerOf(person)}, iso19794.Capture{})
	s.check(err)
	b, err := rec.AppendBinary(nil)
	s.check(err)
	s.put(file, b)
}

// record writes a right index finger in a format, or what picture knows.
func (s *script) record(format, file string, person uint64) {
	s.t.Helper()
	if b := s.picture(format, person); b != nil {
		s.put(file, b)
		return
	}
	f, err := templates.ParseFormat(format)
	s.check(err)
	var b []byte
	switch {
	case f == templates.FormatCBEFF:
		rec, err := iso19794.FromFingers([]templates.Finger{fingerOf(person)}, iso19794.Capture{})
		s.check(err)
		inner, err := rec.AppendBinary(nil)
		s.check(err)
		doc, err := cbeff.New([]cbeff.Sample{{
			Modality: templates.ModalityFinger, Position: templates.RightIndex, Format: templates.FormatISO19794_2_2005, Data: inner, Quality: templates.Quality{Value: templates.QualityUnknown},
		}})
		s.check(err)
		b, err = doc.Encode()
		s.check(err)
	case f == templates.FormatISO19794_2_2011:
		rec, err := iso19794.FromFingers2011([]templates.Finger{fingerOf(person)}, iso19794.Capture2011{})
		s.check(err)
		b, err = rec.Encode()
		s.check(err)
	default:
		rec, err := ansi378.FromFingers(f, []templates.Finger{fingerOf(person)}, ansi378.Capture{})
		s.check(err)
		b, err = rec.Encode()
		s.check(err)
	}
	s.put(file, b)
}

// fingerOf is a right index finger.
func fingerOf(person uint64) templates.Finger {
	r := rand.New(rand.NewPCG(person, 2))
	f := templates.Finger{Position: templates.RightIndex, Width: 400, Height: 500, Quality: 70}
	for i := range 40 {
		f.Minutiae = append(f.Minutiae, templates.Minutia{
			X: uint16(16 * (20 + 50*(i%7) + r.IntN(40))), Y: uint16(16 * (20 + 70*(i/7) + r.IntN(60))), Angle: uint16(r.IntN(256) << 8),
			Type: templates.MinutiaType(1 + r.IntN(2)), Quality: templates.QualityUnknown,
		})
	}
	return f
}

// image writes a small PNG of nothing.
func (s *script) image(file string) {
	s.t.Helper()
	m := image.NewGray(image.Rect(0, 0, 100, 80))
	for i := range m.Pix {
		m.Pix[i] = byte(i * 7)
	}
	var b bytes.Buffer
	s.check(png.Encode(&b, m))
	s.put(file, b.Bytes())
}

// ageKey writes an identity, and its recipient beside it.
func (s *script) ageKey(file string) {
	s.t.Helper()
	id, err := age.GenerateX25519Identity()
	s.check(err)
	s.put(file, []byte(id.String()+"\n"))
	s.put(file+".pub", []byte(id.Recipient().String()+"\n"))
}

func (s *script) put(file string, b []byte) {
	s.t.Helper()
	s.check(os.MkdirAll(filepath.Dir(s.path(file)), 0o700))
	s.check(os.WriteFile(s.path(file), b, 0o600))
}
