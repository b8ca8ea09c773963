package server

import (
	"bytes"
	"image/png"
	"os"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	immisv1 "immis/api/immis/v1"
	"immis/store/seal"
	"immis/templates"
	"immis/templates/ansinist"
	"immis/templates/cbeff"
	"immis/templates/iso19794"
)

const (
	aFace   = immisv1.Modality_MODALITY_FACE
	aFinger = immisv1.Modality_MODALITY_FINGER
	anIris  = immisv1.Modality_MODALITY_IRIS

	nowhere    = immisv1.Position_POSITION_UNSPECIFIED
	rightIndex = immisv1.Position_POSITION_RIGHT_INDEX

	isImage   = "IMAGE_NOT_SEARCHABLE"
	isBytes   = "FORMAT_NOT_SEARCHABLE"
	isUnknown = "MODALITY_NOT_KEPT"
)

// keeping is what is sent, what the answer says of it, and what is shown later.
type keeping struct {
	name    string
	sent    *immisv1.Sample
	reports []*immisv1.SampleReport
	shown   []*immisv1.Sample
	missing []*immisv1.MissingFinger
}

// kept is a sample that comes alone and is shown as it came; at is the finger that
// a record names.
func kept(name string, sent *immisv1.Sample, at immisv1.Position, reason string) keeping {
	shown := proto.Clone(sent).(*immisv1.Sample)
	shown.NotSearchableReason = reason
	if at != nowhere {
		shown.Position = at
	}
	return keeping{name: name, sent: sent, reports: []*immisv1.SampleReport{{Reason: reason}}, shown: []*immisv1.Sample{shown}}
}

func keepings(t *testing.T) []keeping {
	t.Helper()
	jp2, err := os.ReadFile("../templates/imaging/jpeg2000/testdata/vectors/colour-53.jp2")
	if err != nil {
		t.Fatal(err)
	}
	stated := func(f immisv1.Format, data []byte) *immisv1.Sample {
		s := sampleOf(aFinger, rightIndex, f, data)
		s.ResolutionPpi = 500
		return s
	}
	bm, tif := bmpAndTIFF(t)
	return []keeping{
		kept("WSQ", sampleOf(aFinger, rightIndex, immisv1.Format_FORMAT_WSQ, wsqOf(t, 500)), nowhere, isImage),
		kept("slap as WSQ", sampleOf(aFinger, immisv1.Position_POSITION_RIGHT_FOUR, immisv1.Format_FORMAT_WSQ, wsqOf(t, 500)), nowhere, isImage),
		kept("PNG that states its resolution", sampleOf(aFinger, rightIndex, immisv1.Format_FORMAT_PNG, pngOf(t, 500)), nowhere, isImage),
		kept("PNG with its resolution beside it", stated(immisv1.Format_FORMAT_PNG, pngOf(t, 0)), nowhere, isImage),
		kept("BMP", stated(immisv1.Format_FORMAT_BMP, bm), nowhere, isImage),
		kept("TIFF", stated(immisv1.Format_FORMAT_TIFF, tif), nowhere, isImage),
		kept("JPEG of a face", sampleOf(aFace, nowhere, immisv1.Format_FORMAT_JPEG, jpegOf(t, 0)), nowhere, isImage),
		kept("JPEG 2000 of a face", sampleOf(aFace, nowhere, immisv1.Format_FORMAT_JPEG2000, jp2), nowhere, isImage),
		kept("PNG of an iris", sampleOf(anIris, nowhere, immisv1.Format_FORMAT_PNG, pngOf(t, 0)), nowhere, isBytes),
		kept("19794-4:2005", sampleOf(aFinger, nowhere, immisv1.Format_FORMAT_ISO_19794_4_2005, imageRecord(t, templates.FormatISO19794_4_2005)), rightIndex, isImage),
		kept("19794-4:2011", sampleOf(aFinger, nowhere, immisv1.Format_FORMAT_ISO_19794_4_2011, imageRecord(t, templates.FormatISO19794_4_2011)), rightIndex, isImage),
		kept("19794-5:2005", sampleOf(aFace, nowhere, immisv1.Format_FORMAT_ISO_19794_5_2005, imageRecord(t, templates.FormatISO19794_5_2005)), nowhere, isImage),
		kept("19794-5:2011", sampleOf(aFace, nowhere, immisv1.Format_FORMAT_ISO_19794_5_2011, imageRecord(t, templates.FormatISO19794_5_2011)), nowhere, isImage),
		keptCBEFF(t), keptTransaction(t),
	}
}

