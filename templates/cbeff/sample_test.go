package cbeff

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"immis/templates"
)

// First bytes of blocks, as far as they are looked at.
const (
	minutiae2005 = "FMR\x00 20\x00\x00\x00\x00\x1e...."
	ansi2004     = "FMR\x00 20\x00\x01\x54\x00\x1e...."
	finger2011   = "FIR\x00020\x00"
	face2005     = "FAC\x00010\x00"
	iris         = "IIR\x00020\x00"
)

// samples are one of each kind.
func samples() []Sample {
	none := templates.Quality{Value: templates.QualityUnknown}
	return []Sample{
		{Modality: templates.ModalityFinger, Position: templates.LeftIndex, Format: templates.FormatISO19794_2_2005, Data: []byte(minutiae2005),
			Captured: time.Date(2026, 11, 22, 17, 5, 59, 5e6, time.UTC), Quality: templates.Quality{Value: 80, Algorithm: "nfiq2/2.3"}},
		{Modality: templates.ModalityFinger, Position: templates.RightThumb, Format: templates.FormatANSI378_2004, Data: []byte(ansi2004), Quality: none},
		{Modality: templates.ModalityFinger, Position: templates.LeftFour, Format: templates.FormatISO19794_4_2011, Data: []byte(finger2011),
			Quality: templates.Quality{Value: 0, Algorithm: "own"}},
		{Modality: templates.ModalityFinger, Position: templates.Thumbs, Format: templates.FormatISO19794_4_2011, Data: []byte(finger2011), Quality: none},
		{Modality: templates.ModalityFinger, Position: templates.RightLittle, Exception: true, Quality: none},
		{Modality: templates.ModalityFace, Format: templates.FormatISO19794_5_2005, Data: []byte(face2005), Quality: templates.Quality{Value: 100}},
		{Modality: templates.ModalityFace, Format: templates.FormatFaceInt8, Data: []byte("any bytes"), Model: "vendor/net:3", Quality: none},
		{ExceptionPhoto: true, Format: templates.FormatISO19794_5_2005, Data: []byte(face2005), Quality: none},
		{Modality: templates.ModalityIris, Right: true, Format: templates.FormatOther, Data: []byte(iris), Quality: none},
	}
}

