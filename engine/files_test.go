package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"immis/bench/synth"
	"immis/index/segfile"
	"immis/store"
)

// world512 has faces that are searched by bits too.
func world512(t testing.TB) *synth.World {
	t.Helper()
	w, err := synth.New(synth.Config{Seed: 9, People: 100_000, FaceDims: 512, FaceDifficulty: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// populate enrolls n people, of whom some leave again in one way or another.
func populate(t testing.TB, h *house, w *synth.World, from, n int) {
	t.Helper()
	ctx := context.Background()
	for i := from; i < from+n; i++ {
		req := enrollFace(w, fmt.Sprintf("s-%d", i), i, 0)
		if i%3 == 0 {
			req.Encounter.Galleries = []string{"g"}
		}
		mustEnroll(t, h, req)
	}
	for i := from; i < from+n; i += 11 {
		id := fmt.Sprintf("s-%d", i)
		var err error
		switch i % 3 {
		case 0:
			_, err = h.engine.EraseSubject(ctx, clerk, "", id)
		case 1:
			_, err = h.engine.DeleteSubject(ctx, clerk, "", id)
		default: // gone, and here again as somebody else
			if _, err = h.engine.DeleteSubject(ctx, clerk, "", id); err == nil {
				_, err = h.engine.Enroll(ctx, enrollFace(w, id, i+50_000, 0))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// answers are those of many searches, but for what differs from process to process.
func answers(t testing.TB, h *house, w *synth.World, n int) []IdentifyResult {
	t.Helper()
	var out []IdentifyResult
	for i := 0; i < n; i += 29 {
		for _, mode := range []SearchMode{ModeExact, ModeFast} {
			for _, galleries := range [][]string{nil, {"g"}} {
				r, err := h.engine.Identify(context.Background(), IdentifyRequest{Caller: clerk, Mode: mode, Galleries: galleries, MaxCandidates: 20,
					Probe: ProbeSource{Samples: []Sample{faceSample(w, i, 1)}}})
				if err != nil {
					t.Fatal(err)
				}
				r.Entry, r.Version, r.SureAbove = 0, 0, 0
				out = append(out, r)
			}
		}
	}
	return out
}

// claimed is how many rows came from files at the start.
func (h *house) claimed() int {
	n := 0
	for _, m := range h.engine.register.allModels() {
		n += int(m.claimed.Load())
	}
	return n
}

func (h *house) rows() int {
	n := 0
	for _, m := range h.engine.register.allModels() {
		n += m.index.Rows()
	}
	return n
}

const rowDir = "/data/index"

// eachRowFile calls fn for the files of rows.
func eachRowFile(t testing.TB, fs vfs.FS, fn func(path string)) int {
	t.Helper()
	folders, err := fs.List(rowDir)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, folder := range folders {
		dir := fs.PathJoin(rowDir, folder)
		names, err := fs.List(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			n++
			fn(fs.PathJoin(dir, name))
		}
	}
	return n
}

func contents(t testing.TB, fs vfs.FS, path string) []byte {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return b
}

func setContents(t testing.TB, fs vfs.FS, path string, b []byte) {
	t.Helper()
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestFilesOfRowsChangeNoAnswer: whatever becomes of the files between two starts, the
// searches of the next find who is enrolled, as they do without files.
func TestFilesOfRowsChangeNoAnswer(t *testing.T) {
	w := world512(t)
	people, modes := 220, []bool{false, true}
	if testing.Short() {
		people, modes = 100, modes[1:]
	}
	for _, onDisk := range modes {
		fs := vfs.NewMem()
		with := plan{fs: fs, idle: true, engine: func(o *Options) { o.Files.OnDisk, o.Files.Cache = onDisk, 1 }}
		h := open(t, with)
		if _, err := h.engine.CreateGallery(context.Background(), clerk, "", Gallery{ID: "g"}); err != nil {
			t.Fatal(err)
		}
		populate(t, h, w, 0, people)
		if err := h.close(); err != nil {
			t.Fatal(err)
		}
		first := map[string][]byte{}
		eachRowFile(t, fs, func(path string) { first[path] = contents(t, fs, path) })
		if len(first) == 0 {
			t.Fatal("no file was written")
		}
		without := plan{fs: fs, idle: true, engine: func(o *Options) { o.Files = Files{} }}
		from := 0
		for _, c := range []struct {
			name   string
			before func(*house)
			spoil  func()
			// least and most rows that come from files, of rows.
			least, most float64
		}{
			{name: "as they were", least: 1, most: 1},
			{name: "after changes that were not saved", before: func(h *house) {
				from += people
				populate(t, h, w, from, 100)
				h.engine.ready.Store(false) // killed: nothing is saved
			}, least: 0.3, most: 0.9},
			{name: "after changes that were saved", before: func(h *house) { populate(t, h, w, from+100, 50) }, least: 1, most: 1},
			{name: "older files in their place", spoil: func() {
				for path, b := range first {
					setContents(t, fs, path, b)
				}
			}, least: 0.3, most: 1},
			{name: "damaged", spoil: func() {
				eachRowFile(t, fs, func(path string) {
					b := contents(t, fs, path)
					b[len(b)/2] ^= 1
					setContents(t, fs, path, b)
				})
			}, least: 0, most: 0.9},
			{name: "cut", spoil: func() {
				eachRowFile(t, fs, func(path string) { setContents(t, fs, path, contents(t, fs, path)[:5000]) })
			}},
			{name: "gone", spoil: func() {
				if err := fs.RemoveAll(rowDir); err != nil {
					t.Fatal(err)
				}
			}},
			{name: "written again", least: 1, most: 1},
		} {
			t.Run(fmt.Sprintf("%s/disk=%v", c.name, onDisk), func(t *testing.T) {
				if c.before != nil {
					h := open(t, with)
					c.before(h)
					if err := h.close(); err != nil {
						t.Fatal(err)
					}
				}
				if c.spoil != nil {
					c.spoil()
				}
				h := open(t, without)
				want := answers(t, h, w, from+people)
				if err := h.close(); err != nil {
					t.Fatal(err)
				}
				h = open(t, with)
				if got := answers(t, h, w, from+people); !reflect.DeepEqual(got, want) {
					t.Fatalf("answers differ: %s", firstDifference(got, want))
				}
				if share := float64(h.claimed()) / float64(h.rows()); share < c.least || share > c.most {
					t.Errorf("%d of %d rows came from files, want %.0f..%.0f %%", h.claimed(), h.rows(), 100*c.least, 100*c.most)
				}
				// What is lost of a file while the process runs costs nobody a mate.
				if onDisk && c.name == "as they were" {
					eachRowFile(t, fs, func(path string) {
						b := contents(t, fs, path)
						for i := 9000; i < len(b); i += 97 {
							b[i] ^= 0x55
						}
						overwrite(t, fs, path, b)
					})
					if got := answers(t, h, w, from+people); !reflect.DeepEqual(got, want) {
						t.Fatalf("answers differ after damage: %s", firstDifference(got, want))
					}
				}
				if err := h.close(); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

func firstDifference(got, want []IdentifyResult) string {
	for i := range got {
		if !reflect.DeepEqual(got[i], want[i]) {
			return fmt.Sprintf("search %d: %+v, want %+v", i, got[i], want[i])
		}
	}
	return "none"
}

// overwrite changes a file under those who have it open.
func overwrite(t testing.TB, fs vfs.FS, path string, b []byte) {
	t.Helper()
	f, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(b, 0)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestNoRowOfTheErasedOpens: after the key epoch no copy of an earlier file opens, and
// those that open have no row of whoever was erased.
func TestNoRowOfTheErasedOpens(t *testing.T) {
	ctx := context.Background()
	w := world512(t)
	fs := vfs.NewMem()
	h := open(t, plan{fs: fs, idle: true})
	for i := range 128 {
		mustEnroll(t, h, enrollFace(w, fmt.Sprintf("s-%d", i), i, 0))
	}
	if err := h.engine.saveFiles(ctx, true); err != nil {
		t.Fatal(err)
	}
	model := h.engine.register.allModels()[0]
	binding := segfile.Binding{Store: h.store.StoreID(), Model: model.name, Dim: 512, Form: 1}
	keysOf := func(path string) []uint64 {
		f, err := segfile.Open(fs, path, binding, h.store.FileKeys(), nil)
		if err != nil {
			t.Fatalf("open %s: %v", path, err)
		}
		c, err := f.ReadColumns(ctx)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		return c.Keys
	}
	old := map[string][]byte{}
	n := eachRowFile(t, fs, func(path string) { old[path] = contents(t, fs, path) })
	if n < 2 {
		t.Fatalf("%d files, want 2 or more", n)
	}
	erased := h.engine.register.subject(h.engine.subjectID("s-5")).state.Load().encounters[0].faces[0].key
	if !slices.ContainsFunc(slices.Collect(maps.Keys(old)), func(path string) bool { return slices.Contains(keysOf(path), erased) }) {
		t.Fatal("the row is in no file before it is erased")
	}
	if _, err := h.engine.EraseSubject(ctx, clerk, "", "s-5"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.engine.EndKeyEpoch(ctx, clerk); err != nil {
		t.Fatal(err)
	}
	rows := 0
	eachRowFile(t, fs, func(path string) {
		keys := keysOf(path)
		rows += len(keys)
		for i, k := range keys {
			if k == erased {
				t.Errorf("row %d of %s is of the erased person", i, path)
			}
		}
	})
	if rows < 127 {
		t.Errorf("%d rows are in files after the epoch, want 127", rows)
	}
	setContents(t, fs, "/copy", nil)
	for path, b := range old {
		setContents(t, fs, "/copy", b)
		if f, err := segfile.Open(fs, "/copy", binding, h.store.FileKeys(), nil); !errors.Is(err, segfile.ErrKey) {
			t.Errorf("a copy of %s opens after the epoch: %v %v", path, f != nil, err)
		}
	}
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	h = open(t, plan{fs: fs, idle: true})
	if h.claimed() != 127 {
		t.Errorf("%d rows came from files, want 127", h.claimed())
	}
}

// TestFilesOfGoneModels: a model that nobody is enrolled with any more leaves no files,
// and one that comes back does not find those of before.
func TestFilesOfGoneModels(t *testing.T) {
	ctx := context.Background()
	w := world512(t)
	fs := vfs.NewMem()
	h := open(t, plan{fs: fs, idle: true})
	for round := range 3 {
		for i := range 70 {
			mustEnroll(t, h, enrollFace(w, fmt.Sprintf("s-%d", i), i+1000*round, 0))
		}
		if err := h.engine.saveFiles(ctx, true); err != nil {
			t.Fatal(err)
		}
		if n := eachRowFile(t, fs, func(string) {}); n == 0 {
			t.Fatal("no files")
		}
		for i := range 70 {
			if _, err := h.engine.DeleteSubject(ctx, clerk, "", fmt.Sprintf("s-%d", i)); err != nil {
				t.Fatal(err)
			}
		}
		if n := eachRowFile(t, fs, func(string) {}); n != 0 {
			t.Fatalf("%d files of a model without rows", n)
		}
	}
}

// TestFilesLeaveRoomForTheLedger: a disk that is nearly full costs the files, not the
// enrolments.
func TestFilesLeaveRoomForTheLedger(t *testing.T) {
	ctx := context.Background()
	w := world512(t)
	fs := vfs.NewMem()
	free := uint64(300 << 20) // more than the watermark, less than twice that
	h := open(t, plan{fs: fs, idle: true, store: func(o *store.Options) { o.FreeSpace = func() (uint64, error) { return free, nil } }})
	for i := range 70 {
		mustEnroll(t, h, enrollFace(w, fmt.Sprintf("s-%d", i), i, 0))
	}
	if err := h.engine.saveFiles(ctx, true); !errors.Is(err, store.ErrDiskFull) {
		t.Errorf("save: %v, want %v", err, store.ErrDiskFull)
	}
	mustEnroll(t, h, enrollFace(w, "s-70", 70, 0))
	if n := eachRowFile(t, fs, func(string) {}); n != 0 {
		t.Errorf("%d files", n)
	}
	free = 10 << 30
	if err := h.engine.saveFiles(ctx, true); err != nil {
		t.Error(err)
	}
	if n := eachRowFile(t, fs, func(string) {}); n == 0 {
		t.Error("no files with room for them")
	}
}
