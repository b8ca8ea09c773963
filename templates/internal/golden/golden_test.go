package golden

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

const sample = `# Prose.

case one
  0102 ; comment
  ff*3
----
answer 1
answer 2

# More prose.
case two
----
answer

# The end.
`

func TestParse(t *testing.T) {
	cases, tail, err := parse(sample)
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) != 2 || cases[0].Name != "one" || cases[1].Name != "two" {
		t.Fatalf("got %+v", cases)
	}
	if want := []byte{1, 2, 0xff, 0xff, 0xff}; !bytes.Equal(cases[0].Input, want) {
		t.Errorf("input %x, want %x", cases[0].Input, want)
	}
	if cases[0].Want != "answer 1\nanswer 2" || cases[1].Want != "answer" || tail != "\n# The end.\n" {
		t.Errorf("got %+v, tail %q", cases, tail)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, bad := range []string{
		"stray text\n",
		"case a\n  0\n----\nx\n",
		"case a\n  zz\n----\nx\n",
		"case a\n  00*0\n----\nx\n",
		"case a\n  00\n",
		"case a\n----\nx\n\ncase a\n----\nx\n",
	} {
		if _, _, err := parse(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// TestRewrite rewrites answers and nothing else, and leaves a right file as it is.
func TestRewrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cases.txt")
	if err := os.WriteFile(path, []byte(sample), 0o666); err != nil {
		t.Fatal(err)
	}
	Run(t, path, true, func(_ *testing.T, c Case) string {
		if c.Name == "one" {
			return "answer 1\nanswer 2"
		}
		return "changed"
	})
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := sample[:len(sample)-len("answer\n\n# The end.\n")] + "changed\n\n# The end.\n"
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	Run(t, path, false, func(_ *testing.T, c Case) string { return c.Want })
}
