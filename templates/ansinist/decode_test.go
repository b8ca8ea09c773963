package ansinist

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"immis/internal/cost"
	"immis/templates"
)

// wire replaces readable separators: | is GS, ^ RS, ~ US, $ FS; a length written
// as # in the first field becomes true.
func wire(text string) []byte {
	text = strings.NewReplacer("|", "\x1d", "^", "\x1e", "~", "\x1f", "$", "\x1c").Replace(text)
	var out []byte
	for _, record := range strings.SplitAfter(text, "\x1c") {
		if i := strings.IndexByte(record, '#'); i >= 0 {
			n := len(record) - 1
			for digits := 1; ; digits++ {
				if s := fmt.Sprint(n + digits); len(s) <= digits {
					record = record[:i] + s + record[i+1:]
					break
				}
			}
		}
		out = append(out, record...)
	}
	return out
}

const head = "1.001:#|1.002:0500|1.003:1~1^2~00$"

// badInput are transactions and why they are refused.
var badInput = []struct {
	name, text string
	want       templates.Reason
	offset     int // templates.NoOffset where it is not looked at
}{
	{"empty", "", templates.ReasonEmpty, 0},
	{"other bytes", "FMR ", templates.ReasonWrongMagic, 0},
	{"a Type-2 record", "2.001:#|2.002:00$", templates.ReasonWrongMagic, 0},
	{"XML", "<?xml version", templates.ReasonWrongMagic, 0},
	{"cut in the tag", "1.0", templates.ReasonTruncated, 0},
	{"cut in the length", "1.001:1", templates.ReasonTruncated, 0},
	{"no length", "1.001:|1.002:0500$", templates.ReasonMalformed, 0},
	{"length in letters", "1.001:x|1.002:0500$", templates.ReasonMalformed, 0},
	{"negative length", "1.001:-1|1.002:0500$", templates.ReasonMalformed, 0},
	{"ten digits of length", "1.001:0000000045|1.002:0500|1.003:1~0$", templates.ReasonMalformed, 0},
	{"length beyond the end", "1.001:99|1.002:0500|1.003:1~0$", templates.ReasonTruncated, 0},
	{"huge length", "1.001:999999999|1.002:0500|1.003:1~0$", templates.ReasonTruncated, 0},
	{"length within the length", "1.001:3|1.002:0500|1.003:1~0$", templates.ReasonWrongLength, 0},
	{"length too short", "1.001:20|1.002:0500|1.003:1~0$", templates.ReasonWrongLength, 19},
	{"length in front of the next record", "1.001:31|1.002:0500|1.003:1~0$2", templates.ReasonWrongLength, 30},
	{"RS after the length", "1.001:30^1.002:0500|1.003:1~0$", templates.ReasonMalformed, 0},
	{"only a length", "1.001:#$", templates.ReasonMalformed, 0},
	{"no version", "1.001:#|1.003:1~0$", templates.ReasonMalformed, 0},
	{"version in letters", "1.001:#|1.002:05OO|1.003:1~0$", templates.ReasonWrongVersion, 9},
	{"version of three digits", "1.001:#|1.002:500|1.003:1~0$", templates.ReasonWrongVersion, 9},
	{"old version", "1.001:#|1.002:0199|1.003:1~0$", templates.ReasonWrongVersion, 9},
	{"new version", "1.001:#|1.002:0503|1.003:1~0$", templates.ReasonWrongVersion, 9},
	{"no contents", "1.001:#|1.002:0500$", templates.ReasonMalformed, 0},
	{"contents are empty", "1.001:#|1.002:0500|1.003:$", templates.ReasonMalformed, 20},
	{"contents of one item", "1.001:#|1.002:0500|1.003:1$", templates.ReasonMalformed, 20},
	{"contents start with another type", "1.001:#|1.002:0500|1.003:2~0$", templates.ReasonMalformed, 20},
	{"contents count too many", "1.001:#|1.002:0500|1.003:1~2^2~00$2.001:#|2.002:00$", templates.ReasonMalformed, 20},
	{"contents count too few", "1.001:#|1.002:0500|1.003:1~0^2~00$2.001:#|2.002:00$", templates.ReasonMalformed, 20},
	{"contents with three items", "1.001:#|1.002:0500|1.003:1~1^2~00~1$2.001:#|2.002:00$", templates.ReasonMalformed, 20},
	{"contents with an own record", "1.001:#|1.002:0500|1.003:1~1^1~00$1.001:#$", templates.ReasonOutOfRange, 20},
	{"contents with type 0", "1.001:#|1.002:0500|1.003:1~1^0~00$", templates.ReasonOutOfRange, 20},
	{"contents with type 100", "1.001:#|1.002:0500|1.003:1~1^100~00$", templates.ReasonOutOfRange, 20},
	{"contents with IDC 100", "1.001:#|1.002:0500|1.003:1~1^2~100$", templates.ReasonOutOfRange, 20},
	{"too many records", "1.001:#|1.002:0500|1.003:1~1000" + strings.Repeat("^2~0", 1000) + "$", templates.ReasonOversized, templates.NoOffset},
	{"announced record is missing", head, templates.ReasonTruncated, templates.NoOffset},
	{"another type", head + "3.001:#|3.002:00$", templates.ReasonMalformed, 35},
	{"another IDC", head + "2.001:#|2.002:01$", templates.ReasonMalformed, 35},
	{"no IDC", head + "2.001:#|2.003:00$", templates.ReasonMalformed, 35},
	{"IDC late", head + "2.001:#|2.003:x|2.002:00$", templates.ReasonMalformed, 35},
	{"IDC in letters", head + "2.001:#|2.002:A$", templates.ReasonOutOfRange, 44},
	{"IDC of three digits", head + "2.001:#|2.002:100$", templates.ReasonOutOfRange, 44},
	{"IDC is empty", head + "2.001:#|2.002:$", templates.ReasonOutOfRange, 44},
	{"first field is another", head + "2.002:00|2.001:#$", templates.ReasonMalformed, 35},
	{"length twice", head + "2.001:#|2.002:00|2.001:30$", templates.ReasonMalformed, 53},
	{"IDC twice", head + "2.001:#|2.002:00|2.002:00$", templates.ReasonMalformed, 53},
	{"contents twice", "1.001:#|1.002:0500|1.003:1~0|1.003:1~0$", templates.ReasonMalformed, 30},
	{"field twice", "1.001:#|1.002:0500|1.003:1~1^9~00$9.001:#|9.002:00|9.006:1|9.006:2$", templates.ReasonMalformed, 61},
	{"no tag", head + "2.001:#|2.002:00|free text$", templates.ReasonMalformed, 53},
	{"empty field", head + "2.001:#|2.002:00||2.003:x$", templates.ReasonMalformed, 53},
	{"GS before FS", head + "2.001:#|2.002:00|$", templates.ReasonMalformed, 52},
	{"tag without a colon", head + "2.001:#|2.002:00|2.003$", templates.ReasonMalformed, 53},
	{"tag of ten digits", head + "2.001:#|2.002:00|2.0000000003:x$", templates.ReasonMalformed, 53},
	{"field 0", head + "2.001:#|2.002:00|2.000:x$", templates.ReasonMalformed, 53},
	{"tag with a leading zero", head + "2.001:#|2.002:00|02.003:x$", templates.ReasonMalformed, 53},
	{"tag of another type", head + "2.001:#|2.002:00|3.003:x$", templates.ReasonMalformed, 53},
	{"FS inside", head + "2.001:27|2.002:00|2.003:$x$", templates.ReasonMalformed, templates.NoOffset},
	{"image with a tag of four digits", "1.001:#|1.002:0500|1.003:1~1^10~00$10.001:#|10.002:00|10.0999:x$", templates.ReasonMalformed, 56},
	{"trailing byte", head + "2.001:#|2.002:00$x", templates.ReasonTrailing, 53},
	{"trailing separator", head + "2.001:#|2.002:00$$", templates.ReasonTrailing, 53},
	{"second transaction", head + "2.001:#|2.002:00$1.001:#|1.002:0500|1.003:1~0$", templates.ReasonTrailing, 53},
	{"binary length is text", "1.001:#|1.002:0500|1.003:1~1^4~00$4.001:#|4.002:00$", templates.ReasonTruncated, 35},
	{"binary record is short", "1.001:#|1.002:0500|1.003:1~1^4~00$\x00\x00\x00\x12", templates.ReasonTruncated, 35},
	{"binary length below the header", "1.001:#|1.002:0500|1.003:1~1^4~00$\x00\x00\x00\x1100000000000000", templates.ReasonWrongLength, 35},
	{"binary length beyond the end", "1.001:#|1.002:0500|1.003:1~1^4~00$\xff\xff\xff\xff00000000000000", templates.ReasonTruncated, 35},
	{"binary IDC", "1.001:#|1.002:0500|1.003:1~1^7~00$\x00\x00\x00\x05\x64", templates.ReasonOutOfRange, 39},
	{"another binary IDC", "1.001:#|1.002:0500|1.003:1~1^7~00$\x00\x00\x00\x05\x01", templates.ReasonMalformed, 35},
	{"signature is short", "1.001:#|1.002:0500|1.003:1~1^8~00$\x00\x00\x00\x0b\x0000000000", templates.ReasonWrongLength, 35},
	{"not UTF-8", "1.001:#|1.002:0500|1.003:1~1^2~00|1.015:003~UTF-8$2.001:#|2.002:00|2.018:\xd0$", templates.ReasonUTF8, templates.NoOffset},
	{"UTF-16", "1.001:#|1.002:0500|1.003:1~1^2~00|1.015:002~UTF-16$2.001:#|2.002:00|2.018:\x04\x10$", templates.ReasonUnsupported, templates.NoOffset},
}

