// Package golden reads the data-driven test files of the template packages:
// prose, a record in hexadecimal, and what the code answers to it. It rewrites
// the answers on demand, for review as a difference. It refuses files without
// cases, because a test that runs on nothing passes.
//
//	# prose, kept as it stands
//	case NAME
//	  46 4d 52 00   ; a comment per line
//	  00*12         ; a byte and how often
//	----
//	the answer, lines up to the next empty one
package golden

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// maxInput bounds a record written with repetitions, in bytes.
const maxInput = 32 << 20

// Case is one record and its answer.
type Case struct {
	Name  string
	Input []byte
	Want  string
	// head is the text of the case up to and including the line of dashes.
	head string
}

// Load reads the cases of a file and fails the test when there are none.
func Load(t testing.TB, path string) []Case {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cases, _, err := parse(string(text))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if len(cases) == 0 {
		t.Fatalf("%s holds no case", path)
	}
	return cases
}

// Run answers every case of a file and compares, or rewrites the file.
func Run(t *testing.T, path string, rewrite bool, answer func(t *testing.T, c Case) string) {
	t.Helper()
	cases := Load(t, path)
	for i := range cases {
		t.Run(cases[i].Name, func(t *testing.T) {
			got := strings.TrimRight(answer(t, cases[i]), "\n")
			if strings.Contains(got, "\n\n") || got == "" {
				t.Fatalf("the answer is empty or holds an empty line:\n%s", got)
			}
			if !rewrite && got != cases[i].Want {
				t.Errorf("got\n%s\nwant\n%s", got, cases[i].Want)
			}
			cases[i].Want = got
		})
	}
	if !rewrite {
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, tail, err := parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, c := range cases {
		b.WriteString(c.head + c.Want + "\n")
	}
	b.WriteString(tail)
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

func parse(text string) (cases []Case, tail string, err error) {
	const (
		between = iota
		input
		want
	)
	state := between
	var c Case
	var head strings.Builder
	seen := map[string]bool{}
	end := func() {
		c.Want = strings.TrimRight(c.Want, "\n")
		cases = append(cases, c)
		c, state = Case{}, between
	}
	for n, line := range strings.SplitAfter(text, "\n") {
		trimmed := strings.TrimSpace(line)
		switch state {
		case want:
			if trimmed != "" {
				c.Want += line
				continue
			}
			end()
			head.Reset()
			head.WriteString(line)
		case input:
			head.WriteString(line)
			if trimmed == "----" {
				c.head, state = head.String(), want
				continue
			}
			if c.Input, err = appendHex(c.Input, trimmed); err != nil {
				return nil, "", fmt.Errorf("line %d: %w", n+1, err)
			}
		case between:
			head.WriteString(line)
			name, ok := strings.CutPrefix(trimmed, "case ")
			switch {
			case ok && seen[name]:
				return nil, "", fmt.Errorf("line %d: case %q a second time", n+1, name)
			case ok:
				c.Name, state, seen[name] = name, input, true
			case trimmed != "" && trimmed[0] != '#':
				return nil, "", fmt.Errorf("line %d: %q, want # or case", n+1, trimmed)
			}
		}
	}
	switch state {
	case want:
		end()
		head.Reset()
	case input:
		return nil, "", fmt.Errorf("case %q has no line of dashes", c.Name)
	}
	return cases, head.String(), nil
}

func appendHex(dst []byte, line string) ([]byte, error) {
	line, _, _ = strings.Cut(line, ";")
	for _, word := range strings.Fields(line) {
		digits, times, repeated := strings.Cut(word, "*")
		count := 1
		if repeated {
			var err error
			if count, err = strconv.Atoi(times); err != nil || count < 1 || count > maxInput {
				return nil, fmt.Errorf("repetition %q, want BYTE*COUNT", word)
			}
		}
		if len(digits) == 0 || len(digits)%2 != 0 {
			return nil, fmt.Errorf("word %q, want pairs of hexadecimal digits", word)
		}
		for i := 0; i < len(digits); i += 2 {
			x, err := strconv.ParseUint(digits[i:i+2], 16, 8)
			if err != nil {
				return nil, fmt.Errorf("word %q: %w", word, err)
			}
			dst = append(dst, bytes.Repeat([]byte{byte(x)}, count)...)
		}
	}
	return dst, nil
}