// keptCBEFF is a document with a face, a finger, an iris and a finger that is not there.
func keptCBEFF(t *testing.T) keeping {
	t.Helper()
	when := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	portrait, print, iris := imageRecord(t, templates.FormatISO19794_5_2011), imageRecord(t, templates.FormatISO19794_4_2011), []byte("IIR\x00020\x00 made up")
	doc := []cbeff.Sample{
		unmeasured(templates.ModalityFace, 0, templates.FormatISO19794_5_2011, portrait),
		unmeasured(templates.ModalityFinger, templates.RightIndex, templates.FormatISO19794_4_2011, print),
		unmeasured(templates.ModalityIris, 0, templates.FormatOther, iris),
		unmeasured(templates.ModalityFinger, templates.LeftRing, templates.FormatUnknown, nil),
	}
	doc[0].Captured, doc[0].Quality = when, templates.Quality{Value: 63, Algorithm: "made/up"}
	doc[2].Left, doc[3].Exception = true, true
	quality := uint32(63)
	return keeping{
		name: "CBEFF",
		sent: container(immisv1.Format_FORMAT_CBEFF_XML, cbeffOf(t, doc...)),
		reports: []*immisv1.SampleReport{
			{Reason: isImage, Origin: "cbeff-xml: BIR 1"}, {Reason: isImage, Origin: "cbeff-xml: BIR 2"}, {Reason: isBytes, Origin: "cbeff-xml: BIR 3"},
		},
		shown: []*immisv1.Sample{
			{Modality: aFace, Format: immisv1.Format_FORMAT_ISO_19794_5_2011, Data: portrait, Quality: &quality, QualityAlgorithm: "made/up",
				Captured: timestamppb.New(when), NotSearchableReason: isImage, Origin: "cbeff-xml: BIR 1"},
			{Modality: aFinger, Position: rightIndex, Format: immisv1.Format_FORMAT_ISO_19794_4_2011, Data: print, NotSearchableReason: isImage, Origin: "cbeff-xml: BIR 2"},
			{Modality: anIris, Format: immisv1.Format_FORMAT_OTHER, Data: iris, NotSearchableReason: isBytes, Origin: "cbeff-xml: BIR 3"},
		},
		missing: []*immisv1.MissingFinger{{Position: immisv1.Position_POSITION_LEFT_RING, Reason: immisv1.MissingFingerReason_MISSING_FINGER_REASON_UNABLE}},
	}
}

// keptTransaction has a slap with fingers missing, pixels, minutiae, a palm and text.
func keptTransaction(t *testing.T) keeping {
	t.Helper()
	slap, m := wsqOf(t, 500), ridges(500)
	raw := ansinist.NewRecord(4, 2)
	raw.Header.Positions[0], raw.Header.Width, raw.Header.Height = uint8(templates.RightThumb), uint16(m.Width), uint16(m.Height)
	raw.Image = m.Pix
	f := templates.Finger{Position: templates.RightIndex, Width: 400, Height: 480, Quality: templates.QualityUnknown}
	for i := range 12 {
		f.Minutiae = append(f.Minutiae, templates.Minutia{X: uint16(16 * (20 + 25*i)), Y: uint16(16 * (30 + 31*(i%9))), Angle: uint16(i * 65536 / 12), Type: templates.MinutiaEnding, Quality: templates.QualityUnknown})
	}
	const origin = "ansi-nist-itl: record "
	minutiae, err := iso19794.FromFingers([]templates.Finger{f}, iso19794.Capture{})
	if err != nil {
		t.Fatal(err)
	}
	size := []string{"6:96", "7:80", "8:1", "9:500", "10:500", "11:WSQ20", "12:8"}
	return keeping{
		name: "ANSI/NIST",
		sent: container(immisv1.Format_FORMAT_ANSI_NIST_ITL, transactionOf(t,
			recordOf(2, 0, nil, "3:made up"),
			recordOf(14, 1, slap, append(size, "3:0", "4:ORI", "5:20260102", "13:14", "18:"+ansinist.Join([]string{"9", "XX"}, []string{"10", "UP"}),
				"24:"+ansinist.Join([]string{"14", "90", "0FFF", "12"}), "904:"+ansinist.Join([]string{"Make", "Model", "42"}))...),
			raw,
			type9(3, &f),
			recordOf(15, 4, slap, append(size, "3:10", "4:ORI", "5:20260102", "13:25")...),
		)),
		reports: []*immisv1.SampleReport{
			{Reason: isImage, Origin: origin + "3 of type 14"}, {Reason: isImage, Origin: origin + "4 of type 4"},
			{Searchable: true, Views: 1, Origin: origin + "5 of type 9"}, {Reason: isUnknown, Origin: origin + "6 of type 15"},
		},
		shown: []*immisv1.Sample{
			{Modality: aFinger, Position: immisv1.Position_POSITION_LEFT_FOUR, Format: immisv1.Format_FORMAT_WSQ, Data: slap, ResolutionPpi: 500, CaptureDevice: "Make Model 42",
				Quality: proto.Uint32(90), QualityAlgorithm: "0FFF/12", Captured: timestamppb.New(time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)), NotSearchableReason: isImage, Origin: origin + "3 of type 14"},
			{Modality: aFinger, Position: immisv1.Position_POSITION_RIGHT_THUMB, Format: immisv1.Format_FORMAT_PNG, Data: pngOf(t, 500), ResolutionPpi: 500, NotSearchableReason: isImage, Origin: origin + "4 of type 4"},
			{Modality: aFinger, Position: rightIndex, Format: immisv1.Format_FORMAT_ISO_19794_2_2005, Data: mustBytes(t)(minutiae.AppendBinary(nil)), Origin: origin + "5 of type 9"},
		},
		missing: []*immisv1.MissingFinger{
			{Position: immisv1.Position_POSITION_LEFT_RING, Reason: immisv1.MissingFingerReason_MISSING_FINGER_REASON_AMPUTATED},
			{Position: immisv1.Position_POSITION_LEFT_LITTLE, Reason: immisv1.MissingFingerReason_MISSING_FINGER_REASON_UNABLE},
		},
	}
}