func TestBadInput(t *testing.T) {
	for _, c := range badInput {
		data := wire(c.text)
		tr, err := Decode(data)
		if got := reasonOf(t, err); got != c.want {
			t.Errorf("%s: %q (%v), want %q", c.name, got, err, c.want)
			continue
		}
		if tr != nil {
			t.Errorf("%s: a transaction beside an error", c.name)
		}
		if i := strings.LastIndex(err.Error(), "(at byte "); c.offset != templates.NoOffset && (i < 0 || err.Error()[i:] != fmt.Sprintf("(at byte %d)", c.offset)) {
			t.Errorf("%s: %v, want byte %d", c.name, err, c.offset)
		}
	}
	if tr, err := Decode(make([]byte, MaxTransaction+1)); reasonOf(t, err) != templates.ReasonOversized {
		t.Errorf("oversized: %v, %v", tr, err)
	}
}

// goodInput is unusual and accepted.
var goodInput = []string{
	"1.001:#|1.002:0500|1.003:1~0$",
	"1.01:#|1.02:0200|1.03:1~00$",
	head + "2.001:#|2.002:00|2.034:a|2.034:b$",            // Type 2 repeats what its receiver defines
	head + "2.001:#|2.002:0|2.9:|2.003:^~|2.100000000:x$", // short and long tags, empty values, order
	head + "2.001:#|2.002:00|2.999:\xd0\xff$",             // text of an undeclared character set
	"1.001:#|1.002:0502|1.003:1~2^2~5^2~5$" + strings.Repeat("2.001:#|2.002:5$", 2),
	"1.001:#|1.002:0500|1.003:1~1^10~00$10.001:#|10.002:00|10.999:$",
	"1.001:#|1.002:0500|1.003:1~1^7~00$\x00\x00\x00\x05\x00",
	"1.001:#|1.002:0500|1.003:1~1^2~00|1.015:002~UTF-16$2.001:#|2.002:00|2.018:BBA=$",
	"1.001:#|1.002:0500|1.003:1~1^2~00|1.015:003~UTF-8$2.001:#|2.002:00|2.018:\xd0\x86$",
}

