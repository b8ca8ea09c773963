package server

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	immisv1 "immis/api/immis/v1"
	"immis/templates"
	"immis/templates/cbeff"
)

// statistics are what of a server changes when anything is kept.
func (f *fixture) statistics() proto.Message {
	f.t.Helper()
	out, err := f.admin.GetStatistics(f.ctx(), &immisv1.GetStatisticsRequest{Context: rc()})
	if err != nil {
		f.t.Fatal(err)
	}
	for _, m := range out.GetModels() {
		m.Bytes = 0 // counted in the background
	}
	return timeless(out)
}

// attempt is an enrolment and what must come of it: a reason, or none.
type attempt struct {
	name   string
	sent   []*immisv1.Sample
	reason string
	// field must stand in the field of the error.
	field string
	// offset must be stated, and lie in the sample.
	offset bool
}

// try makes the attempt through both doors; nothing is kept of what is refused.
func (a *attempt) try(f *fixture) {
	t := f.t
	t.Helper()
	for _, d := range doors(f) {
		before, subject := f.statistics(), d.String()+" "+a.name
		in := enrollment(subject, a.sent...)
		in.Encounter.KeepImages = true
		out, no := d.enroll(in)
		if a.reason == "" {
			if no.code != 0 || len(out.GetSamples()) == 0 {
				t.Errorf("%v, %s: %v, want it taken", d, a.name, no)
			}
			continue
		}
		if no.code != codes.InvalidArgument || no.reason != a.reason || !strings.Contains(no.field, a.field) {
			t.Errorf("%v, %s: %+v, want %v %s and %q in the field", d, a.name, no, codes.InvalidArgument, a.reason, a.field)
		}
		if n, err := strconv.Atoi(no.offset); a.offset && (err != nil || n < 0 || n > len(a.sent[len(a.sent)-1].GetData())) {
			t.Errorf("%v, %s: offset %q, want one inside the sample", d, a.name, no.offset)
		}
		if _, no := d.get(subject); no.code != codes.NotFound {
			t.Errorf("%v, %s: the refused subject: %v, want %v", d, a.name, no, codes.NotFound)
		}
		if after := f.statistics(); !proto.Equal(before, after) {
			t.Errorf("%v, %s: statistics\n%v\nbecame\n%v", d, a.name, before, after)
		}
	}
}

