package engine

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"immis/bench/synth"
)

var cuts = flag.Int("cuts", 40, "how many simulated power cuts TestPowerCuts makes")

// history is what was asked about one subject, in order. Its caller asks one
// thing at a time, so after a power cut the subject must be as after some number
// of steps between those acknowledged before the cut and those begun after it.
type history struct {
	subject string
	person  int
	mu      sync.Mutex
	begun   []byte // 'E' enroll, 'A' add encounter, 'D' delete, 'X' erase
	acked   int
}

func (s *history) counts() (acked, begun int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acked, len(s.begun)
}

// encounters is how many a subject has after n steps.
func (s *history) encounters(n int) int {
	have := 0
	for _, step := range s.begun[:n] {
		switch step {
		case 'E':
			have = 1
		case 'A':
			have++
		default:
			have = 0
		}
	}
	return have
}

// act takes the next step of a subject; an error says that the house is gone.
func (s *history) act(h *house, w *synth.World, rng *rand.Rand) error {
	ctx := context.Background()
	step := byte('E')
	if n := len(s.begun); n > 0 && s.encounters(n) > 0 {
		step = "AADX"[rng.IntN(4)]
	}
	s.mu.Lock()
	s.begun = append(s.begun, step)
	n := len(s.begun)
	s.mu.Unlock()
	var err error
	req := enrollFace(w, s.subject, s.person, n)
	req.RequestID = fmt.Sprintf("%s/%d", s.subject, n)
	switch step {
	case 'E':
		_, err = h.engine.Enroll(ctx, req)
	case 'A':
		_, err = h.engine.AddEncounter(ctx, req)
	case 'D':
		_, err = h.engine.DeleteSubject(ctx, clerk, req.RequestID, s.subject)
	case 'X':
		_, err = h.engine.EraseSubject(ctx, clerk, req.RequestID, s.subject)
	}
	if err != nil {
		return fmt.Errorf("%c of %s: %w", step, s.subject, err)
	}
	s.mu.Lock()
	s.acked = n
	s.mu.Unlock()
	return nil
}

// TestPowerCuts must catch no-sync and early-ack: an image of the disk with only
// what was synced, or part of the rest, is taken at random moments; the engine
// on that image knows everything that was acknowledged, nothing that was
// withdrawn, and of a person at two desks at least one record names the other.
func TestPowerCuts(t *testing.T) {
	if err := powerCuts(t, 1, *cuts); err != nil {
		t.Fatal(err)
	}
}

const (
	cutCallers  = 4 // work on subjects of their own
	cutSubjects = 3 // of each
	cutPairs    = 6 // of desks in each life
)

// powerCuts makes n cuts, a few in each life of a house.
func powerCuts(t *testing.T, seed uint64, n int) error {
	rng := rand.New(rand.NewPCG(seed, 99))
	w := crowd(t)
	const each = 4
	between := 0
	for done := 0; done < n; done += each {
		hit, err := oneLife(rng, w, min(each, n-done))
		if err != nil {
			return fmt.Errorf("seed %d, cut %d: %w", seed, done, err)
		}
		between += hit
	}
	t.Logf("%d power cuts, %d pairs of desks between the first commit and the result", n, between)
	if between == 0 && n >= 40 {
		return errors.New("no cut hit a pair of desks between its commits")
	}
	return nil
}

// photo is an image of the disk and what was known around it.
type photo struct {
	// apart, when set, is held while the disk is locked or imaged.
	apart         *sync.Mutex
	fs            *vfs.MemFS
	acked, begun  []int // of each history
	desks, desked []int // desks acknowledged before, begun after; per pair
}