func TestGoodInput(t *testing.T) {
	for _, text := range goodInput {
		data := wire(text)
		tr, err := Decode(data)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if again := encode(t, tr); !bytes.Equal(again, data) {
			t.Errorf("%q became %q", data, again)
		}
	}
}

// TestTolerance: each deviation is refused without its own flag, found, and
// written back.
func TestTolerance(t *testing.T) {
	for text, allow := range map[string]Tolerance{
		head + "2.001:#|2.002:01$":                               TolerateIDC,
		"1.001:#|1.002:0500|1.003:1~1^7~00$\x00\x00\x00\x05\x01": TolerateIDC,
		head + "2.001:#|2.002:00|13.005:x|13.005:x|2.003:y$":     TolerateForeignTags,
	} {
		data := wire(text)
		if _, err := DecodeTolerant(data, allTolerances&^allow); reasonOf(t, err) != templates.ReasonMalformed {
			t.Errorf("%q: accepted without its flag: %v", text, err)
		}
		tr, err := DecodeTolerant(data, allTolerances)
		if err != nil || tr.Deviations != allow {
			t.Errorf("%q: %v, %v", text, tr, err)
			continue
		}
		if again := encode(t, tr); !bytes.Equal(again, data) {
			t.Errorf("%q became %q", data, again)
		}
		if tr.Records[1].Field(5) != nil {
			t.Errorf("%q: a foreign field is seen", text)
		}
	}
}