// TestResolutionsOfPrints: a print without a resolution is found out while the person
// is there, and one that is stated twice differently, too.
func TestResolutionsOfPrints(t *testing.T) {
	f := start(t, overHTTP)
	const bad = "IMPOSSIBLE_RESOLUTION"
	at := func(ppi float64, s *immisv1.Sample) []*immisv1.Sample {
		s.ResolutionPpi = ppi
		return []*immisv1.Sample{s}
	}
	of := func(format immisv1.Format, data []byte) *immisv1.Sample {
		return sampleOf(aFinger, rightIndex, format, data)
	}
	const j, p, w = immisv1.Format_FORMAT_JPEG, immisv1.Format_FORMAT_PNG, immisv1.Format_FORMAT_WSQ
	bm, tif := bmpAndTIFF(t)
	portrait, print := imageRecord(t, templates.FormatISO19794_5_2011), imageRecord(t, templates.FormatISO19794_4_2011)
	both := func() *immisv1.Sample {
		return container(immisv1.Format_FORMAT_CBEFF_XML, cbeffOf(t, unmeasured(templates.ModalityFace, 0, templates.FormatISO19794_5_2011, portrait),
			unmeasured(templates.ModalityFinger, templates.RightIndex, templates.FormatISO19794_4_2011, print)))
	}
	// A transaction that states no scale: 14.008 is 0.
	transaction := func(scale string, ppi string) *immisv1.Sample {
		return container(immisv1.Format_FORMAT_ANSI_NIST_ITL, transactionOf(t,
			recordOf(14, 1, wsqOf(t, 500), "6:96", "7:80", "8:"+scale, "9:"+ppi, "10:"+ppi, "11:WSQ20", "12:8", "3:0", "4:ORI", "5:20260102", "13:2")))
	}
	scaleless := func() *immisv1.Sample { return transaction("0", "1") }
	for _, a := range []attempt{
		{"JPEG without one", at(0, of(j, jpegOf(t, 0))), bad, "samples[0]", false},
		{"PNG without one", at(0, of(p, pngOf(t, 0))), bad, "samples[0]", false},
		{"WSQ without one", at(0, of(w, wsqOf(t, 0))), bad, "samples[0]", false},
		{"BMP without one", at(0, of(immisv1.Format_FORMAT_BMP, bm)), bad, "samples[0]", false},
		{"TIFF without one", at(0, of(immisv1.Format_FORMAT_TIFF, tif)), bad, "samples[0]", false},
		{"72 ppi and nothing else", at(0, of(j, jpegOf(t, 72))), bad, "samples[0]", false},
		{"JPEG, stated", at(500, of(j, jpegOf(t, 0))), "", "", false},
		{"WSQ, stated", at(500, of(w, wsqOf(t, 0))), "", "", false},
		{"72 ppi, stated as 500", at(500, of(j, jpegOf(t, 72))), "", "", false},
		{"96 ppi, stated as 500", at(500, of(j, jpegOf(t, 96))), "", "", false},
		{"500 ppi, stated alike", at(500, of(p, pngOf(t, 500))), "", "", false},
		{"500 ppi, stated 1 % off", at(505, of(p, pngOf(t, 500))), "", "", false},
		{"1000 ppi, stated as 500", at(500, of(p, pngOf(t, 1000))), bad, "samples[0]", false},
		{"WSQ of 500 ppi, stated as 1000", at(1000, of(w, wsqOf(t, 500))), bad, "samples[0]", false},
		{"record of 500 ppi, stated as 1000", at(1000, of(immisv1.Format_FORMAT_ISO_19794_4_2011, print)), bad, "view 1", false},
		{"99 ppi", at(99, of(j, jpegOf(t, 0))), bad, "resolution_ppi", false},
		{"2001 ppi", at(2001, of(j, jpegOf(t, 0))), bad, "resolution_ppi", false},
		{"-500 ppi", at(-500, of(j, jpegOf(t, 0))), bad, "resolution_ppi", false},
		{"NaN ppi", at(math.NaN(), of(j, jpegOf(t, 0))), bad, "resolution_ppi", false},
		{"infinite ppi", at(math.Inf(1), of(j, jpegOf(t, 0))), bad, "resolution_ppi", false},
		{"stated for a face", at(500, sampleOf(aFace, nowhere, j, jpegOf(t, 0))), bad, "resolution_ppi", false},
		{"stated for minutiae", at(500, finger(record(t, 30))), bad, "resolution_ppi", false},
		{"stated for a document with a face and a print", at(500, both()), "", "", false},
		{"another stated for a document", at(1000, both()), bad, "BIR 2", false},
		{"an impossible one stated for a document", at(math.NaN(), both()), bad, "resolution_ppi", false},
		{"transaction without a scale, WSQ with one", at(0, scaleless()), "", "", false},
		{"transaction without a scale, stated alike", at(500, scaleless()), "", "", false},
		{"transaction without a scale, stated otherwise", at(1000, scaleless()), bad, "record 2 of type 14", false},
		{"transaction of 500 ppi, stated alike", at(500, transaction("1", "500")), "", "", false},
		{"transaction of 500 ppi, stated otherwise", at(1000, transaction("1", "500")), bad, "record 2 of type 14", false},
		{"transaction of 1000 ppi, WSQ with 500", at(0, transaction("1", "1000")), "", "", false},
		{"transaction of 72 ppi", at(0, transaction("1", "72")), bad, "record 2 of type 14", false},
	} {
		a.try(f)
	}
	for _, d := range doors(f) {
		out, no := d.get(d.String() + " 72 ppi, stated as 500")
		if no.code != 0 || out.GetEncounters()[0].GetSamples()[0].GetResolutionPpi() != 500 {
			t.Errorf("%v: %v, %v; want the stated resolution shown", d, no, out)
		}
	}
}

