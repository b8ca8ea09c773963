package ansi378

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"immis/templates"
	"immis/templates/internal/codectest"
	"immis/templates/iso19794"
)

// published is what is known of the public records.
var published = []struct {
	path      []string
	format    templates.Format
	allow     Tolerance
	strict    templates.Reason // of the first deviation
	fingers   templates.Reason
	views     int
	minutiae  int
	extension int // bytes
}{
	{[]string{"specs", "nist", "fmr.ansi2004"}, templates.FormatANSI378_2004, TolerateUnderstatedExtension, templates.ReasonTrailing, "", 3, 27 + 22 + 28, 11 + 721},
	{[]string{"specs", "nist", "fmr.ansi2007"}, templates.FormatANSI378_2007, 0, "", "", 2, 49, 11},
	{[]string{"data", "fingerprints", "formats", "templates", "ansi378v2004", "ansi378v2004-sample.dat"}, templates.FormatANSI378_2004,
		TolerateVersionDigits | TolerateUnderstatedLength | TolerateWideAngles, templates.ReasonWrongVersion, templates.ReasonOutOfRange, 2, 49, 10},
	{[]string{"data", "fingerprints", "formats", "templates", "ansi378v2009", "ansi378v2009-sample.dat"}, templates.FormatANSI378_2009,
		TolerateUnderstatedLength, templates.ReasonTruncated, "", 2, 49, 11},
	{[]string{"data", "fingerprints", "formats", "templates", "ansi378v2009am1", "ansi378v2009am1-sample.dat"}, templates.FormatANSI378_2009AM1,
		0, "", "", 2, 49, 17},
}

func TestRealRecords(t *testing.T) {
	for _, c := range published {
		name := c.path[len(c.path)-1]
		data := codectest.Read(t, codectest.Shared(t, c.path...))
		if got := Sniff(data); got != c.format {
			t.Errorf("%s is taken for %v", name, got)
		}
		if _, err := Decode(c.format, data, 0); codectest.Reason(t, err) != c.strict {
			t.Errorf("%s: strictly %v, want %q", name, err, c.strict)
		}
		for bit := Tolerance(1); bit <= c.allow; bit <<= 1 {
			if _, err := Decode(c.format, data, allTolerances&^bit); c.allow&bit != 0 && err == nil {
				t.Errorf("%s: needs no tolerance %b", name, bit)
			}
		}
		r, err := Decode(c.format, data, c.allow)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !bytes.Equal(encode(t, r), data) {
			t.Errorf("%s: written back differently", name)
		}
		fingers, err := r.Fingers()
		if codectest.Reason(t, err) != c.fingers {
			t.Errorf("%s: normal form: %v, want %q", name, err, c.fingers)
		}
		minutiae, extension := 0, 0
		for _, v := range r.Views {
			minutiae, extension = minutiae+len(v.Minutiae), extension+len(v.Extended)
		}
		if len(r.Views) != c.views || minutiae != c.minutiae || extension != c.extension {
			t.Errorf("%s: %d views, %d minutiae, %d bytes of extension", name, len(r.Views), minutiae, extension)
		}
		if err != nil {
			continue
		}
		again, err := FromFingers(c.format, fingers, captureOf(r))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range r.Views {
			v := &r.Views[i]
			v.Extended, v.Understated, v.QualityVendor, v.QualityAlgorithm = nil, 0, 0, 0
			again.Views[i].QualityVendor, again.Views[i].QualityAlgorithm, again.Views[i].Impression = 0, 0, v.Impression
		}
		r.Deviations = Deviations{} // and a capture has one impression type
		if !bytes.Equal(encode(t, r), encode(t, again)) {
			t.Errorf("%s: another record comes back from the normal form", name)
		}
	}
}

func captureOf(r *Record) Capture {
	return Capture{Owner: r.Owner, Product: r.Product, Certification: r.Certification, Device: r.Device, Impression: r.Views[0].Impression}
}

// TestRealReadings reproduces independent readings value by value.
func TestRealReadings(t *testing.T) {
	for _, c := range published[2:] {
		path := codectest.Shared(t, c.path...)
		r, err := Decode(c.format, codectest.Read(t, path), c.allow)
		if err != nil {
			t.Fatal(err)
		}
		document := codectest.Read(t, strings.TrimSuffix(path, ".dat")+".json")
		values := codectest.Equal(t, document, draw(t, r))
		if values < 49*5+10 {
			t.Errorf("%s: %d values", path, values)
		}
		t.Logf("%s: %d values", filepath.Base(path), values)
	}
}