// TestNew: samples come back as they were given.
func TestNew(t *testing.T) {
	want := samples()
	d, err := New(want)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(encode(t, d))
	if err != nil {
		t.Fatal(err)
	}
	if !same(back, d) {
		t.Errorf("%+v, want %+v", back, d)
	}
	got, err := back.Samples()
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d samples, %v", len(got), err)
	}
	for i := range got {
		g, w := got[i], want[i]
		if g.Path != "BIR "+string(rune('1'+i)) || g.Offset <= 0 || g.Usable() == g.Exception {
			t.Errorf("%+v", g)
		}
		if !slices.Equal(g.Positions, members(w.Position)) {
			t.Errorf("%s: positions %v", g.Path, g.Positions)
		}
		g.Path, g.BIR, g.Offset, g.Positions = "", nil, 0, nil
		if len(g.Data) == 0 {
			g.Data = nil
		}
		if g.Modality == templates.ModalityFinger {
			g.Left, g.Right = false, false
		}
		if !reflect.DeepEqual(g, w) {
			t.Errorf("sample %d: %+v, want %+v", i+1, g, w)
		}
	}
	if missing, err := New(want[4:5]); err != nil || len(missing.Root.BIRs) != 1 {
		t.Errorf("an exception alone: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		s    Sample
		want templates.Reason
	}{
		{"no modality", Sample{Format: templates.FormatISO19794_2_2005, Data: []byte(minutiae2005)}, templates.ReasonUnsupported},
		{"position", Sample{Modality: templates.ModalityFinger, Position: 11, Format: templates.FormatISO19794_2_2005, Data: []byte(minutiae2005)}, templates.ReasonPosition},
		{"position of a face", Sample{Modality: templates.ModalityFace, Position: 1, Format: templates.FormatISO19794_5_2005, Data: []byte(face2005)}, templates.ReasonMalformed},
		{"bare image", Sample{Modality: templates.ModalityFace, Format: templates.FormatPNG, Data: []byte("\x89PNG")}, templates.ReasonUnsupported},
		{"other bytes", Sample{Modality: templates.ModalityFace, Format: templates.FormatISO19794_5_2005, Data: []byte(finger2011)}, templates.ReasonMalformed},
		{"other modality", Sample{Modality: templates.ModalityFace, Format: templates.FormatISO19794_4_2011, Data: []byte(finger2011)}, templates.ReasonMalformed},
		{"no model", Sample{Modality: templates.ModalityFace, Format: templates.FormatFaceInt8, Data: []byte("a")}, templates.ReasonModel},
		{"vector of a finger", Sample{Modality: templates.ModalityFinger, Format: templates.FormatFaceInt8, Data: []byte("a"), Model: "m"}, templates.ReasonMalformed},
		{"no data", Sample{Modality: templates.ModalityFace, Format: templates.FormatISO19794_5_2005}, templates.ReasonNoBiometric},
		{"quality", Sample{Modality: templates.ModalityFace, Format: templates.FormatISO19794_5_2005, Data: []byte(face2005), Quality: templates.Quality{Value: 101}}, templates.ReasonQuality},
	} {
		if _, err := New([]Sample{c.s}); reasonOf(t, err) != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := New(nil); reasonOf(t, err) != templates.ReasonMalformed {
		t.Errorf("nothing: %v", err)
	}
}

// block is the XML of a BIR.
func block(info, data, others string) string {
	return "<BIR><BIRInfo><Integrity>false</Integrity></BIRInfo><BDBInfo>" + info + "</BDBInfo><BDB>" + data + "</BDB>" + others + "</BIR>"
}

func format(organization, number string) string {
	return "<Format><Organization>" + organization + "</Organization><Type>" + number + "</Type></Format>"
}

// TestSamples: what is refused, and how much of the document stays usable.
func TestSamples(t *testing.T) {
	const (
		fmrText  = "Rk1SACAyMAAAAAAeLi4uLg"
		ansi     = "Rk1SADAzMAA" // "FMR" 0 "030" 0 and nothing behind
		firText  = "RklSADAyMAA"
		facText  = "RkFDADAzMAA"
		iirText  = "SUlSADAyMAA"
		vector   = "AQIDBA"
		model    = `<others><entry key="MODEL">m/1</entry></others>`
		missing  = `<others><entry key="EXCEPTION"> TRUE </entry></others>`
		encrypt  = "<Encryption>true</Encryption>"
		goodFace = "<Type>Face</Type>"
	)
	good := block(format("Mosip", "8")+goodFace, facText, "")
	for _, c := range []struct {
		name, text string
		usable     int
		want       templates.Reason
		at         string
	}{
		{"good", good, 1, "", ""},
		{"nothing", "", 0, templates.ReasonMalformed, "<BIR"},
		{"empty", block(format("257", "8")+goodFace, "", ""), 0, templates.ReasonNoBiometric, "<BDB>"},
		{"no block", "<BIR><BIRInfo><Integrity>0</Integrity></BIRInfo><BDBInfo/></BIR>", 0, templates.ReasonNoBiometric, "<BIR><"},
		{"empty beside good", block(format("257", "8")+goodFace, "", "") + good, 1, "", ""},
		{"missing beside good", block("<Type>Finger</Type><Subtype>Left Thumb</Subtype>", "", missing) + good, 1, "", ""},
		{"missing only", block("<Type>Finger</Type>", "", missing), 0, templates.ReasonNoBiometric, "<BDB>"},
		{"encrypted", block(format("257", "8")+encrypt+goodFace, vector, ""), 0, templates.ReasonEncrypted, "<BDB>"},
		{"encrypted beside good", good + block(format("257", "8")+encrypt+goodFace, vector, ""), 1, templates.ReasonEncrypted, "-"},
		{"iris kept", block(format("257", "9")+"<Type>Iris</Type><Subtype>Left</Subtype>", iirText, ""), 1, "", ""},
		{"no format", block("<Type>Finger</Type>", firText, ""), 1, "", ""},
		{"no type", block(format("257", "7"), firText, ""), 1, "", ""},
		{"neither", block("", fmrText, ""), 1, "", ""},
		{"neither, unknown bytes", block("", vector, ""), 0, templates.ReasonUnsupported, "<BDBInfo>"},
		{"iris with a finger's number", block(format("Mosip", "7")+"<Type>Iris</Type>", iirText, ""), 0, templates.ReasonMalformed, "<BDBInfo>"},
		{"finger with an iris inside", block(format("257", "7")+"<Type>Finger</Type>", iirText, ""), 0, templates.ReasonMalformed, "<BDB>"},
		{"minutiae in an image", block(format("257", "7")+"<Type>Finger</Type>", fmrText, ""), 0, templates.ReasonMalformed, "<BDB>"},
		{"face without a format but with a finger", block(goodFace, firText, ""), 0, templates.ReasonMalformed, "<BDB>"},
		{"unknown bytes", block(format("257", "8")+goodFace, vector, ""), 0, templates.ReasonMalformed, "<BDB>"},
		{"short bytes", block(format("257", "8")+goodFace, "AAA", ""), 0, templates.ReasonMalformed, "<BDB>"},
		{"unknown version", block(format("257", "2")+"<Type>Finger</Type>", ansi, ""), 0, templates.ReasonUnsupported, "<BDB>"},
		{"unknown number", block(format("257", "10")+goodFace, facText, ""), 0, templates.ReasonUnsupported, "<BDBInfo>"},
		{"unknown organization", block(format("99", "8")+goodFace, facText, ""), 0, templates.ReasonUnsupported, "<BDBInfo>"},
		{"voice", block("<Type>Voice</Type>", vector, ""), 0, templates.ReasonUnsupported, "<BDBInfo>"},
		{"two types", block("<Type>Face Iris</Type>", facText, ""), 0, templates.ReasonUnsupported, "<BDBInfo>"},
		{"vein", block("<Type>Finger</Type><Subtype>LeftVein</Subtype>", firText, ""), 0, templates.ReasonUnsupported, "<BDBInfo>"},
		{"face with a thumb", block(goodFace+"<Subtype>Left Thumb</Subtype>", facText, ""), 0, templates.ReasonMalformed, "<BDBInfo>"},
		{"exception photo", block(format("257", "8")+"<Type>ExceptionPhoto</Type>", facText, ""), 1, "", ""},
		{"exception photo of a finger", block("<Type>ExceptionPhoto</Type>", firText, ""), 0, templates.ReasonMalformed, "<BDB>"},
		{"exception photo as a vector", block(format("IMMIS", "face-int8")+"<Type>ExceptionPhoto</Type>", vector, model), 0, templates.ReasonMalformed, "<BDBInfo>"},
		{"vector", block(format("immis", "face-float32")+goodFace, vector, model), 1, "", ""},
		{"vector without model", block(format("IMMIS", "face-float32")+goodFace, vector, ""), 0, templates.ReasonModel, "<BDB>"},
		{"vector of a finger", block(format("IMMIS", "face-float32")+"<Type>Finger</Type>", vector, model), 0, templates.ReasonMalformed, "<BDBInfo>"},
		{"ours of another kind", block(format("IMMIS", "png")+goodFace, vector, model), 0, templates.ReasonUnsupported, "<BDBInfo>"},
		{"contradiction beside good", good + block(format("257", "9")+goodFace, facText, ""), 1, templates.ReasonMalformed, "-"},
	} {
		text := wrap(c.text)
		d, err := Decode([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		samples, err := d.Samples()
		if got := decodeReason(t, []byte(text), err); got != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
			continue
		}
		usable := 0
		for i := range samples {
			if samples[i].Usable() {
				usable++
			}
		}
		if usable != c.usable {
			t.Errorf("%s: %d usable, want %d", c.name, usable, c.usable)
		}
		if err != nil && c.at != "-" {
			if want := strings.Index(text, c.at); !strings.Contains(err.Error(), fmt.Sprintf("at byte %d)", want)) {
				t.Errorf("%s: %v, want offset %d", c.name, err, want)
			}
		}
	}
}

func TestPositions(t *testing.T) {
	for _, c := range []struct {
		subtype     string
		position    templates.Position
		positions   int
		left, right bool
	}{
		{"", 0, 0, false, false},
		{"Left", 0, 0, true, false},
		{"Thumb", 0, 0, false, false},
		{"Right Thumb", 1, 1, false, true},
		{"LittleFinger Left", 10, 1, true, false},
		{"Left IndexFinger MiddleFinger RingFinger LittleFinger", templates.LeftFour, 4, true, false},
		{"Right IndexFinger MiddleFinger RingFinger LittleFinger", templates.RightFour, 4, false, true},
		{"Left Right Thumb", templates.Thumbs, 2, true, true},
		{"Left Thumb Right Thumb", templates.Thumbs, 2, true, true},
		{"Left IndexFinger MiddleFinger", 0, 2, true, false},
	} {
		positions, left, right, known := fingers(strings.Fields(c.subtype))
		if !known || len(positions) != c.positions || left != c.left || right != c.right || positionOf(positions) != c.position {
			t.Errorf("%q: %v, left %t, right %t", c.subtype, positions, left, right)
		}
	}
	for p := templates.PositionUnknown; p <= templates.Thumbs; p++ {
		if p > templates.LeftLittle && !p.Several() {
			continue
		}
		positions, _, _, known := fingers(subtypesOf(p))
		if !known || positionOf(positions) != p {
			t.Errorf("position %d becomes %v, %v", p, subtypesOf(p), positions)
		}
	}
}