// TestRefusedContainers: what is no sound container, or has one bad part, is refused
// as a whole.
func TestRefusedContainers(t *testing.T) {
	f := start(t, overHTTP)
	f.enroll("somebody", finger(record(t, 30)), face(1, 0))
	portrait := imageRecord(t, templates.FormatISO19794_5_2011)
	goodFace := unmeasured(templates.ModalityFace, 0, templates.FormatISO19794_5_2011, portrait)
	goodFinger := unmeasured(templates.ModalityFinger, templates.RightIndex, templates.FormatISO19794_2_2005, record(t, 30))
	good := cbeffOf(t, goodFace, goodFinger)
	// Bytes that hold a signature and nothing sound behind it pass the document, not the decoder.
	badFace := unmeasured(templates.ModalityFace, 0, templates.FormatISO19794_5_2011, portrait[:len(portrait)-1])
	badFinger := unmeasured(templates.ModalityFinger, templates.LeftThumb, templates.FormatISO19794_2_2005, record(t, 30)[:60])
	many := make([]cbeff.Sample, 65)
	for i := range many {
		many[i] = goodFinger
	}
	empty := bytes.Replace(cbeffOf(t, goodFace), bdbOf(t, cbeffOf(t, goodFace)), nil, 1)
	encrypted := bytes.Replace(good, []byte("<CreationDate>"), []byte("<Encryption>true</Encryption><CreationDate>"), 1)
	if bytes.Equal(encrypted, good) { // no date: behind the format
		encrypted = bytes.Replace(good, []byte("</Format>"), []byte("</Format><Encryption>true</Encryption>"), 1)
	}
	x, n := immisv1.Format_FORMAT_CBEFF_XML, immisv1.Format_FORMAT_ANSI_NIST_ITL
	doc := func(data []byte) []*immisv1.Sample { return []*immisv1.Sample{container(x, data)} }
	with := func(change func(*immisv1.Sample)) []*immisv1.Sample {
		s := container(x, good)
		change(s)
		return []*immisv1.Sample{face(2, 0), s}
	}
	text := recordOf(2, 0, nil, "3:made up")
	slap := func(fields ...string) []byte {
		return transactionOf(t, text, recordOf(14, 1, wsqOf(t, 500), append([]string{"6:96", "7:80", "8:1", "9:500", "10:500", "11:WSQ20", "12:8", "3:0", "4:ORI", "5:20260102"}, fields...)...))
	}
	palm := transactionOf(t, recordOf(15, 1, wsqOf(t, 500), "6:96", "7:80", "8:1", "9:500", "10:500", "11:WSQ20", "12:8", "3:10", "4:ORI", "5:20260102", "13:25"))
	for _, a := range []attempt{
		{"document without data", doc(empty), "NO_BIOMETRIC_DATA", "samples[0]", true},
		{"transaction of text", []*immisv1.Sample{container(n, transactionOf(t, text))}, "NO_BIOMETRIC_DATA", "samples[0]", false},
		{"transaction of a palm", []*immisv1.Sample{container(n, palm)}, "NO_BIOMETRIC_DATA", "samples[0]", false},
		{"no XML", doc([]byte("<BIR><BIR></BDB></BIR>")), "MALFORMED", "samples[0]", true},
		{"base64 with a hole", doc(bytes.Replace(good, bdbOf(t, good)[:8], []byte("A*******"), 1)), "MALFORMED", "samples[0]", true},
		{"document of another schema", doc([]byte("<BIR><Name/></BIR>")), "MALFORMED", "samples[0]", true},
		{"document with a tail", doc(append(bytes.Clone(good), "<BIR/>"...)), "TRAILING_BYTES", "samples[0]", true},
		{"document cut", doc(good[:len(good)-9]), "TRUNCATED", "samples[0]", true},
		{"document with entities", doc(append([]byte("<!DOCTYPE x [<!ENTITY a 'b'>]>"), good...)), "MALFORMED", "samples[0]", true},
		{"encrypted", doc(encrypted), "ENCRYPTED", "BIR 1", true},
		{"transaction cut", []*immisv1.Sample{container(n, slap("13:14")[:900])}, "TRUNCATED", "samples[0]", true},
		{"a transaction as a document", []*immisv1.Sample{container(x, slap("13:14"))}, "INVALID_UTF8", "samples[0]", true},
		{"a document as a transaction", []*immisv1.Sample{container(n, good)}, "WRONG_MAGIC", "samples[0]", true},
		{"modality", with(func(s *immisv1.Sample) { s.Modality = aFinger }), "MODALITY_MISMATCH", "samples[1]", false},
		{"position", with(func(s *immisv1.Sample) { s.Position = rightIndex }), "MODALITY_MISMATCH", "samples[1]", false},
		{"model", with(func(s *immisv1.Sample) { s.Model = model }), "MODALITY_MISMATCH", "samples[1]", false},
		{"position of a face", []*immisv1.Sample{sampleOf(aFace, rightIndex, immisv1.Format_FORMAT_JPEG, jpegOf(t, 0))}, "UNKNOWN_FINGER_POSITION", "position", false},
		{"position of a face record", []*immisv1.Sample{sampleOf(aFace, rightIndex, immisv1.Format_FORMAT_ISO_19794_5_2011, portrait)}, "UNKNOWN_FINGER_POSITION", "position", false},
		{"another position than the record's", []*immisv1.Sample{sampleOf(aFinger, immisv1.Position_POSITION_LEFT_THUMB, immisv1.Format_FORMAT_ISO_19794_4_2011, imageRecord(t, templates.FormatISO19794_4_2011))}, "UNKNOWN_FINGER_POSITION", "view 1", true},
		{"a face record of a finger", []*immisv1.Sample{sampleOf(aFinger, nowhere, immisv1.Format_FORMAT_ISO_19794_5_2011, portrait)}, "MODALITY_MISMATCH", "samples[0]", false},
		{"65 parts", doc(cbeffOf(t, many...)), "OVERSIZED", "encounter.samples", false},
		{"64 parts and a sample", append(doc(cbeffOf(t, many[:64]...)), face(2, 0)), "OVERSIZED", "encounter.samples", false},
		{"64 parts", doc(cbeffOf(t, many[:64]...)), "", "", false},
		{"a bad face among good parts", doc(cbeffOf(t, goodFinger, goodFace, badFace)), "TRUNCATED", "encounter.samples[0]: cbeff-xml: BIR 3: ", true},
		{"a bad finger behind good samples", append([]*immisv1.Sample{face(9, 0), sampleOf(aFace, nowhere, immisv1.Format_FORMAT_JPEG, jpegOf(t, 0))}, doc(cbeffOf(t, goodFace, badFinger))...),
			"TRUNCATED", "encounter.samples[2]: cbeff-xml: BIR 2: ", true},
		{"a finger that is missing and captured", []*immisv1.Sample{container(n, slap("13:2", "18:2\x1fXX"))}, "DUPLICATE", "samples[0]", false},
	} {
		a.try(f)
	}
}

