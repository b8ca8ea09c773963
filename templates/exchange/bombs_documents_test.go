package exchange

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"immis/templates"
	"immis/templates/ansinist"
	"immis/templates/cbeff"
)

const (
	cbeffOpen  = `<BIR xmlns="http://standards.iso.org/iso-iec/19785/-3/ed-2/"><BIRInfo><Integrity>false</Integrity></BIRInfo>`
	cbeffClose = "</BIR>"
)

// xmlOf is a document with some content in its root.
func xmlOf(content string) []byte { return []byte(cbeffOpen + content + cbeffClose) }

// birOf is a BIR of a finger image record (type 7) or a minutiae record (type 2).
func birOf(kind int, info, base64Text string) string {
	return fmt.Sprintf("<BIR><BIRInfo><Integrity>false</Integrity></BIRInfo><BDBInfo><Format><Organization>257</Organization><Type>%d</Type></Format>%s<Type>Finger</Type></BDBInfo><BDB>%s</BDB></BIR>",
		kind, info, base64Text)
}

// document is a document with the same minutiae record many times.
func document(t testing.TB, n int) []byte {
	t.Helper()
	s := cbeff.Sample{Modality: templates.ModalityFinger, Position: 2, Format: templates.FormatISO19794_2_2005, Data: minutiae(t, 2), Quality: templates.Quality{Value: templates.QualityUnknown}}
	d, err := cbeff.New(slices.Repeat([]cbeff.Sample{s}, n))
	if err != nil {
		t.Fatal(err)
	}
	data, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// printRecord is a record of Type 14 with a square image.
func printRecord(width, position int, compression string, image []byte) ansinist.Record {
	r := ansinist.NewRecord(14, 0)
	for _, f := range []struct {
		number int
		value  string
	}{{3, "0"}, {4, "ORI"}, {5, "20260101"}, {6, strconv.Itoa(width)}, {7, strconv.Itoa(len(image) / max(width, 1))}, {8, "1"}, {9, "500"}, {10, "500"}, {11, compression}, {12, "8"}, {13, strconv.Itoa(position)}} {
		r.Set(f.number, f.value)
	}
	if compression != "NONE" {
		r.Set(7, strconv.Itoa(width))
	}
	r.Image = image
	return r
}

func transaction(t testing.TB, records ...ansinist.Record) []byte {
	t.Helper()
	one := ansinist.NewRecord(1, 0)
	for _, f := range []struct {
		number int
		value  string
	}{{4, "TST"}, {5, "20260101"}, {7, "DST"}, {8, "ORI"}, {9, "1"}, {11, "00.00"}, {12, "00.00"}} {
		one.Set(f.number, f.value)
	}
	for i := range records {
		if records[i].Header == nil {
			records[i].Set(2, fmt.Sprintf("%02d", i%100))
		}
		records[i].IDC = i % 100
	}
	x := ansinist.Transaction{Records: append([]ansinist.Record{one}, records...)}
	data, err := x.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// replaced changes the first match of an expression.
func replaced(data []byte, expression, by string) []byte {
	m := regexp.MustCompile(expression).FindIndex(data)
	if m == nil {
		return nil
	}
	return slices.Concat(data[:m[0]], []byte(by), data[m[1]:])
}

func documentBombs() []bomb {
	const xml, itl = templates.FormatCBEFF, templates.FormatANSINIST
	text := func(f func() string) func(testing.TB) []byte { return func(testing.TB) []byte { return []byte(f()) } }
	rep := strings.Repeat
	good := func(t testing.TB) []byte { return transaction(t, printRecord(8, 2, "NONE", make([]byte, 16))) }
	with := func(expression, by string) func(testing.TB) []byte {
		return func(t testing.TB) []byte { return replaced(good(t), expression, by) }
	}
	laughs := func() string {
		var b strings.Builder
		b.WriteString(`<?xml version="1.0"?><!DOCTYPE BIR [<!ENTITY l0 "ha">`)
		for i := range 30 {
			fmt.Fprintf(&b, `<!ENTITY l%d "%s">`, i+1, rep(fmt.Sprintf("&l%d;", i), 10))
		}
		return b.String() + "]>" + cbeffOpen + "<BDB>&l30;</BDB>" + cbeffClose
	}
	// deep nests BIRs with all that the schema wants.
	deep := func(n int) string {
		return cbeffOpen + rep("<BIR><BIRInfo><Integrity>false</Integrity></BIRInfo>", n) + rep("</BIR>", n) + cbeffClose
	}
	zeros := func() string {
		return base64.StdEncoding.EncodeToString(pngFile(6144, 4096, chunk("IDAT", deflated(make([]byte, 6145*4096)))))
	}
	return []bomb{
		{"100,000 BIRs deep", xml, "OVERSIZED MALFORMED OUT_OF_RANGE", text(func() string { return deep(100_000) })},
		{"a million open tags", xml, "OVERSIZED MALFORMED", text(func() string { return rep("<BIR>", 1_000_000) })},
		{"billion laughs", xml, "MALFORMED", text(laughs)},
		{"entity of a file", xml, "MALFORMED", text(func() string {
			return `<!DOCTYPE BIR [<!ENTITY x SYSTEM "file:///etc/hostname">]>` + cbeffOpen + "<BDB>&x;</BDB>" + cbeffClose
		})},
		{"entity that nobody defined", xml, "MALFORMED", text(func() string { return cbeffOpen + "<BDB>&lol;</BDB>" + cbeffClose })},
		{"a million attributes", xml, "OVERSIZED", text(func() string {
			var b strings.Builder
			b.WriteString("<BIR ")
			for i := range 1_000_000 {
				fmt.Fprintf(&b, `a%d="" `, i)
			}
			return b.String() + "/>"
		})},
		{"500 name spaces", xml, "OVERSIZED MALFORMED", text(func() string {
			var b strings.Builder
			for i := range 500 {
				fmt.Fprintf(&b, ` xmlns:a%d="b"`, i)
			}
			return strings.Replace(cbeffOpen, "<BIR", "<BIR"+b.String(), 1) + cbeffClose
		})},
		{"100,000 BIRs", xml, "OVERSIZED", text(func() string { return string(xmlOf(rep(birOf(2, "", "AAAA"), 100_000)[:MaxSize-1000])) })},
		{"100,000 small BIRs", xml, "MALFORMED", text(func() string { return cbeffOpen + rep("<BIR/>", 100_000) + cbeffClose })},
		{"100,000 others", xml, "OVERSIZED", text(func() string {
			return cbeffOpen + "<others>" + rep(`<entry key="a">b</entry>`, 100_000) + "</others>" + cbeffClose
		})},
		{"16 MiB of key", xml, "OVERSIZED", text(func() string {
			return cbeffOpen + `<others><entry key="` + rep("k", 15<<20) + `">b</entry></others>` + cbeffClose
		})},
		{"16 MiB of text", xml, "OVERSIZED", text(func() string {
			return strings.Replace(cbeffOpen, "<Integrity>", "<Creator>"+rep("t", 15<<20)+"</Creator><Integrity>", 1) + cbeffClose
		})},
		{"16 MiB of value", xml, "OVERSIZED", text(func() string {
			return cbeffOpen + `<others><entry key="k">` + rep("t", 15<<20) + `</entry></others>` + cbeffClose
		})},
		{"a million comments", xml, "OVERSIZED", text(func() string { return cbeffOpen + rep("<!---->", 1_000_000) + cbeffClose })},
		{"16 MiB of comment", xml, "OVERSIZED", text(func() string { return cbeffOpen + "<!--" + rep("c", 15<<20) + "-->" + cbeffClose })},
		{"a million CDATA", xml, "OVERSIZED", text(func() string { return cbeffOpen + "<BDB>" + rep("<![CDATA[A]]>", 1_000_000) + "</BDB>" + cbeffClose })},
		{"base64 of 15 MiB that ends wrongly", xml, "MALFORMED", text(func() string { return string(xmlOf(birOf(7, "", rep("A", 15<<20)+"!"))) })},
		{"base64 of 15 MiB of padding", xml, "MALFORMED", text(func() string { return string(xmlOf(birOf(7, "", rep("=", 15<<20)))) })},
		{"base64 of 15 MiB of spaces", xml, "MALFORMED NO_BIOMETRIC_DATA", text(func() string { return string(xmlOf(birOf(7, "", rep(" ", 15<<20)))) })},
		{"base64 that is padded twice", xml, "MALFORMED", text(func() string { return string(xmlOf(birOf(7, "", "RklSADAyMAA==="))) })},
		{"base64 of zeros", xml, "MALFORMED", text(func() string { return string(xmlOf(birOf(7, "", rep("A", 15<<20)))) })},
		{"15 MiB of character references", xml, "MALFORMED OVERSIZED", text(func() string { return string(xmlOf(birOf(7, "", rep("&#65;", 3<<20)))) })},
		{"empty BIR", xml, "NO_BIOMETRIC_DATA", text(func() string { return string(xmlOf(birOf(7, "", ""))) })},
		{"no BIR", xml, "NO_BIOMETRIC_DATA MALFORMED", text(func() string { return string(xmlOf("")) })},
		{"encrypted BIR", xml, "ENCRYPTED", text(func() string { return string(xmlOf(birOf(7, "<Encryption>true</Encryption>", "RklSADAyMAA="))) })},
		{"UTF-16", xml, "MALFORMED INVALID_UTF8", text(func() string { return "\xff\xfe<\x00B\x00I\x00R\x00" })},
		{"UTF-7 by declaration", xml, "MALFORMED", text(func() string { return `<?xml version="1.0" encoding="UTF-7"?>` + cbeffOpen + cbeffClose })},
		{"tag without an end", xml, "TRUNCATED OVERSIZED", text(func() string { return cbeffOpen + "<" + rep("a", 15<<20) })},
		{"256 minutiae records", xml, " OVERSIZED", func(t testing.TB) []byte { return document(t, 255) }},
		{"a PNG under the name of a record", xml, "MALFORMED UNSUPPORTED", text(func() string { return string(xmlOf(birOf(7, "", zeros()))) })},
		{"two documents", xml, "MALFORMED", func(t testing.TB) []byte { return slices.Repeat(document(t, 1), 2) }}, // a declaration in the middle
		{"two root elements", xml, "TRAILING_BYTES", text(func() string { return rep(string(xmlOf(birOf(7, "", ""))), 2) })},

		{"LEN of 20 digits", itl, "OUT_OF_RANGE MALFORMED", with(`^1\.001:\d+`, "1.001:99999999999999999999")},
		{"LEN of 2^32-1", itl, "TRUNCATED OUT_OF_RANGE MALFORMED", with(`^1\.001:\d+`, "1.001:4294967295")},
		{"LEN of 2^64+10", itl, "OUT_OF_RANGE MALFORMED", with(`^1\.001:\d+`, "1.001:18446744073709551626")},
		{"LEN of 0", itl, "MALFORMED WRONG_LENGTH OUT_OF_RANGE", with(`^1\.001:\d+`, "1.001:0")},
		{"LEN of Type 14 overflows", itl, "OUT_OF_RANGE MALFORMED", with(`14\.001:\d+`, "14.001:18446744073709551615")},
		{"LEN of Type 14 is too large", itl, "TRUNCATED", with(`14\.001:\d+`, "14.001:999999999")},
		{"LEN of digits without end", itl, "OUT_OF_RANGE MALFORMED TRUNCATED", with(`^1\.001:\d+`, "1.001:"+rep("9", 1_000_000))},
		{"tag of digits without end", itl, "WRONG_MAGIC OUT_OF_RANGE MALFORMED TRUNCATED WRONG_LENGTH", with(`^1\.001`, "1."+rep("0", 1_000_000)+"1")},
		{"CNT of a million", itl, "any", func(t testing.TB) []byte { return relengthed(replaced(good(t), `1\.003:1\x1f1`, "1.003:1\x1f1000000")) }},
		{"CNT lists a million", itl, "OVERSIZED", func(t testing.TB) []byte {
			return relengthed(replaced(good(t), `1\.003:1\x1f1`, "1.003:1\x1f1000000"+rep("\x1e14\x1f00", 999_999)))
		}},
		{"CNT lists 999", itl, "TRUNCATED", func(t testing.TB) []byte {
			return relengthed(replaced(good(t), `1\.003:1\x1f1`, "1.003:1\x1f999"+rep("\x1e14\x1f00", 998)))
		}},
		{"a million items", itl, "OVERSIZED", func(t testing.TB) []byte {
			return relengthed(replaced(good(t), `1\.004:TST`, "1.004:TST"+rep("\x1f", 1_000_000)))
		}},
		{"a million subfields", itl, "OVERSIZED", func(t testing.TB) []byte {
			return relengthed(replaced(good(t), `1\.004:TST`, "1.004:TST"+rep("\x1e", 1_000_000)))
		}},
		{"99,000 items in each of 10 records", itl, "any", func(t testing.TB) []byte {
			var all []ansinist.Record
			for range 10 {
				r := ansinist.NewRecord(2, 0)
				r.Set(3, rep("\x1f", 98_000))
				all = append(all, r)
			}
			return transaction(t, all...)
		}},
		{"Type 4 of 2^32-1", itl, "TRUNCATED OUT_OF_RANGE WRONG_LENGTH", func(t testing.TB) []byte { return typeFour(t, func(b []byte) { copy(b, "\xff\xff\xff\xff") }) }},
		{"Type 4 of 0", itl, "WRONG_LENGTH OUT_OF_RANGE MALFORMED", func(t testing.TB) []byte { return typeFour(t, func(b []byte) { copy(b, "\x00\x00\x00\x00") }) }},
		{"Type 4 of 64k x 64k pixels", itl, "WRONG_LENGTH TRUNCATED MALFORMED OVERSIZED", func(t testing.TB) []byte { return typeFour(t, func(b []byte) { copy(b[13:], "\xff\xff\xff\xff") }) }},
		{"Type 14 of 32k x 32k pixels", itl, "WRONG_LENGTH TRUNCATED OVERSIZED MALFORMED", func(t testing.TB) []byte {
			return relengthed(replaced(replaced(good(t), `14\.006:8`, "14.006:32768"), `14\.007:2`, "14.007:32768"))
		}},
		{"Type 14 of a PNG of 32k x 32k", itl, "OVERSIZED", func(t testing.TB) []byte {
			return transaction(t, printRecord(32768, 2, "PNG", pngFile(32768, 32768, chunk("IDAT", deflated(nil)))))
		}},
		{"Type 14 of a WSQ that is a PNG", itl, "WRONG_MAGIC MALFORMED", func(t testing.TB) []byte {
			return transaction(t, printRecord(1, 2, "WSQ20", pngFile(1, 1, chunk("IDAT", deflated([]byte{0, 0})))))
		}},
		{"Type 14 of 500 ppi, the PNG of 1000", itl, "", func(t testing.TB) []byte {
			return transaction(t, printRecord(1, 2, "PNG", pngFile(1, 1, chunk("pHYs", []byte{0, 0, 0x99, 0xca, 0, 0, 0x99, 0xca, 1}), chunk("IDAT", deflated([]byte{0, 0})))))
		}},
		{"999 records of nothing", itl, "any", func(t testing.TB) []byte {
			return transaction(t, slices.Repeat([]ansinist.Record{ansinist.NewRecord(2, 0)}, 999)...)
		}},
		{"15 Mi pixels of 1 bit", itl, "", func(t testing.TB) []byte {
			r := printRecord(3840, 2, "NONE", make([]byte, 480*4096))
			r.Set(7, "4096")
			r.Set(12, "1")
			return transaction(t, r)
		}},
		{"12 Mi pixels without compression", itl, "", func(t testing.TB) []byte {
			return transaction(t, printRecord(4096, 2, "NONE", make([]byte, 3072*4096)))
		}},
		{"5 images of 24 Mi pixels of 1 bit", itl, "OVERSIZED", func(t testing.TB) []byte {
			var all []ansinist.Record
			for range 5 {
				r := printRecord(6144, 2, "NONE", make([]byte, 6144/8*4096))
				r.Set(7, "4096")
				r.Set(12, "1")
				all = append(all, r)
			}
			return transaction(t, all...)
		}},
		{"two transactions", itl, "TRAILING_BYTES", func(t testing.TB) []byte { return slices.Repeat(good(t), 2) }},
		{"separators only", itl, "MALFORMED TRUNCATED WRONG_LENGTH", text(func() string { return "1.001:1000000\x1d" + rep("\x1d\x1e\x1f\x1c", 250_000) })},
	}
}

// relengthed corrects LEN of the first record, whose end is the first FS.
func relengthed(data []byte) []byte {
	end := bytes.IndexByte(data, 0x1c) + 1
	was := regexp.MustCompile(`^1\.001:\d+`).Find(data)
	if was == nil || end == 0 {
		return data
	}
	body := end - len(was)
	n := body + len("1.001:")
	for n != body+len("1.001:")+len(strconv.Itoa(n)) {
		n = body + len("1.001:") + len(strconv.Itoa(n))
	}
	return slices.Concat(fmt.Appendf(nil, "1.001:%d", n), data[len(was):])
}

// typeFour is a transaction with an image of Type 4, whose bytes are changed.
func typeFour(t testing.TB, change func(record []byte)) []byte {
	t.Helper()
	r := ansinist.NewRecord(4, 0)
	r.Header.Positions[0], r.Header.Width, r.Header.Height = 2, 8, 2
	r.Image = make([]byte, 16)
	data := transaction(t, r)
	change(data[bytes.IndexByte(data, 0x1c)+1:])
	return data
}
