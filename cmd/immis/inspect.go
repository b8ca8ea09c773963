package main

import (
	"errors"
	"fmt"
	"strings"

	"immis/internal/config"
	"immis/templates"
	"immis/templates/exchange"
)

type inspectCmd struct {
	Files  []string `arg:"" name:"file" help:"Samples: records, images, containers, face vectors."`
	Format string   `placeholder:"NAME" help:"Read the files as this format, where their content does not tell it: iso-19794-2-card-compact, face-float32 and others; an unknown name lists them all."`
	All    bool     `help:"Show long lists whole."`
}

// Help implements kong.HelpProvider.
func (*inspectCmd) Help() string {
	return `Shows what a sample holds, without a server. A line is a part of the sample, "@" where it starts, in bytes. Minutiae are biometric data: what is printed is as worth protecting as the file.

With --json there is one object per file: file, format, size, searchable, container and content (name, value, offset, children), or file and error (reason, field, got, want, offset, message). Ends with 1 when a file could not be read.

Examples:
  immis inspect right-index.fmr
  immis inspect --json --all person.xml card.an2
  immis inspect --format iso-19794-2-card-compact card.bin`
}

// inspected is what inspect prints of one file.
type inspected struct {
	File       string         `json:"file"`
	Format     string         `json:"format,omitempty"`
	Size       int            `json:"size,omitempty"`
	Searchable bool           `json:"searchable,omitempty"`
	Container  bool           `json:"container,omitempty"`
	Content    *exchange.Node `json:"content,omitempty"`
	Error      *inspectError  `json:"error,omitempty"`
}

type inspectError struct {
	Reason  string `json:"reason,omitempty"`
	Field   string `json:"field,omitempty"`
	Got     string `json:"got,omitempty"`
	Want    string `json:"want,omitempty"`
	Offset  *int   `json:"offset,omitempty"`
	Message string `json:"message"`
}

// maxInspect bounds a file to be shown, in bytes.
const maxInspect = 64 << 20

// Run shows.
func (c *inspectCmd) Run(a *app) error {
	stated := templates.FormatUnknown
	if c.Format != "" {
		var err error
		if stated, err = templates.ParseFormat(c.Format); err != nil {
			return usage("format %q is not known, want one of %s", c.Format, strings.Join(templates.FormatNames(), ", "))
		}
	}
	failed := 0
	for _, name := range c.Files {
		i, err := c.inspect(name, stated)
		if err != nil {
			failed++
			i.Error = inspectErrorOf(err)
		}
		if err := c.print(a, i); err != nil {
			return err
		}
	}
	if failed > 0 {
		return &exitError{code: exitFailure, text: fmt.Sprintf("%d of %d files could not be read", failed, len(c.Files))}
	}
	return nil
}

func (c *inspectCmd) inspect(name string, f templates.Format) (inspected, error) {
	i := inspected{File: name}
	data, err := config.ReadFile(name, maxInspect)
	if err != nil {
		return i, err
	}
	if f == templates.FormatUnknown {
		f = recognize(name, data)
	}
	i.Size = len(data)
	switch {
	case len(data) == 0:
		return i, templates.Bad(templates.ReasonEmpty, "file", "is empty", "a sample")
	case f == templates.FormatUnknown && isAge(data):
		return i, templates.Bad(templates.ReasonEncrypted, "file", "is sealed by age", "one opened with age -d")
	case f == templates.FormatUnknown:
		return i, templates.Bad(templates.ReasonFormat, "format", "is not recognized", "a known one; give --format for face vectors and cards, which have no signature")
	}
	i.Format, i.Searchable, i.Container = f.String(), f.Searchable(), f.Container()
	n, err := exchange.Describe(f, data)
	if err != nil {
		return i, err
	}
	i.Content = &n
	return i, nil
}

func inspectErrorOf(err error) *inspectError {
	e := &inspectError{Message: err.Error()}
	var bad *templates.InputError
	if errors.As(err, &bad) {
		e.Reason, e.Field, e.Got, e.Want = string(bad.Reason), bad.Field, bad.Got, bad.Want
		if bad.Offset != templates.NoOffset {
			e.Offset = &bad.Offset
		}
	}
	return e
}

func (c *inspectCmd) print(a *app, i inspected) error {
	if a.json {
		return a.printValue(i)
	}
	if e := i.Error; e != nil {
		what := i.Format
		if what != "" {
			what += ": "
		}
		reason := ""
		if e.Reason != "" {
			reason = " [" + e.Reason + "]"
		}
		_, err := fmt.Fprintf(a.err, "%s: %s%s%s\n", i.File, what, e.Message, reason)
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", i.File, i.Content.Value)
	for _, n := range i.Content.Children {
		c.node(&b, n, 1)
	}
	a.printf("%s", b.String())
	return nil
}

// Lists of more than listMost parts are cut to listFirst.
const (
	listMost  = 12
	listFirst = 8
)

func (c *inspectCmd) node(b *strings.Builder, n exchange.Node, depth int) {
	indent := strings.Repeat("  ", depth)
	b.WriteString(indent + n.Name)
	if n.Value != "" {
		b.WriteString(": " + n.Value)
	}
	if n.Offset != nil {
		fmt.Fprintf(b, "  @%d", *n.Offset)
	}
	b.WriteByte('\n')
	shown := n.Children
	if n.List && !c.All && len(shown) > listMost {
		shown = shown[:listFirst]
	}
	for _, child := range shown {
		c.node(b, child, depth+1)
	}
	if rest := len(n.Children) - len(shown); rest > 0 {
		fmt.Fprintf(b, "%s  ... %d more (--all shows them)\n", indent, rest)
	}
}
