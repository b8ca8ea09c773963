package cbeff

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"immis/internal/cost"
	"immis/templates"
)

// document is a synthetic document with every element of the dialect.
func document(dialect Dialect) *Document {
	yes, no := true, false
	r := func(s string) *Registry {
		if dialect == DialectBIAS {
			return &Registry{"27", "513"}
		}
		return &Registry{s + " & <co>", s + " \"type\"\r\n"}
	}
	info := &BDBInfo{ChallengeResponse: []byte{1}, Index: "01234567-89ab-cdef-ABCD-0123456789ab", Format: r("format"), Encryption: &no,
		CreationDate: "2026-11-22T17:05:59.999Z", NotValidBefore: "2026-11-22T17:05:59", NotValidAfter: "2026-11-22T17:05:59+02:00",
		Types: []string{"Finger"}, Subtypes: []string{"Left", "IndexFinger"}, Level: "Processed", Product: r("product"), Purpose: "EnrollIdentify"}
	if dialect == DialectISO {
		info.CaptureDevice, info.FeatureExtractionAlgorithm = r("device"), r("extraction")
		info.ComparisonAlgorithm, info.CompressionAlgorithm = r("comparison"), r("compression")
		info.Quality = &Quality{Algorithm: *r("quality"), Score: ScoreFailed, Failed: "blurred"}
	} else {
		info.Quality = &Quality{Score: ScoreUnsupported}
	}
	return &Document{Dialect: dialect, Root: BIR{
		Version: &Version{1, 2}, CBEFFVersion: &Version{2, 4294967295},
		Info: BIRInfo{Creator: " сервіс ", Index: info.Index, Payload: []byte("payload"), Integrity: true, CreationDate: info.CreationDate,
			NotValidBefore: info.CreationDate, NotValidAfter: info.CreationDate},
		BDBInfo: info, SBInfo: &SBInfo{Format: r("security")},
		BIRs: []BIR{
			{BDBInfo: &BDBInfo{Encryption: &yes}, BIRs: []BIR{{BDB: []byte{}}, {SB: []byte{}}}},
			{BDBInfo: &BDBInfo{}, BDB: []byte{0xff, 0xfe, 0xfd, 0xfb}},
		},
		BDB: []byte("data"), SB: []byte{0}, Others: []Entry{{"EXCEPTION", "false"}, {"a<b&\"'\n", "\t\r\n ü "}, {"", ""}},
	}}
}

func encode(t testing.TB, d *Document) []byte {
	t.Helper()
	data, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRoundTrip(t *testing.T) {
	for _, dialect := range []Dialect{DialectISO, DialectBIAS} {
		d := document(dialect)
		data := encode(t, d)
		got, err := Decode(data)
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		if !same(got, d) {
			t.Errorf("dialect %d: %+v\nwant %+v\n%s", dialect, got, d, data)
		}
		if again := encode(t, got); !bytes.Equal(again, data) {
			t.Errorf("dialect %d: written differently:\n%s\n%s", dialect, again, data)
		}
		if Sniff(data) != templates.FormatCBEFF {
			t.Errorf("dialect %d is not recognised", dialect)
		}
	}
}

// TestRandomRoundTrip: parts of the document left out at random.
func TestRandomRoundTrip(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		d := document(Dialect(rnd.IntN(2)))
		for _, cut := range []func(){
			func() { d.Root.Version = nil }, func() { d.Root.CBEFFVersion = nil }, func() { d.Root.Info = BIRInfo{} },
			func() { d.Root.BDBInfo = nil }, func() { d.Root.SBInfo.Format = nil }, func() { d.Root.SBInfo = nil },
			func() { d.Root.BIRs = d.Root.BIRs[:1] }, func() { d.Root.BIRs = nil }, func() { d.Root.BDB = nil },
			func() { d.Root.BDB = make([]byte, rnd.IntN(9)) }, func() { d.Root.Others = d.Root.Others[:1] }, func() { d.Root.Others = nil },
		} {
			if rnd.IntN(3) == 0 {
				cut()
			}
		}
		got, err := Decode(encode(t, d))
		if err != nil || !same(got, d) {
			t.Fatalf("%+v, %v\nwant %+v", got, err, d)
		}
	}
}

