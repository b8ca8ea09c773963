package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// rejection is one record that an import did not take.
type rejection struct {
	File string `json:"file"`
	// Offset is where in the file, in bytes; empty where there is no single place.
	Offset  string `json:"offset"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

func (r *rejection) Error() string { return r.File + ": " + r.Message }

// rejects lists rejected records. Each is written at once, so that the list is whole
// whatever ends the import.
type rejects struct {
	mu   sync.Mutex
	most int // 0: any number
	n    int
	file io.Closer
	line func(*rejection) error
}

// newRejects begins the list: in a new file, or on standard error.
func newRejects(a *app, path string, most int) (*rejects, error) {
	l := &rejects{most: most}
	if path == "" {
		l.line = func(r *rejection) error {
			if a.json {
				return jsonLine(a.err, map[string]*rejection{"rejected": r})
			}
			at := ""
			if r.Offset != "" {
				at = " at byte " + r.Offset
			}
			_, err := fmt.Fprintf(a.err, "rejected %s%s: %s\n", r.File, at, r.Message)
			return err
		}
		return l, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, usage("rejects %s: %v", path, err)
	}
	head := make([]byte, 64)
	n, err := f.ReadAt(head, 0)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
	case !isRejects(head[:n]):
		err = errors.New("is there already and another kind of file; give a new name")
	default:
		err = f.Truncate(0)
	}
	if err != nil {
		return nil, errors.Join(usage("rejects %s: %v", path, err), f.Close())
	}
	l.file = f
	switch strings.ToLower(filepath.Ext(path)) {
	case ".json", ".jsonl", ".ndjson":
		l.line = func(r *rejection) error { return jsonLine(f, r) }
		return l, nil
	}
	w := csv.NewWriter(f)
	write := func(cells ...string) error {
		err := w.Write(cells)
		w.Flush()
		return errors.Join(err, w.Error())
	}
	l.line = func(r *rejection) error { return write(r.File, r.Offset, r.Reason, r.Message) }
	if err := write(rejectsHead...); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

var rejectsHead = []string{"file", "offset", "reason", "message"}

// isRejects tells whether a file is empty or was written as a list of rejected records:
// the next list takes its place.
func isRejects(data []byte) bool {
	return len(data) == 0 || bytes.HasPrefix(data, []byte(strings.Join(rejectsHead, ",")+"\n")) || bytes.HasPrefix(data, []byte(`{"file":`))
}

func jsonLine(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// add lists a record; an error ends the import.
func (l *rejects) add(r *rejection) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	if err := l.line(r); err != nil {
		return fmt.Errorf("write list of rejected records: %w", err)
	}
	if l.n == l.most {
		return &exitError{code: exitFailure, text: fmt.Sprintf("%d records were rejected, giving up; raise --max-errors to go on", l.n)}
	}
	return nil
}

func (l *rejects) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

func (l *rejects) close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
