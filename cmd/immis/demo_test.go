package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// output collects what a command writes while it runs.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// wait waits until the output holds text.
func (o *output) wait(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if strings.Contains(o.String(), text) {
			return
		}
	}
	t.Fatalf("output without %q:\n%s", text, o)
}

// TestDemoStaysUp: after the story the server answers the three commands that are
// named, until an interrupt, which ends it with 0 and leaves nothing behind.
func TestDemoStaysUp(t *testing.T) {
	for _, lang := range []string{"en", "uk"} {
		folder := t.TempDir()
		t.Setenv("TMPDIR", folder)
		ctx, interrupt := context.WithCancel(t.Context())
		defer interrupt()
		var out, errs output
		ended := make(chan int, 1)
		go func() {
			ended <- run(ctx, []string{"demo", "--people", "20", "--returning", "6", "--verified", "4", "--lang", lang}, strings.NewReader(""), &out, &errs)
		}()
		out.wait(t, "Ctrl-C")
		commands := regexp.MustCompile(`(?m)^  immis (.*)$`).FindAllStringSubmatch(out.String(), -1)
		if len(commands) != 3 {
			t.Fatalf("%d commands to try, want 3:\n%s", len(commands), &out)
		}
		for _, c := range commands {
			var answer, problems output
			if code := run(t.Context(), strings.Fields(c[1]), strings.NewReader(""), &answer, &problems); code != exitOK {
				t.Errorf("immis %s ends with %d: %s", c[1], code, &problems)
			}
			if answer.String() == "" {
				t.Errorf("immis %s says nothing", c[1])
			}
		}
		interrupt()
		if code := <-ended; code != exitOK {
			t.Errorf("interrupted, it ends with %d: %s", code, &errs)
		}
		if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
			t.Errorf("%d folders are left (%v), want none", len(left), err)
		}
	}
}

// TestDemoInterrupted: an interrupt in the middle ends the demo soon, says so, and
// leaves nothing behind.
func TestDemoInterrupted(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	ctx, interrupt := context.WithCancel(t.Context())
	var errs output
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"demo", "--people", "100000", "--exit"}, strings.NewReader(""), io.Discard, &errs)
	}()
	time.Sleep(500 * time.Millisecond)
	interrupt()
	select {
	case code := <-ended:
		if code != exitFailure || !strings.Contains(errs.String(), "interrupted") {
			t.Errorf("it ends with %d and %q, want %d and that it was interrupted", code, &errs, exitFailure)
		}
	case <-time.After(time.Minute):
		t.Fatal("it has not ended a minute after the interrupt")
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
		t.Errorf("%d folders are left (%v), want none", len(left), err)
	}
}