func oneLife(rng *rand.Rand, w *synth.World, photos int) (between int, err error) {
	mem := vfs.NewCrashableMem()
	h, err := build(context.Background(), plan{fs: mem})
	if err != nil {
		return 0, err
	}
	var list []*history
	var wg sync.WaitGroup
	stop := make(chan struct{})
	failed := make(chan error, cutCallers+2*cutPairs+1)
	for c := range cutCallers {
		own := make([]*history, cutSubjects)
		for i := range own {
			own[i] = &history{subject: fmt.Sprintf("s-%d-%d", c, i), person: 100 + c*cutSubjects + i}
		}
		list = append(list, own...)
		dice := rand.New(rand.NewPCG(rng.Uint64(), uint64(c)))
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := own[dice.IntN(len(own))].act(h, w, dice); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	var mu sync.Mutex
	acked, begun := make([]int, cutPairs), make([]int, cutPairs)
	for p := range cutPairs {
		start := time.Duration(rng.IntN(12)) * time.Millisecond
		for desk := range 2 {
			wg.Go(func() {
				time.Sleep(start)
				mu.Lock()
				begun[p]++
				mu.Unlock()
				req := enrollFace(w, deskSubject(p, desk), p, desk)
				req.CheckDuplicates = true
				if _, err := h.engine.Enroll(context.Background(), req); err != nil {
					failed <- err
					return
				}
				mu.Lock()
				acked[p]++
				mu.Unlock()
			})
		}
	}
	if rng.IntN(2) == 0 {
		start := time.Duration(rng.IntN(12)) * time.Millisecond
		wg.Go(func() {
			time.Sleep(start)
			if _, _, err := h.engine.EndKeyEpoch(context.Background(), clerk); err != nil {
				failed <- fmt.Errorf("end key epoch: %w", err)
			}
		})
	}
	var taken []photo
	for range photos {
		time.Sleep(time.Duration(rng.IntN(6000)) * time.Microsecond)
		var ph photo
		mu.Lock()
		ph.desks = slices.Clone(acked)
		mu.Unlock()
		for _, s := range list {
			n, _ := s.counts()
			ph.acked = append(ph.acked, n)
		}
		ph.fs = mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[rng.IntN(3)], RNG: rand.New(rand.NewPCG(rng.Uint64(), 3))})
		for _, s := range list {
			_, n := s.counts()
			ph.begun = append(ph.begun, n)
		}
		mu.Lock()
		ph.desked = slices.Clone(begun)
		mu.Unlock()
		taken = append(taken, ph)
	}
	close(stop)
	wg.Wait()
	if err := h.close(); err != nil {
		return 0, err
	}
	select {
	case err := <-failed:
		return 0, err
	default:
	}
	for _, ph := range taken {
		// The start itself is cut once, then tried again.
		again := ph
		moment := time.Duration(rng.IntN(3000)) * time.Microsecond
		cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rand.New(rand.NewPCG(rng.Uint64(), 4))}
		cut, apart := make(chan struct{}), &sync.Mutex{}
		ph.apart = apart
		go func() {
			defer close(cut)
			time.Sleep(moment)
			apart.Lock()
			defer apart.Unlock()
			again.fs = ph.fs.CrashClone(cfg)
		}()
		n, err := ph.examine(w, list)
		<-cut
		if err != nil {
			return between, err
		}
		between += n
		if _, err := again.examine(w, list); err != nil {
			return between, fmt.Errorf("second start, the first cut after %v: %w", moment, err)
		}
	}
	return between, nil
}

// lockApart keeps the taking of a directory's lock and an image of the disk apart:
// vfs.MemFS takes one mutex twice for reading in Lock, which never ends when an
// image asks for it in between.
type lockApart struct {
	vfs.FS
	mu *sync.Mutex
}

func (l lockApart) Lock(name string) (io.Closer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.FS.Lock(name)
}

func deskSubject(pair, desk int) string { return fmt.Sprintf("d-%d-%d", pair, desk) }

// examine opens an image and compares it with what is known.
func (ph *photo) examine(w *synth.World, list []*history) (between int, err error) {
	ctx := context.Background()
	var disk vfs.FS = ph.fs
	if ph.apart != nil {
		disk = lockApart{disk, ph.apart}
	}
	h, err := build(ctx, plan{fs: disk})
	if err != nil {
		return 0, fmt.Errorf("open after a power cut: %w", err)
	}
	defer func() { err = errors.Join(err, h.close()) }()
	for i, s := range list {
		v, err := h.engine.GetSubject(ctx, clerk, EncounterRef{Subject: s.subject}, true)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return 0, fmt.Errorf("get %s: %w", s.subject, err)
		}
		fits := false
		for n := ph.acked[i]; n <= ph.begun[i]; n++ {
			fits = fits || s.encounters(n) == len(v.Encounters)
		}
		if !fits {
			return 0, fmt.Errorf("%s (%s, %d to %d steps) has %d encounters", s.subject, s.begun, ph.acked[i], ph.begun[i], len(v.Encounters))
		}
		r, err := identifyFace(h, clerk, w, s.person, 1)
		if err != nil && !errors.Is(err, ErrPrecondition) {
			return 0, err
		}
		if found := slices.Contains(names(r.Candidates), s.subject); found != (len(v.Encounters) > 0) {
			return 0, fmt.Errorf("%s has %d encounters, search finds it: %v", s.subject, len(v.Encounters), found)
		}
	}
	return ph.examineDesks(h)
}

func (ph *photo) examineDesks(h *house) (between int, err error) {
	ctx := context.Background()
	for late := time.Now().Add(30 * time.Second); h.engine.checks.len() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			return 0, fmt.Errorf("%d duplicate checks are still pending", h.engine.checks.len())
		}
	}
	for p := range ph.desks {
		there, finds, late := 0, 0, false
		for desk := range 2 {
			own, twin := deskSubject(p, desk), deskSubject(p, 1-desk)
			check, err := h.engine.DuplicateCheck(ctx, clerk, EncounterRef{own, fmt.Sprintf("e-%d", desk)})
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return 0, err
			}
			there++
			if check.State != DuplicateNew && slices.Contains(check.Subjects, twin) {
				finds++
			}
			entries, err := h.store.History(ctx, h.engine.subjectID(own), 0, 1000)
			if err != nil {
				return 0, err
			}
			results := 0
			for _, e := range entries {
				if e.Kind == KindDuplicateResult {
					results++
					late = late || e.Number >= h.opened // enrolled before the cut, resolved after it
				}
			}
			if results != 1 {
				return 0, fmt.Errorf("%s has %d results of its duplicate check, want 1", own, results)
			}
		}
		if there < ph.desks[p] || there > ph.desked[p] {
			return 0, fmt.Errorf("pair %d: %d records, %d were acknowledged before the cut and %d begun", p, there, ph.desks[p], ph.desked[p])
		}
		if there == 2 && finds == 0 {
			return 0, fmt.Errorf("pair %d: neither record names the other", p)
		}
		if late {
			between++
		}
	}
	return between, nil
}
