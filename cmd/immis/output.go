package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// printMessage writes a message of the API as one line of JSON, with the field
// names of the .proto files and with every field.
func (a *app) printMessage(m proto.Message) error {
	b, err := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(m)
	if err != nil {
		return fmt.Errorf("print answer: %w", err)
	}
	// protojson varies its spaces on purpose; scripts like one form.
	var line bytes.Buffer
	if err := json.Compact(&line, b); err != nil {
		return fmt.Errorf("print answer: %w", err)
	}
	line.WriteByte('\n')
	_, err = a.out.Write(line.Bytes())
	return err
}

// printJSON is printMessage in JSON mode, nothing otherwise.
func (a *app) printJSON(m proto.Message) error {
	if !a.json {
		return nil
	}
	return a.printMessage(m)
}

// printValue writes a value of a command's own as one line of JSON.
func (a *app) printValue(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("print answer: %w", err)
	}
	_, err = a.out.Write(append(b, '\n'))
	return err
}

// printf writes text for people; nothing in JSON mode.
func (a *app) printf(format string, args ...any) {
	if !a.json {
		_, _ = fmt.Fprintf(a.out, format, args...)
	}
}

// progress tells on standard error how far long work is: on a terminal one line
// that is rewritten five times a second, elsewhere a line every ten seconds.
type progress struct {
	w     io.Writer
	what  string
	tty   bool
	every time.Duration

	mu          sync.Mutex
	begun, last time.Time
	done, total uint64
	shown       bool
}

func (a *app) progress(what string) *progress {
	p := &progress{w: a.err, what: what, every: 10 * time.Second, begun: time.Now(), last: time.Now()}
	if f, ok := a.err.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			p.tty, p.every = true, 200*time.Millisecond
		}
	}
	return p
}

// update may be called from several goroutines; total 0 means unknown.
func (p *progress) update(done, total uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.total = done, total
	if now := time.Now(); now.Sub(p.last) >= p.every {
		p.last = now
		p.show()
	}
}

func (p *progress) show() {
	rate := float64(p.done) / max(time.Since(p.begun).Seconds(), 1e-9)
	line := fmt.Sprintf("%s: %d", p.what, p.done)
	if p.total > 0 {
		line = fmt.Sprintf("%s: %d of %d (%.0f %%)", p.what, p.done, p.total, 100*float64(p.done)/float64(p.total))
	}
	line += fmt.Sprintf(", %.0f/s", rate)
	if p.tty {
		_, _ = fmt.Fprintf(p.w, "\r\x1b[K%s", line)
	} else {
		_, _ = fmt.Fprintln(p.w, line)
	}
	p.shown = true
}

// end shows the last state if anything was shown before, and returns the time taken.
func (p *progress) end() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		p.show()
		if p.tty {
			_, _ = fmt.Fprintln(p.w)
		}
	}
	return time.Since(p.begun)
}
