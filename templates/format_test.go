package templates

import (
	"strings"
	"testing"
)

func TestFormats(t *testing.T) {
	names := map[string]bool{}
	for i := range 256 {
		f := Format(i)
		if known := f >= FormatFaceFloat32 && f <= FormatOther; f.Known() != known {
			t.Errorf("format %d: Known %v", i, f.Known())
		}
		if !f.Known() {
			if f.String() != "unknown" || f.Searchable() || f.Modality() != ModalityUnknown || f.Encoding() != EncodingUnknown {
				t.Errorf("unknown format %d claims something", i)
			}
			continue
		}
		if names[f.String()] || f.String() == "unknown" {
			t.Errorf("format %d: name %q again", i, f)
		}
		names[f.String()] = true
		if got, err := ParseFormat(f.String()); err != nil || got != f {
			t.Errorf("ParseFormat(%q) = %v, %v", f, got, err)
		}
		if f.Searchable() != (f.Modality() != ModalityUnknown) {
			t.Errorf("format %v: searchable %v, modality %v", f, f.Searchable(), f.Modality())
		}
		if (f.Encoding().Size() > 0) != (f.Modality() == ModalityFace) {
			t.Errorf("format %v: encoding %d", f, f.Encoding())
		}
	}
	if len(names) != 9 {
		t.Errorf("%d formats, want 9", len(names))
	}
	for _, bad := range []string{"", "unknown", "PNG", "png "} {
		_, err := ParseFormat(bad)
		if reasonOf(t, err) != ReasonFormat {
			t.Errorf("ParseFormat(%q) = %v", bad, err)
		}
	}
}

func TestFormatNumbersStay(t *testing.T) {
	for f, want := range map[Format]uint8{FormatFaceFloat32: 1, FormatFaceFloat16: 2, FormatFaceInt8: 3, FormatISO19794_2_2005: 4,
		FormatPNG: 5, FormatJPEG: 6, FormatWSQ: 7, FormatJP2: 8, FormatOther: 9} {
		if uint8(f) != want {
			t.Errorf("format %v has number %d, want %d: the numbers are on disk", f, f, want)
		}
	}
}

func TestQuality(t *testing.T) {
	for _, c := range []struct {
		q    Quality
		want Reason
	}{
		{Quality{Value: 0, Algorithm: "nfiq2/2.3"}, ""},
		{Quality{Value: 100}, ""},
		{Quality{Value: QualityUnknown}, ""},
		{Quality{Value: 101}, ReasonQuality},
		{Quality{Value: QualityUnknown, Algorithm: "nfiq2/2.3"}, ReasonQuality},
		{Quality{Value: 1, Algorithm: "a\xff"}, ReasonUTF8},
		{Quality{Value: 1, Algorithm: "a\nb"}, ReasonOutOfRange},
		{Quality{Value: 1, Algorithm: strings.Repeat("a", MaxProvenanceText+1)}, ReasonOversized},
	} {
		if got := reasonOf(t, c.q.Validate()); got != c.want {
			t.Errorf("%+v: %q, want %q", c.q, got, c.want)
		}
	}
}

func TestProvenance(t *testing.T) {
	good := Provenance{Device: "Сканер 3", Algorithm: "extract", AlgorithmVersion: "1.2", Attack: AttackNone,
		Format: FormatISO19794_2_2005, Source: SourceHash([]byte("abc"))}
	if got := good.Source[:2]; got[0] != 0xba || got[1] != 0x78 { // SHA-256 of "abc" begins ba7816bf
		t.Errorf("source hash begins %x", got)
	}
	for _, c := range []struct {
		name   string
		change func(*Provenance)
		want   Reason
	}{
		{"good", func(*Provenance) {}, ""},
		{"bare", func(p *Provenance) { *p = Provenance{Format: FormatOther} }, ""},
		{"longest device", func(p *Provenance) { p.Device = strings.Repeat("d", MaxProvenanceText) }, ""},
		{"long device", func(p *Provenance) { p.Device = strings.Repeat("d", MaxProvenanceText+1) }, ReasonOversized},
		{"device not UTF-8", func(p *Provenance) { p.Device = "\xc3" }, ReasonUTF8},
		{"line break", func(p *Provenance) { p.AlgorithmVersion = "1\r2" }, ReasonOutOfRange},
		{"version alone", func(p *Provenance) { p.Algorithm = "" }, ReasonOutOfRange},
		{"attack result 3", func(p *Provenance) { p.Attack = 3 }, ReasonOutOfRange},
		{"no format", func(p *Provenance) { p.Format = FormatUnknown }, ReasonFormat},
		{"format beyond", func(p *Provenance) { p.Format = formatEnd }, ReasonFormat},
	} {
		p := good
		c.change(&p)
		if got := reasonOf(t, p.Validate()); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
