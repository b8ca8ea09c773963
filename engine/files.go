package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"immis/index"
	"immis/index/segfile"
	"immis/store"
)

// Files says where copies of the indexes' rows are kept, so that a start need not make
// all of them again. They are sealed with keys that end with the key epoch, and decide
// nothing: a row is searched only when the record that it was made from is in the
// ledger, and is made from its record where no file has it.
type Files struct {
	// Dir is their folder, which the engine makes and keeps tidy; "": there are none.
	Dir string
	// FS holds Dir; nil: the machine's.
	FS segfile.FS
	// OnDisk leaves the rows of face vectors in the files; memory has their codes and
	// bits, about a third.
	OnDisk bool
	// Cache is the memory in bytes for rows that are read from files; 0: 256 MiB.
	Cache int64
}

// rowFiles is what indexes are given for their files.
type rowFiles struct {
	Files
	cache  *segfile.Cache
	store  *store.Store
	log    *slog.Logger
	vector func(key uint64) ([]float32, error)
}

func (e *Engine) newRowFiles() *rowFiles {
	f := e.opts.Files
	if f.Dir == "" {
		return nil
	}
	if f.FS == nil {
		f.FS = segfile.OS()
	}
	out := &rowFiles{Files: f, store: e.store, log: e.opts.Logger, vector: e.vectorOf}
	if f.OnDisk {
		out.cache = segfile.NewCache(cmp.Or(f.Cache, 256<<20))
	}
	return out
}

// Folders of files are named by the model and a number, so that those of a model that
// came back are not those that are just being removed.
const folderHash = 16

func (f *rowFiles) prefix(model string) string {
	sum := sha256.Sum256([]byte(model))
	return hex.EncodeToString(sum[:])[:folderHash] + "-"
}

// folder finds the newest folder of a model; a new one unless it may be one with files.
func (f *rowFiles) folder(model string, restoring bool) (string, error) {
	names, err := f.folders()
	if err != nil {
		return "", err
	}
	prefix, newest := f.prefix(model), uint64(0)
	for _, name := range names {
		if number, ok := strings.CutPrefix(name, prefix); ok {
			n, _ := strconv.ParseUint(number, 16, 64)
			newest = max(newest, n)
		}
	}
	if !restoring || newest == 0 {
		newest++
	}
	dir := f.FS.PathJoin(f.Dir, prefix+strconv.FormatUint(newest, 16))
	return dir, f.FS.MkdirAll(dir, 0o700)
}

func (f *rowFiles) folders() ([]string, error) {
	if err := f.FS.MkdirAll(f.Dir, 0o700); err != nil {
		return nil, err
	}
	return f.FS.List(f.Dir)
}

// of are the files of a model's index; nil, which is said, where there can be none.
func (f *rowFiles) of(model string, restoring bool) (*index.Files, uint32) {
	if f == nil {
		return nil, 0
	}
	dir, err := f.folder(model, restoring)
	if err != nil {
		f.log.Warn("rows of a model are not copied to files", "cause", err)
		return nil, 0
	}
	keys := f.store.FileKeys()
	return &index.Files{FS: f.FS, Dir: dir, Store: f.store.StoreID(), Model: model, Keys: keys, Cache: f.cache, Vector: f.vector, Room: f.store.RoomFor}, keys.Epoch()
}

// removeOthers removes the folders of no index.
func (f *rowFiles) removeOthers(used map[string]bool) {
	names, err := f.folders()
	for _, name := range names {
		if dir := f.FS.PathJoin(f.Dir, name); !used[dir] {
			err = errors.Join(err, f.FS.RemoveAll(dir))
		}
	}
	if err != nil {
		f.log.Warn("files of rows that nobody needs stay until the next start", "cause", err)
	}
}

// originOf is by which a row of a file is recognised: it changes with each sealing of the
// record, whose nonce is new each time. It is never 0.
func originOf(sealed []byte) uint64 {
	sum := sha256.Sum256(sealed)
	return max(1, binary.BigEndian.Uint64(sum[:]))
}