// TestEveryPrefixIsRefused: a transaction that is cut anywhere is truncated.
func TestEveryPrefixIsRefused(t *testing.T) {
	data := encode(t, full())
	for n := range data {
		for _, allow := range []Tolerance{0, allTolerances} {
			_, err := DecodeTolerant(data[:n], allow)
			want := templates.ReasonTruncated
			if n == 0 {
				want = templates.ReasonEmpty
			}
			if got := reasonOf(t, err); got != want {
				t.Fatalf("%d of %d bytes: %q (%v), want %q", n, len(data), got, err, want)
			}
		}
	}
}

// TestEveryByteCounts: a change of any byte is refused or shows in what is
// written back; the views never panic on what is accepted.
func TestEveryByteCounts(t *testing.T) {
	data := encode(t, full())
	accepted := 0
	for i := range data {
		for _, change := range []byte{1, 2, 4, 8, 16, 32, 64, 128, 255, data[i] ^ separatorGroup, data[i] ^ separatorUnit, data[i] ^ separatorRecord} {
			if change == 0 {
				continue
			}
			mutated := bytes.Clone(data)
			mutated[i] ^= change
			tr, err := DecodeTolerant(mutated, allTolerances)
			if err != nil {
				reasonOf(t, err)
				continue
			}
			accepted++
			checkViews(t, tr)
			if !bytes.Equal(encode(t, tr), mutated) {
				t.Fatalf("byte %d changed by %02x: written back differently", i, change)
			}
		}
	}
	if accepted == 0 {
		t.Error("no change was accepted: the test compares nothing")
	}
}

// checkViews asks every view of a transaction and checks what they promise.
func checkViews(t testing.TB, tr *Transaction) {
	t.Helper()
	for i := range tr.Records {
		s, err := tr.Sample(i)
		reasonOf(t, err)
		if s != nil {
			if s.Raw && s.Bits > 1 && len(s.Data) != (s.Width*s.Bits+7)/8*s.Height {
				t.Fatalf("record %d: %d bytes of pixels", i+1, len(s.Data))
			}
			for _, g := range s.Segments {
				if g.Left < 0 || g.Left > g.Right || g.Right > s.Width || g.Top < 0 || g.Top > g.Bottom || g.Bottom > s.Height {
					t.Fatalf("record %d: segment outside the image", i+1)
				}
			}
			if err := templates.CheckPosition("position", s.Position); err != nil {
				t.Fatal(err)
			}
		}
		if tr.Records[i].Type != 9 {
			continue
		}
		f, err := tr.Finger(i)
		if reasonOf(t, err); err == nil && f.Validate() != nil {
			t.Fatalf("record %d gives no normal form: %v", i+1, f.Validate())
		}
	}
}