func wrap(content string) string {
	return `<BIR xmlns="` + DialectISO.Namespace() + `"><BIRInfo><Integrity>0</Integrity></BIRInfo>` + content + `</BIR>`
}

func TestDecodeAccepts(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"bare", wrap("")},
		{"declaration", `<?xml version="1.0"?>` + wrap("")},
		{"lower case", `<?xml version="1.0" encoding='utf-8' standalone="yes"?>` + wrap("")},
		{"byte order mark", bom + wrap("")},
		{"comments", "<!-- <BIR> -->" + wrap("<!-- a --><BDB>AA</BDB>") + "\n<!-- b -->\n"},
		{"prefix", `<c:BIR xmlns:c="` + DialectISO.Namespace() + `"><c:BIRInfo><c:Integrity> true
</c:Integrity></c:BIRInfo></c:BIR>`},
		{"schema location", strings.Replace(wrap(""), "<BIR ", `<BIR xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b" `, 1)},
		{"nil others", wrap(`<others xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>`)},
		{"nil entry", wrap(`<others xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><entry key="K" i:nil="1"></entry></others>`)},
		{"padding", wrap("<BDB>AAAAAA==</BDB>")},
		{"standard alphabet", wrap("<BDB>+/+/</BDB>")},
		{"url alphabet", wrap("<BDB>-_-_</BDB>")},
		{"space in base64", wrap("<BDB>\r\n AA\tAA \n</BDB>")},
		{"empty type", wrap("<BDBInfo><Type/><Subtype></Subtype></BDBInfo>")},
		{"others twice", wrap(`<others><entry key="A">1</entry></others><others/><Others><Key>B</Key><Value>2</Value></Others>`)},
		{"cdata", wrap(`<others><entry key="A"><![CDATA[<&]]>x</entry></others>`)},
	} {
		d, err := Decode([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		again, err := Decode(encode(t, d))
		if err != nil || !same(again, d) {
			t.Errorf("%s: %+v, %v; want %+v", c.name, again, err, d)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	const laughs = `<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>`
	deep := strings.Repeat("<BIR><BIRInfo><Integrity>0</Integrity></BIRInfo>", 16) + strings.Repeat("</BIR>", 16)
	for _, c := range []struct {
		name, text string
		want       templates.Reason
		at         string // the error's place: the first occurrence in the text, or its end
	}{
		{"empty", "", templates.ReasonEmpty, ""},
		{"no element", "<!-- a -->", templates.ReasonTruncated, ""},
		{"text", "hello", templates.ReasonMalformed, "hello"},
		{"billion laughs", laughs + wrap("<SB>&b;</SB>"), templates.ReasonMalformed, "<!DOCTYPE"},
		{"document type inside", wrap("<!DOCTYPE a>"), templates.ReasonMalformed, "<!DOCTYPE"},
		{"entity", wrap(`<others><entry key="a">&b;</entry></others>`), templates.ReasonMalformed, "</entry>"},
		{"entity in base64", wrap("<BDB>AA&#65;A</BDB>"), templates.ReasonMalformed, "&#65;"},
		{"cdata in base64", wrap("<BDB><![CDATA[AAAA]]></BDB>"), templates.ReasonMalformed, "<![CDATA"},
		{"deep", wrap(deep), templates.ReasonOversized, "-"},
		{"two documents", wrap("") + wrap(""), templates.ReasonTrailing, "-"},
		{"text behind", wrap("") + "\n x", templates.ReasonTrailing, "-"},
		{"markup behind", wrap("") + "</BIR>", templates.ReasonTrailing, "-"},
		{"half markup behind", wrap("") + "<", templates.ReasonTruncated, "-"},
		{"latin 1", `<?xml version="1.0" encoding="ISO-8859-1"?>` + wrap(""), templates.ReasonMalformed, `="ISO`},
		{"utf 16", `<?xml version="1.0" encoding="UTF-16"?>` + wrap(""), templates.ReasonMalformed, `="UTF-16`},
		{"utf 16 indeed", "\xff\xfe<\x00", templates.ReasonUTF8, "\xff"},
		{"not utf 8", wrap("<SB>\xc3\x28</SB>"), templates.ReasonUTF8, "\xc3"},
		{"zero byte", wrap("<SB>\x00</SB>"), templates.ReasonMalformed, "-"},
		{"xml 1.1", `<?xml version="1.1"?>` + wrap(""), templates.ReasonMalformed, "-"},
		{"processing instruction", "<?php a?>" + wrap(""), templates.ReasonMalformed, "<?php"},
		{"second declaration", wrap(`<?xml version="1.0"?>`), templates.ReasonMalformed, "<?xml"},
		{"declaration late", " " + `<?xml version="1.0"?>` + wrap(""), templates.ReasonMalformed, "<?xml"},
		{"wrong end", wrap("<BDB></SB>"), templates.ReasonMalformed, "-"},
		{"no end", strings.TrimSuffix(wrap(""), "</BIR>"), templates.ReasonTruncated, ""},
		{"long tag", "<BIR " + strings.Repeat(" ", maxTag) + ">", templates.ReasonOversized, "<BIR"},
		{"long comment", wrap("<!--" + strings.Repeat("-a", MaxText/2) + "-->"), templates.ReasonOversized, "<!--"},
		{"long CDATA section", wrap("<SB><![CDATA[" + strings.Repeat("a", MaxText) + "]]></SB>"), templates.ReasonOversized, "<![CDATA["},
		{"long text", wrap("<BIRInfo>" + strings.Repeat("\n", MaxText+1) + "<"), templates.ReasonOversized, "\n"},
		{"long text at the end", strings.Repeat("a", MaxText+1), templates.ReasonOversized, "a"},
		{"other root", `<BIRs xmlns="` + DialectISO.Namespace() + `"/>`, templates.ReasonMalformed, "<BIRs"},
		{"no name space", "<BIR></BIR>", templates.ReasonMalformed, "<BIR>"},
		{"mixed name spaces", wrap(`<BDB xmlns="` + DialectBIAS.Namespace() + `">AA</BDB>`), templates.ReasonMalformed, "<BDB"},
		{"unknown prefix", wrap(`<x:BDB>AA</x:BDB>`), templates.ReasonMalformed, "<x:BDB"},
		{"no BIRInfo", `<BIR xmlns="` + DialectISO.Namespace() + `"></BIR>`, templates.ReasonMalformed, ""},
		{"no Integrity", `<BIR xmlns="` + DialectISO.Namespace() + `"><BIRInfo></BIRInfo></BIR>`, templates.ReasonMalformed, "</BIR>"},
		{"order", wrap("<SB/><BDB/>"), templates.ReasonMalformed, "<BDB/>"},
		{"twice", wrap("<BDB/><BDB/>"), templates.ReasonMalformed, "-"},
		{"unknown element", wrap("<Secret/>"), templates.ReasonMalformed, "<Secret"},
		{"text between", wrap("x"), templates.ReasonMalformed, "x</BIR"},
		{"element in text", wrap("<SB><SB/></SB>"), templates.ReasonMalformed, "<SB/>"},
		{"comment in text", wrap("<SB>AA<!-- --></SB>"), templates.ReasonMalformed, "<!--"},
		{"attribute", wrap(`<BDB a="b"/>`), templates.ReasonMalformed, "<BDB"},
		{"attribute twice", wrap(`<others><entry key="a" key="b"/></others>`), templates.ReasonMalformed, "<entry"},
		{"no key", wrap(`<others><entry/></others>`), templates.ReasonMalformed, "<entry"},
		{"other key", wrap(`<others><entry Key="a"/></others>`), templates.ReasonMalformed, "<entry"},
		{"65 attributes", wrap("<BDB " + attributes(65) + "/>"), templates.ReasonOversized, "<BDB"},
		{"nil value", wrap(`<BDB xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>`), templates.ReasonMalformed, "<BDB"},
		{"nil with value", wrap(`<others xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><entry key="a" i:nil="true">b</entry></others>`), templates.ReasonMalformed, "<entry"},
		{"nil others with entry", wrap(`<others xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"><entry key="a">b</entry></others>`), templates.ReasonMalformed, "<others"},
		{"Others without Value", wrap("<Others><Key>a</Key></Others>"), templates.ReasonMalformed, "-"},
		{"BIRs", wrap(strings.Repeat("<BIR><BIRInfo><Integrity>0</Integrity></BIRInfo></BIR>", MaxBIRs)), templates.ReasonOversized, "-"},
		{"entries", wrap("<others>" + strings.Repeat(`<entry key="a"/>`, MaxEntries+1) + "</others>"), templates.ReasonOversized, "-"},
		{"long text", wrap(`<others><entry key="a">` + strings.Repeat("a", MaxText+1) + "</entry></others>"), templates.ReasonOversized, "aaaa"},
		{"base64 symbol", wrap("<BDB>AA*A</BDB>"), templates.ReasonMalformed, "*"},
		{"base64 alphabets", wrap("<BDB>AA+A_AAA</BDB>"), templates.ReasonMalformed, "_"},
		{"base64 length", wrap("<BDB>AAAAA</BDB>"), templates.ReasonMalformed, "</BDB>"},
		{"base64 padding", wrap("<BDB>AA=</BDB>"), templates.ReasonMalformed, "</BDB>"},
		{"base64 padding inside", wrap("<BDB>AA==AAAA</BDB>"), templates.ReasonMalformed, "AAAA</BDB>"},
		{"base64 padding alone", wrap("<BDB>====</BDB>"), templates.ReasonMalformed, "-"},
		{"base64 bits", wrap("<BDB>AB</BDB>"), templates.ReasonMalformed, "</BDB>"},
		{"boolean", strings.Replace(wrap(""), ">0<", ">yes<", 1), templates.ReasonOutOfRange, "<Integrity"},
		{"version", wrap("<BDBInfo><Quality><Algorithm><Organization/><Type/></Algorithm><Score>101</Score></Quality></BDBInfo>"), templates.ReasonOutOfRange, "<Score"},
		{"quality choice", wrap("<BDBInfo><Quality><Algorithm><Organization/><Type/></Algorithm></Quality></BDBInfo>"), templates.ReasonMalformed, "<Quality"},
		{"both qualities", wrap("<BDBInfo><Quality><Algorithm><Organization/><Type/></Algorithm><Score>1</Score><QualityCalculationFailed/></Quality></BDBInfo>"), templates.ReasonMalformed, "<Quality>"},
		{"type", wrap("<BDBInfo><Type>Fingers</Type></BDBInfo>"), templates.ReasonOutOfRange, "<Type"},
		{"subtype", wrap("<BDBInfo><Subtype>Left Index</Subtype></BDBInfo>"), templates.ReasonOutOfRange, "<Subtype"},
		{"level", wrap("<BDBInfo><Level>raw</Level></BDBInfo>"), templates.ReasonOutOfRange, "<Level"},
		{"purpose", wrap("<BDBInfo><Purpose></Purpose></BDBInfo>"), templates.ReasonOutOfRange, "<Purpose"},
		{"uuid", wrap("<BDBInfo><Index>0123456789abcdef0123456789abcdef0123</Index></BDBInfo>"), templates.ReasonOutOfRange, "<Index"},
		{"date", wrap("<BDBInfo><CreationDate>2026-02-30T00:00:00Z</CreationDate></BDBInfo>"), templates.ReasonOutOfRange, "<CreationDate"},
		{"date with comma", wrap("<BDBInfo><CreationDate>2026-02-20T00:00:00,5Z</CreationDate></BDBInfo>"), templates.ReasonOutOfRange, "<CreationDate"},
		{"date alone", wrap("<BDBInfo><CreationDate>2026-02-20</CreationDate></BDBInfo>"), templates.ReasonOutOfRange, "<CreationDate"},
		{"half a format", wrap("<BDBInfo><Format><Organization>257</Organization></Format></BDBInfo>"), templates.ReasonMalformed, "-"},
		{"format of the other dialect", wrap("<BDBInfo><FormatOwner>257</FormatOwner></BDBInfo>"), templates.ReasonMalformed, "<FormatOwner"},
	} {
		_, err := Decode([]byte(c.text))
		if got := decodeReason(t, []byte(c.text), err); got != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
			continue
		}
		at := len(c.text)
		if c.at == "-" {
			continue
		} else if c.at != "" {
			at = strings.Index(c.text, c.at)
		}
		var bad *templates.InputError
		if errors.As(err, &bad) && bad.Offset != at {
			t.Errorf("%s: %v, want offset %d", c.name, err, at)
		}
	}
}

// TestLongTexts: texts that the XML decoder does not see are read and refused like
// short ones, and offsets behind them are right.
func TestLongTexts(t *testing.T) {
	for _, n := range []int{minElided - 4, minElided - 1, minElided, minElided + 1, minElided + 4, 4 * minElided} {
		data := bytes.Repeat([]byte{0xff, 0, 1}, n)
		text := base64.RawURLEncoding.EncodeToString(data)[:n&^3]
		want := data[:n/4*3]
		d, err := Decode([]byte(wrap("<BIR><BIRInfo><Payload >" + text + "</Payload><Integrity>1</Integrity></BIRInfo><BDB>" + text + "</BDB><SB>\r\n" + text + "</SB></BIR>" +
			"<BDB/><SB>" + text + "</SB>")))
		if err != nil {
			t.Fatal(err)
		}
		b := d.Root.BIRs[0]
		if !bytes.Equal(b.BDB, want) || !bytes.Equal(b.SB, want) || !bytes.Equal(b.Info.Payload, want) || !bytes.Equal(d.Root.SB, want) || len(d.Root.BDB) != 0 {
			t.Errorf("%d: other bytes", n)
		}
		for _, c := range []struct {
			text string
			want templates.Reason
			at   string
		}{
			{wrap("<BDB>" + text + "*</BDB>"), templates.ReasonMalformed, "*"},
			{wrap("<BDB>*" + text + "</BDB>"), templates.ReasonMalformed, "*"},
			{wrap("<BDB>" + text + "&amp;</BDB>"), templates.ReasonMalformed, "&"},
			{wrap("<BDB>" + text + "]]></BDB>"), templates.ReasonMalformed, ""},
			{wrap("<BDB>" + text + "<!-- --></BDB>"), templates.ReasonMalformed, "<!--"},
			{wrap("<BDB>" + text + "<SB/></BDB>"), templates.ReasonMalformed, "<SB/>"},
			{wrap("<BDB>" + text + "<![CDATA[A]]></BDB>"), templates.ReasonMalformed, "<![CDATA"},
			{wrap("<BDB>" + text + "</SB>"), templates.ReasonMalformed, ""},
			{wrap("<BDB>" + text + "</BDB><BDB/>"), templates.ReasonMalformed, "<BDB/>"},
			{wrap("<BDB>" + text + "</BDB><SB>" + text + "</SB>" + text), templates.ReasonMalformed, text + "</BIR>"},
			{wrap("<Secret><BDB>" + text + "</BDB></Secret>"), templates.ReasonMalformed, "<Secret"},
			{wrap("<BDB/>" + text), templates.ReasonMalformed, text},
			{wrap("<SB/><BDB>" + text + "</BDB>"), templates.ReasonMalformed, "<BDB>"},
			{wrap("<BDB>" + text), templates.ReasonMalformed, ""},
			{wrap("<BDB>"+text+"</BDB>") + "x", templates.ReasonTrailing, "x"},
		} {
			_, err := Decode([]byte(c.text))
			var bad *templates.InputError
			if decodeReason(t, []byte(c.text), err) != c.want || !errors.As(err, &bad) {
				t.Errorf("%d: %v, want %q", n, err, c.want)
			} else if want := strings.LastIndex(c.text, c.at); c.at != "" && bad.Offset != want {
				t.Errorf("%d: %v, want offset %d", n, err, want)
			}
		}
	}
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `a%d="" `, i)
	}
	return b.String()
}

