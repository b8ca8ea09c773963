package main

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"math"
	"slices"

	"immis/templates"
	"immis/templates/ansinist"
	"immis/templates/cbeff"
	"immis/templates/imagerecord"
	"immis/templates/imaging"
	"immis/templates/imaging/wsq"
	"immis/templates/iso19794"
)

// This file makes the images and containers of the scripts: of nobody, and small.

// picture is what the script command record writes for names that are no minutiae
// format; nil for other names.
//
//	wsq, png500                prints that state 500 ppi
//	jpeg, jpeg72               pictures that state nothing, or 72 ppi
//	iso-19794-4-2011           a right index finger
//	iso-19794-5-2011           a face
//	cbeff-person               a face, a right thumb, an iris, and the left ring finger is not there
//	cbeff-empty, cbeff-encrypted, cbeff-broken
//	                           a document without data, one that is encrypted, one with a bad part
//	ansi-nist-itl              a slap without two fingers, minutiae of a right index finger, a palm
func (s *script) picture(name string, person uint64) []byte {
	s.t.Helper()
	var b []byte
	var err error
	switch name {
	case "wsq":
		b, err = wsq.Encode(printOf(), wsq.Options{BitRate: 2.25, PPI: 500})
	case "png500":
		m := printOf()
		b, err = imaging.EncodePNG(&imaging.Image{Width: m.Rect.Dx(), Height: m.Rect.Dy(), Pix: m.Pix, PPI: 500})
	case "jpeg", "jpeg72":
		var out bytes.Buffer
		err = jpeg.Encode(&out, printOf(), nil)
		if b = out.Bytes(); name == "jpeg72" {
			b = slices.Insert(b, 2, []byte("\xff\xe0\x00\x10JFIF\x00\x01\x02\x01\x00\x48\x00\x48\x00\x00")...)
		}
	case "iso-19794-4-2011":
		b, err = s.fingerImage(templates.RightIndex)
	case "iso-19794-5-2011":
		b, err = s.faceImage()
	case "ansi-nist-itl":
		b, err = s.transaction(person)
	case "cbeff-person", "cbeff-empty", "cbeff-encrypted", "cbeff-broken":
		b, err = s.document(name)
	default:
		return nil
	}
	s.check(err)
	return b
}

// printOf is a made-up print.
func printOf() *image.Gray {
	m := image.NewGray(image.Rect(0, 0, 96, 80))
	for i := range m.Pix {
		m.Pix[i] = uint8(128 + 100*math.Sin(float64(i%96)*0.7+float64(i/96)*0.2))
	}
	return m
}

func (s *script) fingerImage(p templates.Position) ([]byte, error) {
	r, err := imagerecord.NewFinger2011([]imagerecord.View{{
		Modality: templates.ModalityFinger, Position: p, Format: templates.FormatWSQ, Payload: s.picture("wsq", 0), Width: 96, Height: 80, BitDepth: 8, PPIX: 500, PPIY: 500,
	}})
	if err != nil {
		return nil, err
	}
	return r.Encode()
}

func (s *script) faceImage() ([]byte, error) {
	r, err := imagerecord.NewFace2011([]imagerecord.View{{
		Modality: templates.ModalityFace, Format: templates.FormatJPEG, Payload: s.picture("jpeg", 0), Width: 96, Height: 80,
	}})
	if err != nil {
		return nil, err
	}
	return r.Encode()
}

func (s *script) document(name string) ([]byte, error) {
	face, err := s.faceImage()
	thumb, err2 := s.fingerImage(templates.RightThumb)
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	none := templates.Quality{Value: templates.QualityUnknown}
	blocks := []cbeff.Sample{{Modality: templates.ModalityFace, Format: templates.FormatISO19794_5_2011, Data: face, Quality: none}}
	switch name {
	case "cbeff-person":
		blocks = append(blocks,
			cbeff.Sample{Modality: templates.ModalityFinger, Position: templates.RightThumb, Format: templates.FormatISO19794_4_2011, Data: thumb, Quality: none},
			cbeff.Sample{Modality: templates.ModalityIris, Left: true, Format: templates.FormatOther, Data: []byte("IIR\x00020\x00 made up"), Quality: none},
			cbeff.Sample{Modality: templates.ModalityFinger, Position: templates.LeftRing, Exception: true, Quality: none})
	case "cbeff-broken":
		blocks = append(blocks, cbeff.Sample{Modality: templates.ModalityFinger, Position: templates.RightThumb, Format: templates.FormatISO19794_4_2011, Data: thumb[:len(thumb)-1], Quality: none})
	}
	doc, err := cbeff.New(blocks)
	if err != nil {
		return nil, err
	}
	switch b := &doc.Root.BIRs[0]; name {
	case "cbeff-empty":
		b.BDB = []byte{}
	case "cbeff-encrypted":
		yes := true
		b.BDBInfo.Encryption = &yes
	}
	return doc.Encode()
}

func (s *script) transaction(person uint64) ([]byte, error) {
	r, err := iso19794.FromFingers([]templates.Finger{fingerOf(person)}, iso19794.Capture{})
	if err != nil {
		return nil, err
	}
	minutiae, err := r.AppendBinary(nil)
	if err != nil {
		return nil, err
	}
	tagged := func(recordType, idc int, image []byte, fields map[int]string) ansinist.Record {
		r := ansinist.NewRecord(recordType, idc)
		for n := range 1000 { // in their order
			if v, ok := fields[n]; ok {
				r.Set(n, v)
			}
		}
		r.Image = image
		return r
	}
	slap := map[int]string{3: "0", 4: "ORI", 5: "20260102", 6: "96", 7: "80", 8: "1", 9: "500", 10: "500", 11: "WSQ20", 12: "8", 13: "14",
		18: ansinist.Join([]string{"9", "XX"}, []string{"10", "UP"})}
	palm := map[int]string{3: "10", 4: "ORI", 5: "20260102", 6: "96", 7: "80", 8: "1", 9: "500", 10: "500", 11: "WSQ20", 12: "8", 13: "25"}
	t := ansinist.Transaction{Records: []ansinist.Record{
		tagged(1, 0, nil, map[int]string{4: "TST", 5: "20260102", 7: "DST", 8: "ORI", 9: "1", 11: "19.69", 12: "19.69"}),
		tagged(14, 1, s.picture("wsq", 0), slap),
		tagged(99, 2, minutiae, map[int]string{4: "ORI", 5: "20260102030405Z", 100: "0101", 101: "00000008", 103: "0101", 104: "0001"}),
		tagged(15, 3, s.picture("wsq", 0), palm),
	}}
	return t.Encode()
}