// TestDecodeMemory: what claims much and brings little costs no more than its
// error; what is good costs no copy of an image.
func TestDecodeMemory(t *testing.T) {
	many := wire("1.001:#|1.002:0500|1.003:1~1^2~00$2.001:#|2.002:00" + strings.Repeat("|2.3:", MaxItems) + "$")
	items := wire("1.001:#|1.002:0500|1.003:1~1^2~00$2.001:#|2.002:00|2.003:" + strings.Repeat("~", MaxItems) + "$")
	all := wire("1.001:#|1.002:0500|1.003:1~12" + strings.Repeat("^2~00", 12) + "$" + strings.Repeat("2.001:#|2.002:00|2.003:"+strings.Repeat("^", 90_000)+"$", 12))
	big := full()
	big.Records[9].Image = make([]byte, 8<<20)
	for name, c := range map[string]struct {
		data []byte
		want templates.Reason
		max  uint64
	}{
		"length":   {wire("1.001:999999999|1.002:0500$"), templates.ReasonTruncated, 4096},
		"binary":   {wire("1.001:#|1.002:0500|1.003:1~1^4~00$\xff\xff\xff\xff00000000000000"), templates.ReasonTruncated, 8192},
		"contents": {wire("1.001:#|1.002:0500|1.003:1~999" + strings.Repeat("^4~0", 999) + "$"), templates.ReasonTruncated, 512 << 10},
		"fields":   {many, templates.ReasonOversized, 16384},
		"items":    {items, templates.ReasonOversized, 16384},
		"all":      {all, templates.ReasonOversized, 32768},
		"image":    {encode(t, big), "", 65536},
	} {
		got := cost.Allocated(20, func() {
			if _, err := Decode(c.data); reasonOf(t, err) != c.want {
				t.Fatalf("%s: %v, want %q", name, err, c.want)
			}
		})
		if got > c.max {
			t.Errorf("%s: %d bytes allocated for %d bytes of input, want <= %d", name, got, len(c.data), c.max)
		}
	}
}

// seeds are the transactions that fuzzing starts from.
func seeds(t testing.TB) [][]byte {
	out := [][]byte{encode(t, full())}
	for _, text := range goodInput {
		out = append(out, wire(text))
	}
	for _, c := range badInput {
		if data := wire(c.text); len(data) < 4096 {
			out = append(out, data)
		}
	}
	return out
}

func FuzzDecode(f *testing.F) {
	for _, data := range seeds(f) {
		f.Add(data, uint8(0))
		f.Add(data, uint8(allTolerances))
	}
	f.Fuzz(func(t *testing.T, data []byte, allow uint8) {
		var tr *Transaction
		var err error
		cost.Bounded(t, 64*len(data), func() { tr, err = DecodeTolerant(data, Tolerance(allow)) })
		again, errAgain := DecodeTolerant(data, Tolerance(allow))
		if fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Fatalf("first %v, then %v", err, errAgain)
		}
		if err != nil {
			reasonOf(t, err)
			return
		}
		if len(tr.Records) > MaxRecords || len(again.Records) != len(tr.Records) {
			t.Fatalf("%d records, then %d", len(tr.Records), len(again.Records))
		}
		if tr.Deviations&^Tolerance(allow) != 0 {
			t.Fatalf("deviations %d, allowed %d", tr.Deviations, allow)
		}
		if written := encode(t, tr); !bytes.Equal(written, data) {
			t.Fatalf("written back as %q, want %q", written, data)
		}
		checkViews(t, tr)
	})
}

// TestFuzzSeeds: a fuzz target without seeds finds little and looks the same.
func TestFuzzSeeds(t *testing.T) {
	good, bad := 0, 0
	for _, data := range seeds(t) {
		if _, err := Decode(data); err == nil {
			good++
		} else {
			bad++
		}
	}
	if good < 10 || bad < 50 {
		t.Errorf("%d good and %d bad seeds, want >= 10 and >= 50", good, bad)
	}
}

func BenchmarkDecode(b *testing.B) {
	tr := full()
	tr.Records[9].Image = make([]byte, 1<<20)
	data := encode(b, tr)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		tr, err := Decode(data)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := tr.Samples(); err != nil {
			b.Fatal(err)
		}
	}
}