// shows checks what is stored of one enrolment. Without images only their bytes are gone.
func (k *keeping) shows(d door, subject string, images bool) {
	t := d.f.t
	t.Helper()
	out, no := d.get(subject)
	if no.code != 0 || len(out.GetEncounters()) != 1 {
		t.Errorf("%v, %s: %v, %d encounters", d, k.name, no, len(out.GetEncounters()))
		return
	}
	e := out.GetEncounters()[0]
	want := &immisv1.Encounter{MissingFingers: k.missing}
	for _, s := range k.shown {
		s = proto.Clone(s).(*immisv1.Sample)
		if !images && s.GetNotSearchableReason() != "" {
			s.Data = nil
		}
		want.Samples = append(want.Samples, s)
	}
	if got := (&immisv1.Encounter{Samples: e.GetSamples(), MissingFingers: e.GetMissingFingers()}); !proto.Equal(got, want) {
		t.Errorf("%v, %s, images kept %v: shown\n%v\nwant\n%v", d, k.name, images, got, want)
	}
}

// TestFormatsAreKept: what is sent is told in the answer and shown as it was sent, the
// parts of a container one by one; after a restart, too.
func TestFormatsAreKept(t *testing.T) {
	f := start(t, overHTTP)
	all := keepings(t)
	for i := range all {
		k := &all[i]
		for _, d := range doors(f) {
			for _, images := range []bool{true, false} {
				subject := d.String() + " " + k.name
				if !images {
					subject += ", not kept"
				}
				in := enrollment(subject, k.sent)
				in.Encounter.KeepImages = images
				out, no := d.enroll(in)
				if no.code != 0 {
					t.Errorf("%v, %s: %v", d, k.name, no)
					continue
				}
				if got, want := (&immisv1.EnrollResponse{Samples: out.GetSamples()}), (&immisv1.EnrollResponse{Samples: k.reports}); !proto.Equal(got, want) {
					t.Errorf("%v, %s: reported\n%v\nwant\n%v", d, k.name, got, want)
				}
			}
		}
	}
	check := func(f *fixture) {
		t.Helper()
		for i := range all {
			for _, d := range doors(f) {
				// Each reads what the other wrote.
				for _, writer := range doors(f) {
					all[i].shows(d, writer.String()+" "+all[i].name, true)
					all[i].shows(d, writer.String()+" "+all[i].name+", not kept", false)
				}
			}
		}
		minutiae := all[len(all)-1].shown[2]
		for _, d := range doors(f) {
			out, no := d.identify(sampleOf(aFinger, nowhere, minutiae.GetFormat(), minutiae.GetData()))
			if no.code != 0 || len(out.GetCandidates()) != 4 { // both doors, images kept and not
				t.Errorf("%v: search for the minutiae of the transaction: %v, %d candidates, want 4", d, no, len(out.GetCandidates()))
			}
		}
	}
	check(f)
	// The pixels of the raw record, as another reader sees them.
	m, err := png.Decode(bytes.NewReader(all[len(all)-1].shown[1].GetData()))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range ridges(500).Pix {
		if r, _, _, _ := m.At(i%96, i/96).RGBA(); uint8(r>>8) != v {
			t.Fatalf("pixel %d is %d, want %d", i, r>>8, v)
		}
	}
	if err := f.stop(); err != nil {
		t.Fatal(err)
	}
	check(start(t, overHTTP, func(u *setup) { u.dep.FS, u.dep.Keys = f.fs, seal.KeyDir(f.fs, "keys") }))
}