// vectorOf makes the vector of a row from its record.
func (e *Engine) vectorOf(key uint64) ([]float32, error) {
	enc := e.register.encounterOf(key)
	if enc == nil {
		return nil, fmt.Errorf("row of a withdrawn encounter: %w", ErrNotFound)
	}
	rec, _, err := e.openRecord(enc.subject.id, enc.id)
	if err != nil {
		return nil, err
	}
	view := 0
	for _, s := range rec.views() {
		for _, t := range s.views {
			if rowKey(rec.order, view) == key && t.Face != nil {
				return t.Face.Vector, nil
			}
			view++
		}
	}
	return nil, fmt.Errorf("row of view %d: %w", key&(1<<viewBits-1), ErrNotFound)
}

const (
	// saveEvery is how long a full segment waits for its file, and how long rows wait in
	// memory that are to be read from files; saveAgain the wait after a failure.
	saveEvery = 10 * time.Second
	saveAgain = time.Minute
	// saveAtEnd bounds the writing at the end of the process; what is not written is made
	// again at the next start.
	saveAtEnd = time.Minute
)

// keepFiles has what is new written, now and then, until ctx ends.
func (e *Engine) keepFiles(ctx context.Context) {
	if e.register.files == nil {
		return
	}
	wait := saveEvery
	for {
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		wait = saveEvery
		if err := e.saveFiles(ctx, false); err != nil && ctx.Err() == nil {
			wait = saveAgain
		}
	}
}

// saveFiles writes what has no file yet; with all also what is not full. Files of an
// epoch that has ended get the keys of the present one, without the rows that are gone.
func (e *Engine) saveFiles(ctx context.Context, all bool) error {
	if e.register.files == nil {
		return nil
	}
	e.saving.Lock()
	defer e.saving.Unlock()
	keys := e.store.FileKeys()
	var errs []error
	for _, m := range e.register.allModels() {
		if !m.files {
			continue
		}
		if m.epoch != keys.Epoch() {
			if err := m.index.Rekey(ctx, keys); err != nil {
				errs = append(errs, err)
				continue
			}
			m.epoch = keys.Epoch()
		}
		if _, err := m.index.Save(ctx, all); err != nil {
			errs = append(errs, err)
		}
	}
	err := errors.Join(errs...)
	if err != nil && ctx.Err() == nil {
		e.opts.Logger.Warn("rows are not copied to files; the next start makes them from their records", "cause", err)
	}
	return err
}

// settleFiles ends the claims of a start, tells what came from files, and removes what
// nobody claimed.
func (e *Engine) settleFiles() error {
	r := e.register
	r.mu.Lock()
	r.restoring = false
	r.mu.Unlock()
	if r.files == nil {
		return nil
	}
	used := map[string]bool{}
	for _, m := range r.allModels() {
		if !m.files {
			continue
		}
		m.index.Settle()
		used[m.folder] = true
		for _, err := range m.restored.Dropped {
			e.opts.Logger.Warn("a file of rows could not be used; they are made from their records", "cause", err)
		}
		e.opts.Logger.Info("rows of the index", "of_files", m.claimed.Load(), "made_anew", int64(m.index.Rows())-m.claimed.Load(), "files", m.restored.Files)
		if rows := m.index.Rows(); rows != m.users {
			return fmt.Errorf("index has %d rows, want %d", rows, m.users)
		}
	}
	r.files.removeOthers(used)
	return nil
}

// restore has a new index find the rows of its files.
func (m *model) restore(ctx context.Context, log *slog.Logger) {
	var err error
	if m.restored, err = m.index.Restore(ctx); err != nil {
		log.Warn("files of rows could not be read; they are made from their records", "cause", err)
	}
}

// discard ends the indexes of models that nobody uses any more, with their files. It is
// not called under register.mu, which a file being written may need.
func (r *register) discard(retired []*model) {
	for _, m := range retired {
		err := m.index.Discard()
		if m.files {
			err = errors.Join(err, r.files.FS.RemoveAll(m.folder))
		}
		if err != nil {
			r.files.log.Warn("files of rows that nobody needs stay until the next start", "cause", err)
		}
	}
}

// allModels are the models by name.
func (r *register) allModels() []*model {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := make([]*model, 0, len(r.models))
	for _, m := range r.models {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b *model) int { return strings.Compare(a.name, b.name) })
	return out
}
