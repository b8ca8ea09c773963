package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	immisv1 "immis/api/immis/v1"
	"immis/templates"
)

// The walk gives the same order whatever number of names it holds at a time.
func TestWalkInOrder(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for _, d := range []string{"", "a/", "a/z/", "b/"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
		for i := range 23 {
			name := fmt.Sprintf("%s%02d.fmr", d, i*7%23)
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 23 {
			want = append(want, fmt.Sprintf("%s%02d.fmr", d, i))
		}
	}
	if err := os.Symlink("/etc", filepath.Join(dir, "b", "zz")); err != nil {
		t.Fatal(err)
	}
	want = append(want, "b/zz")
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, names := range []int{1, 2, 5, 22, 23, 24, 1000} {
		var got []string
		walk(root, ".", names, func(rel string, typ fs.FileMode, err error) bool {
			if err != nil || typ.IsRegular() == strings.HasSuffix(rel, "zz") {
				t.Errorf("%s: %v, %v", rel, typ, err)
			}
			got = append(got, rel)
			return true
		})
		if !slices.Equal(got, want) {
			t.Fatalf("%d names at a time: got %v, want %v", names, got, want)
		}
	}
	n := 0
	walk(root, ".", 4, func(string, fs.FileMode, error) bool { n++; return n < 30 })
	if n != 30 {
		t.Errorf("%d files after the end, want 30", n)
	}
	if got := countFiles(t.Context(), root, "."); got != uint64(len(want)) {
		t.Errorf("%d files counted, want %d", got, len(want))
	}
}

// Nothing outside the folder is read, by no path and through no link.
func TestFolderStaysInside(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	inner := filepath.Join(dir, "in")
	if err := os.Mkdir(inner, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../secret", filepath.Join(inner, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("..", filepath.Join(inner, "up")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(inner)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	f := &folder{root: root, shown: "in"}
	for _, rel := range []string{"link", "up/secret", "../secret", "/etc/passwd", ".", "none"} {
		data, err := f.read(rel)
		var r *rejection
		if !errors.As(err, &r) || r.Reason != "UNREADABLE" {
			t.Errorf("%s: %d bytes, %v; want UNREADABLE", rel, len(data), err)
		}
	}
}

func keyOf(i int) journalKey { return journalKey{byte(i), byte(i >> 8), byte(i >> 16), 7} }

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	open := func() *journal {
		t.Helper()
		j, err := openJournal(path, "ledger job")
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	j := open()
	const n = 3 * journalGroup
	for i := range n {
		if j.has(keyOf(i)) {
			t.Fatalf("a new journal has %d", i)
		}
		if err := j.add(keyOf(i), "name\n\""); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// The end is torn off anywhere in the last line, or garbage follows.
	for cut := range 60 {
		if err := os.WriteFile(path, append(whole[:len(whole)-cut:len(whole)-cut], strings.Repeat("x", cut%3)...), 0o600); err != nil {
			t.Fatal(err)
		}
		j := open()
		lost := 0
		for i := range n {
			if !j.has(keyOf(i)) {
				lost++
			}
		}
		if want := (cut + 43) / 44; lost > want+1 {
			t.Errorf("%d bytes cut: %d lost, want at most %d", cut, lost, want+1)
		}
		if j.has(keyOf(n + 1)) {
			t.Errorf("%d bytes cut: has what was never added", cut)
		}
		if err := j.add(keyOf(n), "one more"); err != nil {
			t.Fatal(err)
		}
		if err := j.close(); err != nil {
			t.Fatal(err)
		}
		if j = open(); !j.has(keyOf(n)) {
			t.Errorf("%d bytes cut: what was added after is not there", cut)
		}
		if err := j.close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := openJournal(path, "ledger other"); err == nil {
		t.Error("the journal of another job is taken")
	}
}

// Old entries are found when the import comes to them in about their order, however
// many there are, and memory holds a window only.
// TestNotAJournal: a file that is something else is left as it is.
func TestNotAJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	for _, text := range []string{"precious no newline", "a,b\n1,2\n3,4", journalMagic[:5] + "x\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openJournal(path, "l j"); err == nil || !strings.Contains(err.Error(), "another kind of file") {
			t.Errorf("%q: %v", text, err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%q became %q, %v", text, got, err)
		}
	}
	if err := os.WriteFile(path, []byte(journalMagic[:5]), 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := openJournal(path, "l j")
	if err != nil {
		t.Fatalf("torn in its first line: %v", err)
	}
	if err := j.file.Close(); err != nil {
		t.Error(err)
	}
}

// TestNamesThatAreNotUTF8: such a file is rejected, and the import goes on.
func TestNamesThatAreNotUTF8(t *testing.T) {
	var got []error
	c := &collector{m: &filesImport{c: &importFilesCmd{SubjectBy: "file"}}, yield: func(p person) bool {
		for _, it := range p.items {
			_, err := it.load()
			got = append(got, err)
		}
		return true
	}}
	if !c.addFile(&folder{name: "in"}, "bad\xff.fmr") {
		t.Error("the import ends")
	}
	var r *rejection
	if len(got) != 1 || !errors.As(got[0], &r) || r.Reason != string(templates.ReasonUTF8) || !utf8.ValidString(r.File) {
		t.Errorf("%v", got)
	}
}

func TestJournalWindow(t *testing.T) {
	if testing.Short() {
		t.Skip("writes a long journal")
	}
	path := filepath.Join(t.TempDir(), "j")
	var b bytes.Buffer
	b.WriteString(journalMagic + "o\n")
	const n = 3 * journalWindow
	for i := range n {
		k := keyOf(i ^ 63) // not quite in order
		fmt.Fprintf(&b, "%x %q\n", k[:], "name")
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := openJournal(path, "o")
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	for i := range n {
		if !j.has(keyOf(i)) {
			t.Fatalf("entry %d of %d is not found", i, n)
		}
		if len(j.window) > journalWindow {
			t.Fatalf("%d entries in memory", len(j.window))
		}
	}
}

func TestRecognize(t *testing.T) {
	for _, c := range []struct {
		name, data string
		want       templates.Format
	}{
		{"a.f32", "BM and so on", templates.FormatFaceFloat32}, // a vector may begin with anything
		{"a.F16.age", "x", templates.FormatFaceFloat16},
		{"a.i8", "\xff\xd8\xff", templates.FormatFaceInt8},
		{"a.i8", "", templates.FormatFaceInt8},
		{"a.txt", "\xff\xd8\xff", templates.FormatJPEG},
		{"a.wsq", "text", templates.FormatUnknown},
	} {
		if got := recognize(c.name, []byte(c.data)); got != c.want {
			t.Errorf("%s with %q: %v, want %v", c.name, c.data, got, c.want)
		}
	}
	if _, err := newSample("x.f32", []byte("1234"), stated{}); err == nil {
		t.Error("a vector without a model is taken")
	}
	var bad *templates.InputError
	if _, err := newSample("x.i8", []byte("\x89PNG\r\n\x1a\n"), stated{model: "m"}); !errors.As(err, &bad) || bad.Reason != templates.ReasonWrongMagic {
		t.Errorf("a PNG named as a vector: %v", err)
	}
	if s, err := newSample("x", []byte("IIR\x00020\x00"), stated{modality: immisv1.Modality_MODALITY_IRIS}); err != nil || s.GetFormat() != immisv1.Format_FORMAT_OTHER {
		t.Errorf("an iris record: %v, %v", s, err)
	}
	s, err := newSample("x.f32", []byte("1234"), stated{model: "m", ppi: 500, anyPosition: 3, anyModality: immisv1.Modality_MODALITY_FINGER})
	if err != nil || s.GetModality() != immisv1.Modality_MODALITY_FACE || s.GetPosition() != 0 || s.GetResolutionPpi() != 0 {
		t.Errorf("vector: %v, %v; want a face without position and resolution", s, err)
	}
}

// rows reads a manifest whole: its good rows, and the errors of the others.
func rows(text string) (good [][columns]string, bad []string, err error) {
	c, err := newCSVReader(strings.NewReader(text))
	if err != nil {
		return nil, nil, err
	}
	for {
		err := c.next()
		var line *errLine
		switch {
		case errors.Is(err, io.EOF):
			return good, bad, nil
		case errors.As(err, &line):
			bad = append(bad, line.Error())
		case err != nil:
			return good, bad, err
		default:
			good = append(good, c.row)
		}
	}
}

func TestManifestLines(t *testing.T) {
	const head = "subject,file\n"
	for _, c := range []struct{ name, text, good, bad string }{
		{"plain", head + "a,b\n", "a b", ""},
		{"no end of line", head + "a,b", "a b", ""},
		{"CR LF", "subject,file\r\na,b\r\n", "a b", ""},
		{"BOM", "\ufeffsubject,file\na,b\n", "a b", ""},
		{"semicolons", "subject;file\na,1;b\n", "a,1 b", ""},
		{"spaces", "subject , file\n a , b \n", "a b", ""},
		{"quoted spaces", head + "\" a \",b\n", " a  b", ""},
		{"quotes", head + `"a ""b"", c",d` + "\n", `a "b", c d`, ""},
		{"empty lines", head + "\n  \na,b\n\n", "a b", ""},
		{"few", head + "a\nb,c\n", "b c", "line 2: 1 columns, want 2 as in the header"},
		{"many", head + "a,b,c\nb,c\n", "b c", "line 2: 3 columns"},
		{"open quote", head + "\"a,b\nc,d\n", "c d", "line 2: a quote is not closed"},
		{"quote inside", head + "a\"b,c\nc,d\n", "c d", "line 2: a quote inside"},
		{"behind a quote", head + "\"a\"b,c\nc,d\n", "c d", "line 2: text behind"},
		{"NUL", head + "a\x00,b\nc,d\n", "c d", "line 2: a NUL byte"},
		{"not UTF-8", head + "a\xff,b\nc,d\n", "c d", "line 2: is not valid UTF-8"},
		{"long", head + strings.Repeat("x", 3*maxLine) + ",y\nc,d\n", "c d", "line 2: more than"},
		{"long at the end", head + "c,d\n" + strings.Repeat("x", 3*maxLine), "c d", "line 3: more than"},
	} {
		good, bad, err := rows(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if len(good) != 1 || good[0][colSubject]+" "+good[0][colFile] != c.good {
			t.Errorf("%s: rows %q, want %q", c.name, good, c.good)
		}
		if (c.bad == "") != (len(bad) == 0) || len(bad) > 0 && !strings.HasPrefix(bad[0], c.bad) {
			t.Errorf("%s: errors %q, want %q", c.name, bad, c.bad)
		}
	}
	for _, head := range []string{"", "subject\n", "file\n", "subject,file,file\n", "subject,file,other\n", "subject,file,\n", "\"subject,file\n", "subject\x00,file\n", strings.Repeat("subject,", maxLine)} {
		if _, _, err := rows(head); err == nil {
			t.Errorf("header %.20q is taken", head)
		}
	}
}

// A manifest that is written is read back cell by cell.
func TestManifestRoundTrip(t *testing.T) {
	var b bytes.Buffer
	w, err := newManifestWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	var want [][columns]string
	for i, cell := range []string{"x", "a,b", "a;b", `"`, `a "b"`, " front", "end ", "Шевченко", "a|b", "'", "\t"} {
		row := [columns]string{colSubject: fmt.Sprint(i), colFile: "f"}
		for c := colEncounter; c < columns; c++ {
			if c != colFile {
				row[c] = cell
			}
		}
		w.row = row
		if err := w.write(); err != nil {
			t.Fatal(err)
		}
		want = append(want, row)
	}
	if err := w.flush(); err != nil {
		t.Fatal(err)
	}
	got, bad, err := rows(b.String())
	if err != nil || len(bad) > 0 || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, %v; want %q", got, bad, err, want)
	}
}

func FuzzManifest(f *testing.F) {
	seeds := []string{"subject,file\na,b\n", "\ufeffsubject;file;sex\r\n\"a\";b;M\r\n", "subject,file\n\"a \"\"b\",c\n\n,\n", "file,subject,time\na,b,2026-01-01\n", "subject,file\na\x00,b\n\"\n"}
	if len(seeds) < 5 {
		f.Fatal("no seeds")
	}
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		good, bad, err := rows(text)
		again, badAgain, errAgain := rows(text)
		if !slices.Equal(good, again) || !slices.Equal(bad, badAgain) || (err == nil) != (errAgain == nil) {
			t.Fatal("read differently the second time")
		}
		if err != nil {
			return
		}
		if lines := strings.Count(text, "\n") + 1; len(good)+len(bad) > lines {
			t.Fatalf("%d rows and %d errors in %d lines", len(good), len(bad), lines)
		}
		// What was read is written and read again the same.
		var b bytes.Buffer
		w, err := newManifestWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range good {
			w.row = row
			if err := w.write(); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.flush(); err != nil {
			t.Fatal(err)
		}
		if back, bad, err := rows(b.String()); b.Len() < maxLine && (err != nil || len(bad) > 0 || !slices.Equal(back, good)) {
			t.Fatalf("written back as %q, %v, %v; want %q", back, bad, err, good)
		}
	})
}

// The slow twin of splitLine: encoding/csv, on lines that both take.
func FuzzSplitLine(f *testing.F) {
	seeds := []string{"a,b", `"a""b",c`, ",,", ` x ,"y "`, `"`, ``}
	if len(seeds) < 5 {
		f.Fatal("no seeds")
	}
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\r\n") {
			return
		}
		got, err := splitLine(nil, line, ',')
		r := csv.NewReader(strings.NewReader(line + "\n"))
		want, errCSV := r.Read()
		if line == "" || errors.Is(errCSV, io.EOF) {
			return
		}
		if (err == nil) != (errCSV == nil) {
			t.Fatalf("%q: %v, encoding/csv says %v", line, err, errCSV)
		}
		if err != nil {
			return
		}
		if len(got) != len(want) {
			t.Fatalf("%q: %q, encoding/csv says %q", line, got, want)
		}
		for i := range got {
			if got[i] != want[i] && got[i] != strings.TrimSpace(want[i]) {
				t.Fatalf("%q: %q, encoding/csv says %q", line, got, want)
			}
		}
	})
}
