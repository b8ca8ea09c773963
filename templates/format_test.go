package templates

import (
	"strings"
	"testing"
)

func TestFormats(t *testing.T) {
	names := map[string]bool{}
	for i := range 256 {
		f := Format(i)
		if got, want := f.Known(), i >= 1 && i <= 24; got != want {
			t.Errorf("format %d: Known %t", i, got)
		}
		if !f.Known() {
			if f.String() != "unknown" || f.Searchable() || f.Image() || f.Container() || f.Modality() != ModalityUnknown {
				t.Errorf("unknown format %d: %v has properties", i, f)
			}
			continue
		}
		back, err := ParseFormat(f.String())
		if err != nil || back != f || names[f.String()] || f.String() == "" {
			t.Errorf("format %d is called %q, which is read as %d (%v)", i, f, back, err)
		}
		names[f.String()] = true
		kinds := 0
		for _, is := range []bool{f.Searchable(), f.Image(), f.Container(), f == FormatOther} {
			if is {
				kinds++
			}
		}
		if kinds != 1 {
			t.Errorf("format %v is of %d kinds, want 1", f, kinds)
		}
		if f.Searchable() && f.Modality() == ModalityUnknown {
			t.Errorf("format %v is searched without a modality", f)
		}
		if (f.Encoding().Size() > 0) != (f.Modality() == ModalityFace && f.Searchable()) {
			t.Errorf("format %v: encoding %d", f, f.Encoding())
		}
	}
	if len(names) != 24 || len(FormatNames()) != 24 {
		t.Errorf("%d formats, %d names, want 24", len(names), len(FormatNames()))
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
		FormatPNG: 5, FormatJPEG: 6, FormatWSQ: 7, FormatJP2: 8, FormatOther: 9,
		FormatISO19794_2_2011: 10, FormatISO19794_2_CardNormal: 11, FormatISO19794_2_CardCompact: 12,
		FormatANSI378_2004: 13, FormatANSI378_2007: 14, FormatANSI378_2009: 15, FormatANSI378_2009AM1: 16,
		FormatISO19794_4_2005: 17, FormatISO19794_4_2011: 18, FormatISO19794_5_2005: 19, FormatISO19794_5_2011: 20,
		FormatBMP: 21, FormatTIFF: 22, FormatCBEFF: 23, FormatANSINIST: 24} {
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