// TestEveryPrefixIsRefused, and no prefix is taken for a document.
func TestEveryPrefixIsRefused(t *testing.T) {
	data := bytes.TrimSpace(encode(t, document(DialectISO)))
	for n := range data {
		if _, err := Decode(data[:n]); decodeReason(t, data[:n], err) == "" {
			t.Fatalf("%d of %d bytes are accepted", n, len(data))
		}
	}
}

// TestErrorsHoldNoData: neither the decoder's own texts nor ours repeat a block.
func TestErrorsHoldNoData(t *testing.T) {
	const secret = "U0VDUkVU"
	for _, text := range []string{wrap("<BDB>" + secret + "*</BDB>"), wrap("<BDB>" + secret + "<" + secret + ">"), wrap("<BDB>&" + secret + ";</BDB>"),
		wrap("<" + secret + "/>"), wrap("<BDB>" + secret), wrap("<BDB " + secret + "='1'/>"), wrap(secret), wrap("<BDBInfo><Type>" + secret + "</Type></BDBInfo>")} {
		_, err := Decode([]byte(text))
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%v", err)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	chain := BIR{}
	for range MaxDepth {
		chain = BIR{BIRs: []BIR{chain}}
	}
	for _, c := range []struct {
		name   string
		change func(*Document)
		want   templates.Reason
	}{
		{"good", func(*Document) {}, ""},
		{"dialect", func(d *Document) { d.Dialect = 2 }, templates.ReasonOutOfRange},
		{"control character", func(d *Document) { d.Root.Info.Creator = "\x01" }, templates.ReasonOutOfRange},
		{"not utf 8", func(d *Document) { d.Root.Others[0].Key = "\xff" }, templates.ReasonUTF8},
		{"type", func(d *Document) { d.Root.BDBInfo.Types = []string{"Face Iris"} }, templates.ReasonOutOfRange},
		{"level", func(d *Document) { d.Root.BDBInfo.Level = "raw" }, templates.ReasonOutOfRange},
		{"date with space", func(d *Document) { d.Root.Info.CreationDate += " " }, templates.ReasonOutOfRange},
		{"score", func(d *Document) { d.Root.BDBInfo.Quality = &Quality{Score: 101} }, templates.ReasonOutOfRange},
		{"reason with score", func(d *Document) { d.Root.BDBInfo.Quality.Score = 1 }, templates.ReasonUnsupported},
		{"bias algorithm", func(d *Document) { d.Dialect = DialectBIAS }, templates.ReasonOutOfRange},
		{"large", func(d *Document) { d.Root.BDB = make([]byte, MaxDecoded+1) }, templates.ReasonOversized},
		{"many BIRs", func(d *Document) { d.Root.BIRs = make([]BIR, MaxBIRs) }, templates.ReasonOversized},
		{"deep", func(d *Document) { d.Root.BIRs = []BIR{chain} }, templates.ReasonOversized},
	} {
		d := document(DialectISO)
		c.change(d)
		if _, err := d.Encode(); reasonOf(t, err) != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	for name, change := range map[string]func(*Document){
		"device":    func(d *Document) { d.Root.BDBInfo.CaptureDevice = &Registry{"1", "2"} },
		"algorithm": func(d *Document) { d.Root.BDBInfo.Quality.Algorithm.Type = "a" },
		"no number": func(d *Document) { d.Root.SBInfo.Format = &Registry{} },
	} {
		d := document(DialectBIAS)
		change(d)
		if _, err := d.Encode(); reasonOf(t, err) != templates.ReasonUnsupported {
			t.Errorf("bias %s: %v", name, err)
		}
	}
}

// TestLargeDocument: base64 is bounded before it is decoded.
func TestLargeDocument(t *testing.T) {
	data := encode(t, &Document{Root: BIR{BDB: make([]byte, MaxDecoded)}}) // which decodes it, too
	more := bytes.Replace(data, []byte("</BDB>"), []byte("</BDB><SB>AA</SB>"), 1)
	if _, err := Decode(more); decodeReason(t, more, err) != templates.ReasonOversized {
		t.Errorf("a byte more: %v", err)
	}
	if _, err := Decode(make([]byte, MaxDocument+1)); reasonOf(t, err) != templates.ReasonOversized {
		t.Errorf("a larger document: %v", err)
	}
	for _, markup := range []string{"<a>", "<!---->"} {
		tags := []byte(strings.Repeat(markup, maxTags+1))
		if _, err := Decode(tags); decodeReason(t, tags, err) != templates.ReasonOversized {
			t.Errorf("%s: %v", markup, err)
		}
	}
}

// TestElided: both ways to read give the same.
func TestElided(t *testing.T) {
	e := func() *elided { return &elided{data: []byte("abcdefgh"), gaps: []gap{{0, 1}, {3, 5}, {7, 8}}} }
	all, err := io.ReadAll(e())
	if err != nil || string(all) != "bcfg" {
		t.Errorf("%q, %v", all, err)
	}
	single, r := "", e()
	for {
		c, err := r.ReadByte()
		if err != nil {
			break
		}
		single += string(rune(c))
	}
	if single != "bcfg" {
		t.Errorf("%q", single)
	}
}

// TestMemory: a document costs little more than its data, and one that is refused
// costs nearly nothing.
func TestMemory(t *testing.T) {
	measure := func(data []byte, want templates.Reason) uint64 {
		return cost.Allocated(1, func() {
			if _, err := Decode(data); decodeReason(t, data, err) != want {
				t.Errorf("%v, want %q", err, want)
			}
		})
	}
	const size = 4 << 20
	data := encode(t, &Document{Root: BIR{BDB: make([]byte, size)}})
	if n := measure(data, ""); n > size+64<<10 {
		t.Errorf("%d bytes allocated for a block of %d", n, size)
	}
	for name, c := range map[string]struct {
		text string
		want templates.Reason
	}{
		"attributes": {wrap("<BDB " + strings.Repeat(`a=""`+" ", size/5) + "/>"), templates.ReasonOversized},
		"text":       {wrap("<SB>" + strings.Repeat("*", size) + "</SB>"), templates.ReasonMalformed},
		"tags":       {wrap(strings.Repeat("<SB>", maxTags/2)), templates.ReasonMalformed},
		"comment":    {wrap("<!--"), templates.ReasonTruncated},
	} {
		if n := measure([]byte(c.text), c.want); n > 64<<10 {
			t.Errorf("%s: %d bytes allocated for %d that are refused", name, n, len(c.text))
		}
	}
}

func TestSniff(t *testing.T) {
	for text, want := range map[string]templates.Format{
		wrap(""):                             templates.FormatCBEFF,
		bom + "<!-- a -->" + wrap(""):        templates.FormatCBEFF,
		"<BIR/>":                             templates.FormatUnknown,
		"<html>" + wrap(""):                  templates.FormatUnknown,
		"":                                   templates.FormatUnknown,
		strings.Repeat(" ", 4096) + wrap(""): templates.FormatUnknown,
	} {
		if got := Sniff([]byte(text)); got != want {
			t.Errorf("%.40q: %v, want %v", text, got, want)
		}
	}
}

func seeds(t testing.TB) [][]byte {
	out := [][]byte{encode(t, document(DialectISO)), encode(t, document(DialectBIAS)), []byte(wrap("")), nil,
		[]byte(wrap(`<others><entry key="A"><![CDATA[<&]]>x</entry></others><Others><Key>B</Key><Value>&#x9;</Value></Others>`)),
		[]byte(`<!DOCTYPE a>` + wrap("")), []byte(wrap("<BDB>AA=</BDB>")), []byte(wrap("") + wrap(""))}
	d, err := New(samples())
	if err != nil {
		t.Fatal(err)
	}
	return append(out, encode(t, d))
}

func TestFuzzSeeds(t *testing.T) {
	good := 0
	all := seeds(t)
	for _, s := range all {
		if _, err := Decode(s); err == nil {
			good++
		}
	}
	if good != 5 || len(all) != 9 {
		t.Errorf("%d seeds, %d good; want 9 and 5", len(all), good)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var d *Document
		var err error
		cost.Bounded(t, 64*len(data), func() { d, err = Decode(data) })
		if err != nil {
			_, again := Decode(data)
			if decodeReason(t, data, err) == "" || again.Error() != err.Error() {
				t.Fatalf("%v, then %v", err, again)
			}
			return
		}
		out := encode(t, d)
		again, err := Decode(out)
		if err != nil || !same(again, d) {
			t.Fatalf("%+v, %v; want %+v", again, err, d)
		}
		if twice := encode(t, again); !bytes.Equal(twice, out) {
			t.Fatalf("%s\nthen\n%s", out, twice)
		}
		samples, err := d.Samples()
		size := 0
		for i := range samples {
			size += len(samples[i].Data)
			if s := &samples[i]; s.Usable() && s.Format == templates.FormatUnknown {
				t.Fatalf("%s: usable without a format", s.Path)
			}
		}
		if size > base64.StdEncoding.DecodedLen(len(data)) {
			t.Fatalf("%d bytes of data in %d", size, len(data))
		}
		if err != nil {
			decodeReason(t, data, err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	data := encode(b, &Document{Root: BIR{BIRs: []BIR{{BDB: make([]byte, 100<<10)}, {BDB: make([]byte, 100<<10)}}}})
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}
