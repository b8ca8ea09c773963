package store

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"sort"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

var bitflips = flag.Int("bitflips", 0, "number of flipped bits per kind of file (default 40, with -short 12)")

// fileKind sorts the files of a data directory.
func fileKind(name string) string {
	base := path.Base(name)
	switch {
	case strings.HasPrefix(name, testKeys+"/"), base == lockFile:
		return ""
	case strings.Contains(name, "/"+keysDir+"/"):
		return "key table"
	case strings.Contains(name, "/"+blobsDir+"/"):
		return "blob"
	case base == anchorFile:
		return "anchor"
	case base == formatFile:
		return "FORMAT"
	case strings.HasPrefix(base, "MANIFEST-"):
		return "MANIFEST"
	case strings.HasSuffix(base, ".log"):
		return "WAL"
	case strings.HasSuffix(base, ".sst"):
		return "SST"
	}
	return ""
}

// TestBitFlips flips single bits of a closed store. Each flip must be refused at
// open, or be reported, or leave everything as it was; nothing may be silently
// wrong. It must catch the mutant skip-anchor.
func TestBitFlips(t *testing.T) {
	n := *bitflips
	if n == 0 {
		n = 40
		if testing.Short() {
			n = 12
		}
	}
	counts, err := flipBits(n, []string{"WAL", "MANIFEST", "SST", "key table", "anchor", "blob", "FORMAT"})
	if err != nil {
		t.Fatal(err)
	}
	for kind, c := range counts {
		t.Logf("%-9s %d refused, %d reported, %d identical", kind, c[0], c[1], c[2])
		if c[0]+c[1] == 0 {
			t.Errorf("%s: no flip was noticed: the test does not hit the file", kind)
		}
	}
}

// flipBits returns per kind how many flips were refused, reported and harmless.
func flipBits(n int, kinds []string) (map[string][3]int, error) {
	disk, w, err := sampleStore()
	if err != nil {
		return nil, err
	}
	files := map[string][]string{}
	if err := walkFiles(disk, testDir, func(name string) { files[fileKind(name)] = append(files[fileKind(name)], name) }); err != nil {
		return nil, err
	}
	counts := map[string][3]int{}
	// The control: without a flip everything is as it was, and nothing is reported.
	if class, err := flipOne(disk, w, "", rand.New(rand.NewPCG(1, 1))); err != nil || class != flipHarmless {
		return nil, fmt.Errorf("control without a flip: class %d, want %d: %w", class, flipHarmless, err)
	}
	for _, kind := range kinds {
		if len(files[kind]) == 0 {
			return nil, fmt.Errorf("the sample has no file of kind %s", kind)
		}
		sort.Strings(files[kind])
		rng := rand.New(rand.NewPCG(11, uint64(len(kind))))
		for i := range n {
			name := files[kind][rng.IntN(len(files[kind]))]
			class, err := flipOne(disk, w, name, rng)
			if err != nil {
				return nil, fmt.Errorf("%s flip %d of %s: %w", kind, i, name, err)
			}
			c := counts[kind]
			c[class]++
			counts[kind] = c
		}
	}
	return counts, nil
}

// sampleStore makes a closed store with every kind of file: tables from a
// restart, a log behind them, erased and deleted subjects, blobs.
func sampleStore() (*vfs.MemFS, *world, error) {
	disk := vfs.NewCrashableMem()
	w := newWorld(9)
	rng := rand.New(rand.NewPCG(5, 5))
	for range 3 {
		o := testOptions(disk)
		r, err := start(o)
		if err != nil {
			return nil, nil, err
		}
		for range 30 {
			if err := w.step(r, rng, rng.IntN(len(w.slots))); err != nil {
				return nil, nil, err
			}
		}
		key, err := r.enrollOnce(w, 0)
		if err != nil {
			return nil, nil, err
		}
		_ = key
		if err := r.stop(); err != nil {
			return nil, nil, err
		}
	}
	return disk, w, nil
}

