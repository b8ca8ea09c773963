package iso19794

import (
	"bytes"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"immis/templates"
	"immis/templates/internal/codectest"
)

func roundTrip(t *testing.T, path string, allow Tolerance) *Record {
	t.Helper()
	data := codectest.Read(t, path)
	r, err := DecodeTolerant(data, allow)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if !bytes.Equal(encode(t, r), data) {
		t.Errorf("%s: written back differently", path)
	}
	return r
}

// TestRealRecords reads the records of three extractors, strictly.
func TestRealRecords(t *testing.T) {
	for extractor, want := range map[string]struct{ records, minutiae, empty int }{
		"commercial": {320, 10760, 0},
		"mindtct":    {320, 15205, 0},
		"fingerjet":  {320, 15212, 2},
	} {
		paths := codectest.Files(t, "data", "fingerprints", "minutiae", extractor, "*", "*.iso")
		minutiae, empty := 0, 0
		for _, path := range paths {
			r := roundTrip(t, path, 0)
			fingers, err := r.Fingers()
			if len(r.Views[0].Minutiae) == 0 {
				if codectest.Reason(t, err) != templates.ReasonMinutiaCount {
					t.Errorf("%s: no minutiae and error %v", path, err)
				}
				empty++
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			minutiae += len(fingers[0].Minutiae)
			again, err := FromFingers(fingers, Capture{Certification: r.Certification, Device: r.Device, Impression: r.Views[0].Impression})
			if err != nil || !bytes.Equal(encode(t, again), codectest.Read(t, path)) {
				t.Errorf("%s: another record comes back from the normal form, %v", path, err)
			}
		}
		if len(paths) != want.records || minutiae != want.minutiae || empty != want.empty {
			t.Errorf("%s: %d records, %d minutiae, %d without; want %+v", extractor, len(paths), minutiae, empty, want)
		}
	}
}

// TestRealReading reproduces, value by value, independent readings of records.
func TestRealReading(t *testing.T) {
	folder := codectest.Shared(t, "data", "fingerprints", "formats", "templates")
	sample := filepath.Join(folder, "iso19794p2v2005", "iso19794p2v2005-sample")
	values := codectest.Equal(t, codectest.Read(t, sample+".json"), drawReading(t, roundTrip(t, sample+".dat", 0)))

	sample = filepath.Join(folder, "iso19794p2v2011", "iso19794p2v2011-sample")
	data := codectest.Read(t, sample+".dat")
	r, err := Decode2011(data)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.Encode(); err != nil || !bytes.Equal(again, data) {
		t.Errorf("the record of 2011 is written back differently: %v", err)
	}
	values2011 := codectest.Equal(t, codectest.Read(t, sample+".json"), drawReading2011(t, r))
	if least := 49 * 5; values < least || values2011 < least {
		t.Errorf("%d and %d values", values, values2011)
	}
	t.Logf("%d and %d values", values, values2011)
	fingers, err := r.Fingers()
	if err != nil {
		t.Fatal(err)
	}
	first := r.Representations[0]
	at, _ := first.Captured.Time()
	again, err := FromFingers2011(fingers, Capture2011{Time: at, Vendor: first.Vendor, Device: first.Device,
		QualityVendor: first.Qualities[0].Vendor, QualityAlgorithm: first.Qualities[0].Algorithm})
	if err != nil {
		t.Fatal(err)
	}
	// The sample numbers the views of all fingers in one row.
	r.Representations[1].Number, r.Representations[1].Extended = 0, nil
	if !reflect.DeepEqual(r, again) {
		t.Error("another record of 2011 comes back from the normal form")
	}
}

var (
	positionNames = strings.Fields("UNKNOWN RIGHT_THUMB RIGHT_INDEX RIGHT_MIDDLE RIGHT_RING RIGHT_LITTLE LEFT_THUMB LEFT_INDEX LEFT_MIDDLE LEFT_RING LEFT_LITTLE")
	typeNames     = strings.Fields("OTHER ENDING BIFURCATION")
	scanNames     = map[Impression]string{LivePlain: "LIVE_PLAIN", LiveRolled: "LIVE_ROLLED", NonlivePlain: "NONLIVE_PLAIN", NonliveRolled: "NONLIVE_ROLLED", Swipe: "SWIPE"}
)

func drawReading(t *testing.T, r *Record) any {
	var views codectest.List
	for _, v := range r.Views {
		// This writer's length of an area leaves out the area's header, others count
		// it: one more reason to keep extended data as it is.
		views = append(views, codectest.Object{"position": positionNames[v.Position], "view": v.Number, "scanType": scanNames[v.Impression],
			"quality": v.Quality, "minutiae": drawMinutiae(v.Minutiae), "counts": nil, "coredelta": nil, "zones": nil,
			"extensions": drawArea(t, v.Extended, 0)})
	}
	return codectest.Object{"sensorCertified": r.Certification&0x8 != 0, "sensorId": r.Device, "width": r.Width, "height": r.Height,
		"resolutionX": r.ResolutionX, "resolutionY": r.ResolutionY, "fingerprints": views}
}

func drawReading2011(t *testing.T, r *Record2011) any {
	var views codectest.List
	for _, v := range r.Representations {
		qualities, certificates := codectest.List{}, codectest.List{}
		for _, q := range v.Qualities {
			qualities = append(qualities, codectest.Object{"quality": q.Quality, "vendor": q.Vendor, "algorithm": q.Algorithm})
		}
		for range v.Certifications {
			certificates = append(certificates, "one")
		}
		c := v.Captured
		views = append(views, codectest.Object{
			"datetime": codectest.Object{"year": c.Year, "month": c.Month, "day": c.Day, "hour": c.Hour, "minute": c.Minute, "second": c.Second,
				"millisecond": c.Millisecond},
			"sensorType": map[uint8]string{0: "UNKNOWN"}[v.Technology], "sensorVendor": v.Vendor, "sensorId": v.Device,
			"qrecords": qualities, "certificates": certificates, "position": positionNames[v.Position], "view": v.Number,
			"resolutionX": v.ResolutionX, "resolutionY": v.ResolutionY, "scanType": scanNames[v.Impression], "width": v.Width, "height": v.Height,
			"endingType": map[EndingKind]string{ValleyBifurcation: "VALLEY_SKELETON_BIFURCATION", RidgeEnd: "RIDGE_SKELETON_ENDPOINT"}[v.Endings],
			"minutiae":   drawMinutiae(v.Minutiae), "counts": nil, "coredelta": nil, "zones": nil, "extensions": drawArea(t, v.Extended, 4)})
	}
	return codectest.Object{"fingerprints": views}
}

func drawMinutiae(minutiae []Minutia) codectest.List {
	out := codectest.List{}
	for _, m := range minutiae {
		out = append(out, codectest.Object{"type": typeNames[m.Type], "positionX": m.X, "positionY": m.Y, "angle": m.Angle, "quality": m.Quality})
	}
	return out
}

// drawArea is the one area of a vendor that the samples have: u16 type, u16 length
// with header bytes of itself counted.
func drawArea(t *testing.T, b []byte, header int) codectest.List {
	if len(b) == 0 {
		return codectest.List{}
	}
	if len(b) < 4 || int(b[2])<<8|int(b[3]) != len(b)-4+header {
		t.Fatalf("extended data of %d bytes are no area", len(b))
	}
	return codectest.List{codectest.Object{"type": int(b[0])<<8 | int(b[1]), "data": b[4:]}}
}

// TestRealDeviations: each deviation of the list occurs in a real record, which
// is refused strictly, read tolerantly, and written back as it was.
func TestRealDeviations(t *testing.T) {
	for _, c := range []struct {
		path   string
		allow  Tolerance
		strict templates.Reason
	}{
		{codectest.Shared(t, "specs", "nist", "fmr.iso2005"), TolerateOverstatedExtension, templates.ReasonTruncated},
		{codectest.Shared(t, "data", "fingerprints", "formats", "templates", "iso-probe.dat"), TolerateZeroPadding, templates.ReasonTrailing},
		{codectest.Shared(t, "data", "fingerprints", "formats", "templates", "iso-matching.dat"), TolerateZeroPadding, templates.ReasonTrailing},
		{codectest.Shared(t, "data", "fingerprints", "formats", "templates", "iso-nonmatching.dat"), TolerateZeroPadding, templates.ReasonTrailing},
	} {
		r := roundTrip(t, c.path, c.allow)
		if _, err := r.Fingers(); err != nil {
			t.Errorf("%s: %v", c.path, err)
		}
		data := codectest.Read(t, c.path)
		if _, err := Decode(data); codectest.Reason(t, err) != c.strict {
			t.Errorf("%s: strictly %v, want %s", c.path, err, c.strict)
		}
		if _, err := DecodeTolerant(data, allTolerances&^c.allow); codectest.Reason(t, err) != c.strict {
			t.Errorf("%s: the other tolerance accepts it: %v", c.path, err)
		}
	}
}

// TestOtherVersionsAreRefused: records of sister standards are not misread.
func TestOtherVersionsAreRefused(t *testing.T) {
	paths := codectest.Files(t, "data", "fingerprints", "formats", "templates", "ansi378*", "*.dat")
	more := codectest.Files(t, "data", "fingerprints", "formats", "templates", "iso19794p2v2011", "*.dat")
	if paths = append(paths, more...); len(paths) != 4 {
		t.Fatalf("%d files, want 4", len(paths))
	}
	for _, path := range paths {
		if r, err := DecodeTolerant(codectest.Read(t, path), allTolerances); codectest.Reason(t, err) == "" {
			t.Errorf("%s is read as %d views", path, len(r.Views))
		}
	}
}

// TestRealSniff: every real record is taken for what it is.
func TestRealSniff(t *testing.T) {
	want := map[string]templates.Format{
		"data/fingerprints/minutiae/*/*/*.iso":                          templates.FormatISO19794_2_2005,
		"data/fingerprints/formats/templates/iso-*.dat":                 templates.FormatISO19794_2_2005,
		"data/fingerprints/formats/templates/iso19794p2v2005/*.dat":     templates.FormatISO19794_2_2005,
		"data/fingerprints/formats/templates/iso19794p2v2011/*.dat":     templates.FormatISO19794_2_2011,
		"data/fingerprints/formats/templates/ansi378*/*.dat":            templates.FormatUnknown,
		"data/fingerprints/formats/templates/*/*.json":                  templates.FormatUnknown,
		"data/fingerprints/formats/iso19794-4/MockMDS*Right_Thumb*.iso": templates.FormatUnknown,
		"specs/nist/fmr.iso2005":                                        templates.FormatISO19794_2_2005,
		"specs/nist/fmr.ansi*":                                          templates.FormatUnknown,
	}
	for pattern, format := range want {
		for _, path := range codectest.Files(t, pattern) {
			data := codectest.Read(t, path)
			if a, b := Sniff(data), Sniff(data[:min(len(data), 4096)]); a != format || b != format {
				t.Errorf("%s looks like %v, its front like %v", path, a, b)
			}
		}
	}
}
