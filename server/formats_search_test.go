package server

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"google.golang.org/grpc/codes"

	"immis/api/immis/format"
	immisv1 "immis/api/immis/v1"
	"immis/bench/synth"
	"immis/templates"
	"immis/templates/ansi378"
	"immis/templates/cbeff"
	"immis/templates/iso19794"
)

// people are synthetic, and always told apart.
func people(t *testing.T) *synth.World {
	t.Helper()
	w, err := synth.New(synth.Config{Seed: 7, People: 100, FaceDims: 128, FaceDifficulty: 0.05, FingerDifficulty: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// minutiaeFormats are all in which a finger can be searched, containers included.
var minutiaeFormats = []templates.Format{
	templates.FormatISO19794_2_2005, templates.FormatISO19794_2_2011, templates.FormatISO19794_2_CardNormal, templates.FormatISO19794_2_CardCompact,
	templates.FormatANSI378_2004, templates.FormatANSI378_2007, templates.FormatANSI378_2009, templates.FormatANSI378_2009AM1,
	templates.FormatCBEFF, templates.FormatANSINIST,
}

// minutiaeOf is a finger as a sample of a format.
func minutiaeOf(t *testing.T, f templates.Format, finger templates.Finger) *immisv1.Sample {
	t.Helper()
	one := []templates.Finger{finger}
	s := sampleOf(aFinger, nowhere, format.ToAPI(f), nil)
	var err error
	switch f {
	case templates.FormatISO19794_2_2005:
		var r *iso19794.Record
		if r, err = iso19794.FromFingers(one, iso19794.Capture{}); err == nil {
			s.Data, err = r.AppendBinary(nil)
		}
	case templates.FormatISO19794_2_2011:
		var r *iso19794.Record2011
		if r, err = iso19794.FromFingers2011(one, iso19794.Capture2011{}); err == nil {
			s.Data, err = r.Encode()
		}
	case templates.FormatISO19794_2_CardNormal, templates.FormatISO19794_2_CardCompact:
		card := iso19794.CardNormal
		if f == templates.FormatISO19794_2_CardCompact {
			card = iso19794.CardCompact
		}
		s.Position = immisv1.Position(finger.Position) // a card does not say it
		var c *iso19794.Card
		if c, err = iso19794.CardFromFinger(card, &finger); err == nil {
			s.Data, err = c.Encode()
		}
	case templates.FormatCBEFF:
		inner := minutiaeOf(t, templates.FormatANSI378_2007, finger)
		return container(s.GetFormat(), cbeffOf(t, unmeasured(templates.ModalityFinger, finger.Position, templates.FormatANSI378_2007, inner.GetData())))
	case templates.FormatANSINIST:
		return container(s.GetFormat(), transactionOf(t, type9(1, &finger)))
	default:
		var r *ansi378.Record
		if r, err = ansi378.FromFingers(f, one, ansi378.Capture{Owner: 0x103}); err == nil {
			s.Data, err = r.Encode()
		}
	}
	if err != nil {
		t.Fatalf("%v: %v", f, err)
	}
	return s
}

// found checks that a sample finds a person, and verifies as that person and as no
// other.
func found(d door, name string, s *immisv1.Sample, subject, other string) {
	t := d.f.t
	t.Helper()
	out, no := d.identify(s)
	switch {
	case no.code != 0:
		t.Errorf("%v, %s: identify: %v", d, name, no)
		return
	case len(out.GetCandidates()) == 0 || out.GetCandidates()[0].GetSubjectId() != subject || out.GetOutcome() == immisv1.Outcome_OUTCOME_NON_MATCH:
		t.Errorf("%v, %s: identify: %v with %v, want %s first", d, name, out.GetOutcome(), out.GetCandidates(), subject)
	}
	v, no := d.verify(&immisv1.VerifyRequest{Probe: probe(s), Claim: &immisv1.VerifyRequest_SubjectId{SubjectId: subject}})
	if no.code != 0 || v.GetOutcome() != immisv1.Outcome_OUTCOME_MATCH {
		t.Errorf("%v, %s: verify as %s: %v, %v, want a match", d, name, subject, no, v)
	}
	v, no = d.verify(&immisv1.VerifyRequest{Probe: probe(s), Claim: &immisv1.VerifyRequest_SubjectId{SubjectId: other}})
	// Two made-up fingers may look alike enough for a person to be asked, never for a match.
	if no.code != 0 || v.GetOutcome() == immisv1.Outcome_OUTCOME_MATCH {
		t.Errorf("%v, %s: verify as %s: %v, %v, want no match", d, name, other, no, v)
	}
}

// TestFormatsFindEachOther: who was enrolled from one format is found with another
// impression of the same finger in any other.
func TestFormatsFindEachOther(t *testing.T) {
	f := start(t, overHTTP)
	w := people(t)
	subject := func(i int) string {
		return fmt.Sprintf("%v, %d", minutiaeFormats[i%len(minutiaeFormats)], i%len(minutiaeFormats))
	}
	for i, enrolled := range minutiaeFormats {
		d := doors(f)[i%2]
		out, no := d.enroll(enrollment(subject(i), minutiaeOf(t, enrolled, w.Finger(i, templates.RightIndex, 0))))
		if no.code != 0 || len(out.GetSamples()) != 1 || !out.GetSamples()[0].GetSearchable() || out.GetSamples()[0].GetViews() != 1 {
			t.Fatalf("enroll from %v: %v, %v", enrolled, no, out)
		}
	}
	for i, enrolled := range minutiaeFormats {
		for _, asked := range minutiaeFormats {
			s := minutiaeOf(t, asked, w.Finger(i, templates.RightIndex, 1))
			for _, d := range doors(f) {
				found(d, fmt.Sprintf("%v asks for %v", asked, enrolled), s, subject(i), subject(i+1))
			}
		}
	}
}

// faceOf is a face vector in an encoding, alone or in a document.
func faceOf(t *testing.T, f templates.Format, model string, v []float32, inside bool) *immisv1.Sample {
	t.Helper()
	var data []byte
	for _, x := range v {
		switch f {
		case templates.FormatFaceInt8:
			data = append(data, byte(int8(math.Round(float64(x)*300)))) // of length 1: far below 127/300 each
		case templates.FormatFaceFloat16:
			b := math.Float32bits(x)
			exponent := int(b>>23&0xff) - 127 + 15
			half := uint16(b >> 16 & 0x8000)
			if exponent > 0 { // smaller ones are 0
				half |= uint16(exponent)<<10 | uint16(b>>13&0x3ff)
			}
			data = binary.LittleEndian.AppendUint16(data, half)
		default:
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
		}
	}
	if !inside {
		return &immisv1.Sample{Modality: aFace, Format: format.ToAPI(f), Model: model, Data: data}
	}
	block := unmeasured(templates.ModalityFace, 0, f, data)
	block.Model = model
	return container(immisv1.Format_FORMAT_CBEFF_XML, cbeffOf(t, block))
}

// TestFacesInDocuments: a face vector counts alike alone and inside a document, in
// each encoding.
func TestFacesInDocuments(t *testing.T) {
	f := start(t, overHTTP)
	w := people(t)
	encodings := []templates.Format{templates.FormatFaceFloat32, templates.FormatFaceFloat16, templates.FormatFaceInt8}
	subject := func(i int) string { return fmt.Sprintf("F-%d", i) }
	for i := range 2 * len(encodings) {
		s := faceOf(t, encodings[i/2], w.FaceModel(), w.Face(i, 0), i%2 == 1)
		if out, no := doors(f)[i/2%2].enroll(enrollment(subject(i), s)); no.code != 0 || !out.GetSamples()[0].GetSearchable() {
			t.Fatalf("person %d: %v, %v", i, no, out)
		}
	}
	for i := range 2 * len(encodings) {
		for _, e := range encodings {
			for _, inside := range []bool{false, true} {
				for _, d := range doors(f) {
					found(d, fmt.Sprintf("%v, inside %v, asks for %d", e, inside, i), faceOf(t, e, w.FaceModel(), w.Face(i, 1), inside), subject(i), subject((i+1)%6))
				}
			}
		}
	}
}

// TestImagesAreNoProbe: who asks by images alone is told so; an empty list would say
// that the person is unknown.
func TestImagesAreNoProbe(t *testing.T) {
	f := start(t, overHTTP)
	w := people(t)
	vector := faceOf(t, templates.FormatFaceFloat32, w.FaceModel(), w.Face(1, 1), false)
	f.enroll("known", faceOf(t, templates.FormatFaceFloat32, w.FaceModel(), w.Face(1, 0), false))
	f.enroll("in pictures", sampleOf(aFace, nowhere, immisv1.Format_FORMAT_JPEG, jpegOf(t, 0)))
	pictures := keepings(t)
	pictures = pictures[:len(pictures)-1] // the transaction has minutiae
	onlyPrints := cbeffOf(t, unmeasured(templates.ModalityFinger, templates.RightIndex, templates.FormatISO19794_4_2005, imageRecord(t, templates.FormatISO19794_4_2005)),
		cbeff.Sample{Modality: templates.ModalityFinger, Position: templates.LeftThumb, Exception: true, Quality: templates.Quality{Value: templates.QualityUnknown}})
	pictures = append(pictures, keeping{name: "prints in a document", sent: container(immisv1.Format_FORMAT_CBEFF_XML, onlyPrints)})
	want := denial{code: codes.FailedPrecondition, reason: "NOTHING_SEARCHABLE"}
	for _, d := range doors(f) {
		in := &immisv1.VerifyRequest{Probe: probe(vector), Claim: &immisv1.VerifyRequest_SubjectId{SubjectId: "in pictures"}}
		if out, no := d.verify(in); no != (denial{code: codes.FailedPrecondition, reason: "NOTHING_COMPARABLE"}) {
			t.Errorf("%v: verify as somebody of whom there are only pictures: %v, %v", d, no, out)
		}
		for _, k := range pictures {
			if out, no := d.identify(k.sent); no != want {
				t.Errorf("%v: search by %s: %v, %v, want %v", d, k.name, no, out, want)
			}
			for name, in := range map[string]*immisv1.VerifyRequest{
				"a known person":  {Probe: probe(k.sent), Claim: &immisv1.VerifyRequest_SubjectId{SubjectId: "known"}},
				"another picture": {Probe: probe(k.sent), Claim: &immisv1.VerifyRequest_Samples{Samples: probe(k.sent)}},
				"a picture":       {Probe: probe(vector), Claim: &immisv1.VerifyRequest_Samples{Samples: probe(k.sent)}},
			} {
				if out, no := d.verify(in); no != want {
					t.Errorf("%v: verify %s as %s: %v, %v, want %v", d, k.name, name, no, out, want)
				}
			}
			if out, no := d.identify(k.sent, vector); no.code != 0 || len(out.GetCandidates()) != 1 || out.GetCandidates()[0].GetSubjectId() != "known" {
				t.Errorf("%v: search by %s and a vector: %v, %v", d, k.name, no, out)
			}
		}
	}
}