// enrollOnce makes sure that subject n is live and has a blob.
func (r *running) enrollOnce(w *world, n int) (ID, error) {
	subject := id(1000 + n)
	state := w.slots[n].acked.clone()
	m := Mutation{Principal: "load", Kind: kindTest, Object: subject}
	key, err := r.SubjectKey(subject)
	if state.status != SubjectLive {
		if state.status != SubjectDeleted {
			key, err = r.NewKey()
		}
		if err == nil {
			m.Ops = append(m.Ops, NewSubject(subject, key.Ref()))
			state = person{status: SubjectLive, rows: map[ID]string{}, blobs: map[ID]string{}}
		}
	}
	if err != nil {
		return subject, err
	}
	content := strings.Repeat("a picture of somebody", 50)
	b, _, err := r.PutBlob(context.Background(), key, subject, strings.NewReader(content))
	if err != nil {
		return subject, err
	}
	m.Ops = append(m.Ops, r.sealPut(key, Row{Table: 1, Subject: subject, Key: id(5)}, "with blob", Any, b))
	state.rows[id(5)], state.blobs[id(5)] = "with blob", content
	return subject, w.send(r, rand.New(rand.NewPCG(1, 1)), n, m, state, nil)
}

func walkFiles(fs vfs.FS, dir string, fn func(name string)) error {
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		name := path.Join(dir, n)
		info, err := fs.Stat(name)
		if err != nil {
			return err
		}
		if info.IsDir() {
			err = walkFiles(fs, name, fn)
		} else if info.Size() > 0 {
			fn(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Classes of a flip.
const (
	flipRefused = iota
	flipReported
	flipHarmless
)

func flipOne(disk *vfs.MemFS, w *world, name string, rng *rand.Rand) (int, error) {
	d := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rng})
	where := int64(-1)
	if name != "" {
		var err error
		if where, err = flip(d, name, rng); err != nil {
			return 0, err
		}
	}
	r, err := start(testOptions(d))
	if err != nil {
		return flipRefused, nil
	}
	defer func() { _ = r.stop() }() // of a damaged store; what counts was seen before
	if len(r.Report().Warnings) > 0 {
		// Reported; and what was repaired must be right.
		if err := w.copy().compare(r); err != nil {
			return flipReported, honest(r, err)
		}
		return flipReported, nil
	}
	if err := r.VerifyState(context.Background(), nil); err != nil {
		return flipReported, nil
	}
	reported := false
	_, err = r.Check(context.Background(), nil, func(f Finding) { reported = reported || f.Severity > Note })
	if err != nil {
		return 0, fmt.Errorf("check: %w", err)
	}
	if reported {
		return flipReported, nil
	}
	if err := w.copy().compare(r); err != nil {
		return 0, fmt.Errorf("bit %d is silently wrong: %w", where, err)
	}
	return flipHarmless, nil
}

// honest: what a reported damage breaks must answer with an error of damage,
// never with other data.
func honest(r *running, err error) error {
	if errors.Is(err, ErrCorrupt) || errors.Is(err, ErrDamaged) || strings.HasPrefix(err.Error(), "check: ") {
		return nil
	}
	return fmt.Errorf("reported (%v), but then: %w", r.Report().Warnings, err)
}

func flip(fs vfs.FS, name string, rng *rand.Rand) (int64, error) {
	f, err := fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	bit := rng.Int64N(info.Size() * 8)
	if strings.Contains(name, "/"+keysDir+"/") {
		// Most slots of a young table are free: half of the flips go to the first ones.
		if rng.IntN(2) == 0 {
			bit = rng.Int64N(min(info.Size(), 4096+128*40) * 8)
		}
	}
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, bit/8); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	b[0] ^= 1 << (bit % 8)
	if _, err := f.WriteAt(b, bit/8); err != nil {
		return 0, err
	}
	return bit, errors.Join(f.Sync(), f.Close())
}
