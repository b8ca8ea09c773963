package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"immis/templates"
)

// maxLine bounds a line of a manifest, in bytes.
const maxLine = 64 << 10

// csvReader reads lines into columns.
type csvReader struct {
	in      *bufio.Reader
	line    int
	comma   byte
	columns []int // of the manifest's cells: which column each is
	cells   []string
	row     [columns]string
}

// errLine is a line that cannot be read; the next one can.
type errLine struct {
	line   int
	reason templates.Reason
	text   string
}

func (e *errLine) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.text) }

func newCSVReader(r io.Reader) (*csvReader, error) {
	c := &csvReader{in: bufio.NewReaderSize(r, maxLine), comma: ','}
	head, err := c.readLine()
	if err != nil {
		return nil, err
	}
	head = strings.TrimPrefix(head, "\ufeff")
	if strings.Count(head, ";") > strings.Count(head, ",") {
		c.comma = ';'
	}
	cells, err := splitLine(nil, head, c.comma)
	if err != nil {
		return nil, &errLine{c.line, templates.ReasonMalformed, err.Error()}
	}
	names := columnNames()
	for _, name := range cells {
		name = strings.TrimSpace(name)
		i := slices.Index(names[:], name)
		if i < 0 {
			return nil, &errLine{c.line, templates.ReasonMalformed, fmt.Sprintf("column %q is not known, want %s", name, strings.Join(names[:], ", "))}
		}
		if slices.Contains(c.columns, i) {
			return nil, &errLine{c.line, templates.ReasonMalformed, fmt.Sprintf("column %s stands there twice", name)}
		}
		c.columns = append(c.columns, i)
	}
	for _, need := range []int{colSubject, colFile} {
		if !slices.Contains(c.columns, need) {
			return nil, &errLine{c.line, templates.ReasonMalformed, fmt.Sprintf("column %s is missing", names[need])}
		}
	}
	return c, nil
}

// next reads a record into c.row. Errors: io.EOF, *errLine with as much of the row as
// could be read, those of the disk.
func (c *csvReader) next() error {
	c.row = [columns]string{}
	for {
		line, err := c.readLine()
		if err != nil {
			return err
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		if c.cells, err = splitLine(c.cells[:0], line, c.comma); err != nil {
			return &errLine{c.line, templates.ReasonMalformed, err.Error()}
		}
		for i, cell := range c.cells {
			if i < len(c.columns) {
				c.row[c.columns[i]] = cell
			}
		}
		if len(c.cells) != len(c.columns) {
			return &errLine{c.line, templates.ReasonMalformed, fmt.Sprintf("%d columns, want %d as in the header", len(c.cells), len(c.columns))}
		}
		return nil
	}
}

// readLine reads a line without its end.
func (c *csvReader) readLine() (string, error) {
	b, err := c.in.ReadSlice('\n')
	c.line++
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = c.in.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return "", &errLine{c.line, templates.ReasonOversized, fmt.Sprintf("more than %d bytes, want <= %d", maxLine, maxLine)}
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(b) == 0) {
		return "", err
	}
	b = bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
	switch {
	case bytes.IndexByte(b, 0) >= 0:
		return "", &errLine{c.line, templates.ReasonMalformed, "a NUL byte, want text"}
	case !utf8.Valid(b):
		return "", &errLine{c.line, templates.ReasonUTF8, "is not valid UTF-8"}
	}
	return string(b), nil
}

// splitLine appends the cells of a line (RFC 4180, within one line). Spaces around cells
// without quotes are dropped.
func splitLine(cells []string, line string, comma byte) ([]string, error) {
	for {
		if !strings.HasPrefix(line, `"`) {
			cell, rest, more := strings.Cut(line, string(comma))
			if strings.Contains(cell, `"`) {
				return cells, errors.New(`a quote inside a cell without quotes, want "" within quotes`)
			}
			cells = append(cells, strings.TrimSpace(cell))
			if !more {
				return cells, nil
			}
			line = rest
			continue
		}
		var cell strings.Builder
		line = line[1:]
		for {
			i := strings.IndexByte(line, '"')
			if i < 0 {
				return cells, errors.New("a quote is not closed on its line")
			}
			cell.WriteString(line[:i])
			line = line[i+1:]
			if !strings.HasPrefix(line, `"`) {
				break
			}
			cell.WriteByte('"')
			line = line[1:]
		}
		cells = append(cells, cell.String())
		if line == "" {
			return cells, nil
		}
		if line[0] != comma {
			return cells, errors.New("text behind a closing quote")
		}
		line = line[1:]
	}
}
