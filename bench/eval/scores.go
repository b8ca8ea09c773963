package eval

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
)

// Label is ground truth given with a score.
type Label uint8

// Labels.
const (
	Unlabeled Label = iota
	NonMated
	Mated
)

// Line is one comparison of a file of scores.
type Line struct {
	Number           int
	Probe, Candidate string
	Score            float64
	Label            Label
}

// ReadScores reads lines of comma-separated values, plain or compressed by gzip, one by one. The
// heading names the columns probe, candidate and score and may name mated (1 or 0);
// others are skipped. Values are not quoted. A file whose last line has no end was cut:
// it is a *FormatError, as is one that gzip finds too short, and a score that is not
// finite is a *ScoreError. It stops at the first error of visit and soon after ctx ends.
func ReadScores(ctx context.Context, r io.Reader, visit func(Line) error) error {
	b, err := plain(r)
	if err != nil {
		return err
	}
	column := map[string]int{}
	width, number := 0, 0
	for {
		text, err := b.ReadSlice('\n')
		number++
		if errors.Is(err, io.EOF) && len(text) == 0 {
			break
		}
		switch {
		case errors.Is(err, io.EOF):
			return &FormatError{Line: number, What: "the last line has no end: the file was cut"}
		case err != nil:
			return &FormatError{Line: number, What: "read", Err: err}
		}
		fields := bytes.Split(bytes.TrimRight(text, "\r\n"), []byte(","))
		if number == 1 {
			width = len(fields)
			for i, f := range fields {
				column[string(bytes.TrimPrefix(f, []byte("\ufeff")))] = i + 1
			}
			if column["probe"] == 0 || column["candidate"] == 0 || column["score"] == 0 {
				return &FormatError{Line: 1, What: "heading " + strconv.Quote(string(text)) + ", want the columns probe, candidate, score"}
			}
			continue
		}
		if len(fields) != width {
			return &FormatError{Line: number, What: strconv.Itoa(len(fields)) + " values, want " + strconv.Itoa(width)}
		}
		if number&0xffff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		line, err := parseLine(number, fields, column)
		if err != nil {
			return err
		}
		if err := visit(line); err != nil {
			return err
		}
	}
	if number <= 2 {
		return &FormatError{Line: number, What: "no scores"}
	}
	return ctx.Err()
}

func parseLine(number int, fields [][]byte, column map[string]int) (Line, error) {
	l := Line{Number: number, Probe: string(fields[column["probe"]-1]), Candidate: string(fields[column["candidate"]-1])}
	text := string(fields[column["score"]-1])
	var err error
	if l.Score, err = strconv.ParseFloat(text, 64); err != nil && !errors.Is(err, strconv.ErrRange) {
		return l, &FormatError{Line: number, What: "score " + strconv.Quote(text), Err: strconv.ErrSyntax}
	}
	if l.Score-l.Score != 0 { // infinite or NaN
		return l, &ScoreError{Score: l.Score, Line: number}
	}
	if l.Probe == "" || l.Candidate == "" {
		return l, &UnknownError{Line: number, Want: "a name"}
	}
	if i := column["mated"]; i > 0 {
		switch v := strings.ToLower(string(fields[i-1])); v {
		case "1", "true":
			l.Label = Mated
		case "0", "false":
			l.Label = NonMated
		default:
			return l, &FormatError{Line: number, What: "mated " + strconv.Quote(v) + ", want 1 or 0"}
		}
	}
	return l, nil
}

// plain undoes gzip, told by its first two bytes.
func plain(r io.Reader) (*bufio.Reader, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	if head, _ := b.Peek(2); len(head) == 2 && head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, &FormatError{Line: 1, What: "gzip", Err: err}
		}
		b = bufio.NewReaderSize(z, 1<<16)
	}
	return b, nil
}
