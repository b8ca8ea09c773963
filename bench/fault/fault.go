// Package fault attacks the running product: it starts the built binary, drives
// it over gRPC with several callers, kills it with SIGKILL at random moments,
// starts it again on the same folders and compares what it finds with a model of
// what was acknowledged. It also puts one person at two desks at once.
//
// It refuses to look inside: it knows the API and the command line and nothing
// of engine, store or files. SIGKILL leaves the page cache intact, so
// passing here proves no sync; simulated power cuts do that elsewhere.
package fault

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Config of Run. The zero value of a field means its default.
type Config struct {
	// Binary is the path of the immis binary; required. See Build.
	Binary string
	// Dir is an existing folder for data, keys and logs; required. What a run
	// without violations leaves in it is of no use.
	Dir string
	// Env is added to the environment of the process, e.g. "IMMIS_MUTANT=early-ack".
	Env []string
	// Seed chooses people, actions and moments. The moments are relative to what
	// the machine does, so a seed does not repeat a run exactly.
	Seed uint64
	// Kills is how many times the process is killed; default 5.
	Kills int
	// KillsPerStore is after how many kills a new data folder is begun, so that
	// creations are cut too; default 20.
	KillsPerStore int
	// Callers is how many work at the same time; default 6.
	Callers int
	// Load is the longest time under load before a kill; default 600 ms.
	Load time.Duration
	// Sample is how many subjects not touched in a life are looked at after it, on
	// top of all that were touched; default 20.
	Sample int
	// Logf gets one line per life; default none.
	Logf func(format string, args ...any)
}

func (c Config) withDefaults() (Config, error) {
	if c.Binary == "" || c.Dir == "" {
		return c, errors.New("fault run: binary and folder are required")
	}
	if c.Kills < 0 || c.KillsPerStore < 0 || c.Callers < 0 || c.Load < 0 || c.Sample < 0 {
		return c, errors.New("fault run: kills, callers, load and sample must not be negative")
	}
	fill(&c.Kills, 5)
	fill(&c.KillsPerStore, 20)
	fill(&c.Callers, 6)
	fill(&c.Load, 600*time.Millisecond)
	fill(&c.Sample, 20)
	if c.Logf == nil {
		c.Logf = func(string, ...any) {}
	}
	return c, nil
}

func fill[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Report is what a run did and found.
type Report struct {
	// Kills by the moment they hit.
	KillsUnderLoad, KillsAtStart, KillsInEpoch int
	// Stores is how many data folders were used.
	Stores int
	// Acknowledged counts changes of state that were answered; Cut those whose
	// answer the kill took, CutPresent how many of these were in the ledger.
	Acknowledged, Cut, CutPresent int
	// Reads counts identify, verify and get calls, all compared with the model.
	Reads int
	// Repeated counts requests sent again whose answers were compared.
	Repeated int
	// Audits counts offline verifications against a head saved before.
	Audits int
	// Lost, Resurrected and Other list what contradicts the model.
	Lost, Resurrected, Other []string
	Took                     time.Duration
}

// Violations lists everything that contradicts the model.
func (r *Report) Violations() []string {
	var all []string
	for kind, list := range map[string][]string{"lost": r.Lost, "resurrected": r.Resurrected, "other": r.Other} {
		for _, v := range list {
			all = append(all, kind+": "+v)
		}
	}
	return all
}

// String is the summary line.
func (r *Report) String() string {
	return fmt.Sprintf("kill -9: %d runs (%d under load, %d at start, %d in an epoch) on %d stores, %d changes acknowledged, %d cut (%d of them found whole), %d reads, %d requests repeated, %d audits: %d lost, %d resurrected, %d other, %.1f s",
		r.KillsUnderLoad+r.KillsAtStart+r.KillsInEpoch, r.KillsUnderLoad, r.KillsAtStart, r.KillsInEpoch, r.Stores,
		r.Acknowledged, r.Cut, r.CutPresent, r.Reads, r.Repeated, r.Audits, len(r.Lost), len(r.Resurrected), len(r.Other), r.Took.Seconds())
}

// class of a violation.
type class uint8

const (
	lost class = iota
	resurrected
	other
)

// findings collects what the callers find, safe for concurrent use.
type findings struct {
	mu sync.Mutex
	r  Report
}

// maxFindings bounds the list of each class: one fault repeats itself.
const maxFindings = 50

func (f *findings) add(c class, format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := [...]*[]string{&f.r.Lost, &f.r.Resurrected, &f.r.Other}[c]
	if len(*list) < maxFindings {
		*list = append(*list, fmt.Sprintf(format, args...))
	}
}

func (f *findings) count(n *int, by int) {
	f.mu.Lock()
	*n += by
	f.mu.Unlock()
}

func (f *findings) any() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.r.Lost)+len(f.r.Resurrected)+len(f.r.Other) > 0
}

// Run kills the process Config.Kills times and returns what it found. The error
// says that the run itself could not be made; violations are in the report. It
// ends early after the first life with a violation: what follows would only
// repeat it.
func Run(ctx context.Context, c Config) (Report, error) {
	c, err := c.withDefaults()
	if err != nil {
		return Report{}, err
	}
	begun := time.Now()
	f := &findings{}
	rng := rand.New(rand.NewPCG(c.Seed, 0x6b696c6c))
	people, err := newPeople(c.Seed)
	if err != nil {
		return Report{}, err
	}
	done := 0
	for done < c.Kills && !f.any() && ctx.Err() == nil {
		dir := filepath.Join(c.Dir, fmt.Sprintf("store-%d", f.r.Stores))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return f.r, fmt.Errorf("fault run: %w", err)
		}
		f.r.Stores++
		a := &attack{Config: c, f: f, people: people, rng: rng, folder: dir, world: newWorld(c.Callers)}
		n, err := a.run(ctx, min(c.KillsPerStore, c.Kills-done))
		if err != nil {
			return f.r, fmt.Errorf("fault run: store %d after %d kills: %w", f.r.Stores-1, done+n, err)
		}
		done += n
	}
	f.r.Took = time.Since(begun)
	return f.r, ctx.Err()
}

// short cuts a text for a violation.
func short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 400 {
		s = s[:400] + " ..."
	}
	return s
}