// bdbOf is the base64 of the first data block of a document.
func bdbOf(t *testing.T, doc []byte) []byte {
	t.Helper()
	_, rest, ok := bytes.Cut(doc, []byte("<BDB>"))
	out, _, end := bytes.Cut(rest, []byte("</BDB>"))
	if !ok || !end || len(out) == 0 {
		t.Fatal("no data block")
	}
	return out
}

// TestRepeatedContainers: the same document under the same request identifier is one
// enrolment with one answer, through either door; another one is refused.
func TestRepeatedContainers(t *testing.T) {
	f := start(t, overHTTP)
	all := keepings(t)
	for _, k := range all[len(all)-2:] {
		for i, d := range doors(f) {
			other := doors(f)[1-i]
			in := enrollment(fmt.Sprintf("%v %s", d, k.name), k.sent)
			in.RequestId, in.Encounter.KeepImages = fmt.Sprintf("%v-%s", d, k.name), true
			first, no := d.enroll(in)
			if no.code != 0 || !proto.Equal(&immisv1.EnrollResponse{Samples: first.GetSamples()}, &immisv1.EnrollResponse{Samples: k.reports}) {
				t.Fatalf("%v, %s: %v, %v", d, k.name, no, first)
			}
			before := f.statistics()
			for _, d := range []door{d, other} {
				if again, no := d.enroll(in); no.code != 0 || !proto.Equal(again, first) {
					t.Errorf("%v, %s, repeated: %v\n%v\nwant\n%v", d, k.name, no, again, first)
				}
			}
			changed := proto.Clone(in).(*immisv1.EnrollRequest)
			changed.Encounter.Samples[0] = container(immisv1.Format_FORMAT_CBEFF_XML, cbeffOf(t, unmeasured(templates.ModalityFinger, templates.RightIndex, templates.FormatISO19794_2_2005, record(t, 30))))
			stated := proto.Clone(in).(*immisv1.EnrollRequest)
			stated.Encounter.Samples[0].ResolutionPpi = 500
			for name, in := range map[string]*immisv1.EnrollRequest{"another document": changed, "a stated resolution": stated} {
				for _, d := range doors(f) {
					if _, no := d.enroll(in); no.code != codes.Aborted || no.reason != "REQUEST_ID_REUSED" {
						t.Errorf("%v, %s: %s under a used identifier: %v", d, k.name, name, no)
					}
				}
			}
			if after := f.statistics(); !proto.Equal(before, after) {
				t.Errorf("%v, %s: statistics\n%v\nbecame\n%v", d, k.name, before, after)
			}
			k.shows(d, in.GetSubjectId(), true)
		}
	}
}