// draw is a record as the readings have it: positions and types by name, ridge
// counts taken apart.
func draw(t *testing.T, r *Record) codectest.Object {
	positions := strings.Fields("UNKNOWN RIGHT_THUMB RIGHT_INDEX RIGHT_MIDDLE RIGHT_RING RIGHT_LITTLE LEFT_THUMB LEFT_INDEX LEFT_MIDDLE LEFT_RING LEFT_LITTLE")
	types := strings.Fields("OTHER ENDING BIFURCATION")
	if r.Format != templates.FormatANSI378_2004 {
		types[0] = "EITHER"
	}
	scans := map[Impression]string{LivePlain: "LIVE_PLAIN", LiveRolled: "LIVE_ROLLED", NonlivePlain: "NONLIVE_PLAIN", NonliveRolled: "NONLIVE_ROLLED"}
	var views codectest.List
	for _, v := range r.Views {
		minutiae := codectest.List{}
		for _, m := range v.Minutiae {
			minutiae = append(minutiae, codectest.Object{"type": types[m.Type], "positionX": m.X, "positionY": m.Y, "angle": m.Angle, "quality": m.Quality})
		}
		o := codectest.Object{"position": positions[v.Position], "view": v.Number, "scanType": scans[v.Impression], "quality": v.Quality,
			"minutiae": minutiae, "counts": ridgeCounts(t, v.Extended), "coredelta": nil, "extensions": codectest.List{}}
		if r.Format != templates.FormatANSI378_2004 {
			o["qualityVendorId"], o["qualityAlgorithmId"] = v.QualityVendor, v.QualityAlgorithm
			o["width"], o["height"], o["resolutionX"], o["resolutionY"] = v.Width, v.Height, v.ResolutionX, v.ResolutionY
		}
		views = append(views, o)
	}
	out := codectest.Object{"vendorId": r.Owner, "subformat": r.Product, "sensorId": r.Device, "fingerprints": views}
	if v := r.Views[0]; r.Format == templates.FormatANSI378_2004 {
		out["width"], out["height"], out["resolutionX"], out["resolutionY"] = v.Width, v.Height, v.ResolutionX, v.ResolutionY
		out["sensorCertified"] = r.Certification&0x8 != 0
	} else {
		out["sensorCertified"] = r.Certification&0x80 != 0
	}
	return out
}

// ridgeCounts reads one area of ridge counts: u16 type 1, u16 length of all, u8
// method, and three bytes for each edge; what is left of an edge is not read.
func ridgeCounts(t *testing.T, b []byte) any {
	if len(b) == 0 {
		return nil
	}
	if len(b) < 5 || b[0] != 0 || b[1] != 1 || int(b[3]) != len(b) {
		t.Fatalf("extended data of %d bytes are no ridge counts", len(b))
	}
	edges := codectest.List{}
	for e := b[5:]; len(e) >= 3; e = e[3:] {
		edges = append(edges, codectest.Object{"from": e[0], "to": e[1], "count": e[2]})
	}
	return codectest.Object{"type": []string{"CUSTOM", "QUADRANTS", "OCTANTS"}[b[4]], "edges": edges}
}

// TestRealVersionsAgree: the public records hold the same two fingers in every
// version, and so does one of ISO/IEC 19794-2:2005; they give the same normal form,
// but for the rounding of angles.
func TestRealVersionsAgree(t *testing.T) {
	iso, err := iso19794.DecodeTolerant(codectest.Read(t, codectest.Shared(t, "specs", "nist", "fmr.iso2005")), iso19794.TolerateOverstatedExtension)
	if err != nil {
		t.Fatal(err)
	}
	want, err := iso.Fingers()
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, c := range published {
		if c.fingers != "" {
			continue
		}
		r, err := Decode(c.format, codectest.Read(t, codectest.Shared(t, c.path...)), c.allow)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Fingers()
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want {
			g := got[i]
			if g.Position != w.Position || g.Width != w.Width || g.Height != w.Height || g.Quality != w.Quality || len(g.Minutiae) != len(w.Minutiae) {
				t.Fatalf("%v: view %d: %+v, want %+v", c.format, i+1, g, w)
			}
			for j, m := range w.Minutiae {
				n := g.Minutiae[j]
				turn := int(int16(m.Angle - n.Angle))
				m.Angle = n.Angle
				if m != n || max(turn, -turn) > 65536/180 {
					t.Errorf("%v: view %d: minutia %d differs, by %d units of angle", c.format, i+1, j+1, turn)
				}
				compared++
			}
		}
	}
	if compared != 4*49 {
		t.Errorf("%d minutiae compared, want %d", compared, 4*49)
	}
}
