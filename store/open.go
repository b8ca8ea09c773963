package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"immis/store/seal"
)

// Open opens the store in Options.Dir, or makes one in an empty directory. It
// verifies every entry and hash against the anchor in a read-only opening first,
// so that a refused directory is left as it was found. Refusals: ErrLocked,
// ErrReadOnly, ErrNewerFormat, ErrOlderThanAnchor, ErrDamaged. What it repaired
// or found odd is in Report. It starts no goroutine of the store; see Run.
func Open(ctx context.Context, o Options) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{opt: o, dir: o.Dir, log: o.Logger, health: newHealth(o.Logger),
		queue: make(chan *pending, o.Queue), tasks: make(chan func()), stopped: make(chan struct{}),
		quit: make(chan struct{})}
	if err := s.open(ctx); err != nil {
		if cerr := s.Close(); cerr != nil {
			s.log.Warn("close after a refused open", "cause", cerr)
		}
		return nil, fmt.Errorf("open store %s: %w", o.Dir, err)
	}
	return s, nil
}

func (s *Store) path(name string) string { return s.opt.FS.PathJoin(s.dir, name) }

func (s *Store) open(ctx context.Context) error {
	if err := makeDirs(s.opt.FS, s.dir); err != nil {
		return classify(err)
	}
	var err error
	if s.lock, err = lockDir(s.opt.FS, s.path(lockFile)); err != nil {
		return err
	}
	if s.id, s.report.Created, err = s.establish(ctx); err != nil {
		return classify(err)
	}
	if err := s.loadSecrets(ctx); err != nil {
		return err
	}
	anchored, err := readAnchor(s.opt.FS, s.path(anchorFile), s.verify)
	if err != nil {
		return classify(err)
	}
	found, err := s.verifyReadOnly(ctx, anchored)
	if err != nil {
		return err
	}
	s.meta, s.tree = found.meta, found.tree
	s.report.Entries, s.report.Verify = found.meta.count, found.took
	if err := s.openTable(ctx); err != nil {
		return err
	}
	if err := s.openLedger(); err != nil {
		return err
	}
	if err := s.openAnchor(anchored); err != nil {
		return err
	}
	if s.blobs, err = prepareBlobs(s.opt.FS, s.path(blobsDir)); err != nil {
		return classify(err)
	}
	if err := s.opt.FS.RemoveAll(s.path(scratchDir)); err != nil {
		return classify(fmt.Errorf("remove scratch directory: %w", err))
	}
	s.disk = newDiskGuard(s.opt)
	if s.metrics, err = newMetrics(s.opt.Registerer, func() float64 { return float64(len(s.queue)) }, s.lengthGauge, s.failedGauge); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	if err := s.findInterrupted(); err != nil {
		return err
	}
	s.publishView(s.anchor.head)
	return nil
}

func (s *Store) failedGauge() float64 {
	if s.health.err() != nil {
		return 1
	}
	return 0
}

func (s *Store) lengthGauge() float64 {
	s.viewMu.RLock()
	defer s.viewMu.RUnlock()
	if s.view == nil {
		return 0
	}
	return float64(s.view.head.Size)
}

// loadSecrets reads the two secrets of the store itself.
func (s *Store) loadSecrets(ctx context.Context) error {
	seed, err := s.opt.Keys.Get(ctx, secretHead)
	if err != nil {
		return fmt.Errorf("secret %q of the key source: %w", secretHead, err)
	}
	if s.signer, s.verify, err = headKeys(s.id, seed); err != nil {
		return err
	}
	if s.vkey, err = verifierKey(s.id, seed); err != nil {
		return err
	}
	secret, err := s.opt.Keys.Get(ctx, secretPseudonym)
	if err != nil {
		return fmt.Errorf("secret %q of the key source: %w", secretPseudonym, err)
	}
	s.macs, err = newMACs(secret)
	return err
}

// verifyReadOnly verifies the ledger without writing a byte.
func (s *Store) verifyReadOnly(ctx context.Context, anchored anchorState) (verified, error) {
	db, err := openPebble(s.opt, s.path(ledgerDir), newHealth(s.log), true)
	if err != nil {
		return verified{}, err
	}
	start := time.Now()
	var found verified
	// Damaged blocks make Pebble panic in places; that is a refusal too.
	err = guarded(func() error {
		var err error
		found, err = verifyEntries(ctx, db, anchored.head)
		return err
	})
	found.took = time.Since(start)
	if cerr := guarded(db.Close); err == nil && cerr != nil {
		err = fmt.Errorf("close ledger after verification: %w", cerr)
	}
	return found, classify(err)
}

func (s *Store) openTable(ctx context.Context) error {
	table, report, err := seal.OpenTable(ctx, s.tableOptions())
	if err != nil {
		if errors.Is(err, seal.ErrCorrupt) || errors.Is(err, seal.ErrNoTable) {
			return damaged("%w", err)
		}
		return err
	}
	s.table = table
	for _, f := range report.Findings {
		s.report.warn(s.log, "key table: %s", f)
	}
	if report.Found > len(report.Findings) {
		s.report.warn(s.log, "key table: %d findings in all", report.Found)
	}
	table.SetUsed(s.meta.nextSlot)
	return nil
}

func (s *Store) tableOptions() seal.TableOptions {
	return seal.TableOptions{FS: s.opt.FS, Dir: s.path(keysDir), Keys: s.opt.Keys, Store: s.id, Copy: s.opt.KeyCopy,
		Logger: s.log, Metrics: s.opt.Registerer}
}

// openLedger opens Pebble for writing and makes sure that it shows what was verified.
func (s *Store) openLedger() error {
	var err error
	if s.db, err = openPebble(s.opt, s.path(ledgerDir), s.health, false); err != nil {
		return err
	}
	raw, _, err := dbReader{s.db}.get([]byte{prefixMeta})
	if err != nil {
		return classify(err)
	}
	if string(raw) != string(s.meta.encode()) {
		return damaged("ledger shows another state when it is opened for writing than when it was verified")
	}
	return nil
}

// openAnchor brings the anchor up to the store: a crash between the two leaves
// it behind, and a slot that a crash cut off is written again.
func (s *Store) openAnchor(st anchorState) error {
	var err error
	if s.anchor, err = openAnchor(s.opt.FS, s.path(anchorFile), st); err != nil {
		return classify(err)
	}
	for _, d := range st.damaged {
		s.report.warn(s.log, "%v; it is written again", d)
	}
	if s.tree.size == st.head.Size && len(st.damaged) == 0 {
		return nil
	}
	head, err := signHead(s.signer, s.id, s.tree.size, s.tree.root(), time.Unix(0, s.meta.last))
	if err != nil {
		return err
	}
	return classify(s.anchor.write(head))
}

// findInterrupted lists subjects whose key is destroyed while the ledger says
// that they have one: erasures that a crash cut between key and entry.
func (s *Store) findInterrupted() error {
	err := dbReader{s.db}.each([]byte{prefixSubject}, func(k, v []byte) error {
		row, err := decodeSubject(v)
		if err != nil {
			return err
		}
		if row.Status != SubjectErased && s.table.Erased(row.Ref) {
			s.rollForward = append(s.rollForward, ID(k[1:]))
		}
		return nil
	})
	s.report.Erasures = len(s.rollForward)
	if len(s.rollForward) > 0 {
		s.log.Info("interrupted erasures will be finished", "count", len(s.rollForward))
	}
	return classify(err)
}

// openPebble opens the ledger's database on a guarded goroutine.
func openPebble(o Options, dir string, h *health, readOnly bool) (*pebble.DB, error) {
	if desc, err := pebble.Peek(dir, o.FS); errors.Is(err, fs.ErrNotExist) || (err == nil && !desc.Exists) {
		return nil, damaged("open ledger: no database in %s", dir)
	}
	opts := pebbleOptions(o, h, readOnly)
	defer opts.Cache.Unref()
	var db *pebble.DB
	err := guarded(func() error {
		var err error
		db, err = pebble.Open(dir, opts)
		return err
	})
	if herr := h.err(); herr != nil {
		// Damage that Pebble noticed while it opened, whatever it made of it.
		if err == nil {
			err = guarded(db.Close)
		}
		err = errors.Join(err, herr)
	}
	if err != nil {
		return nil, classify(fmt.Errorf("open ledger: %w", err))
	}
	return db, nil
}

// classify maps what file system and Pebble say to the errors of this package.
func classify(err error) error {
	switch {
	case err == nil, errors.Is(err, ErrDamaged), errors.Is(err, ErrOlderThanAnchor), errors.Is(err, ErrReadOnly),
		errors.Is(err, ErrNewerFormat):
		return err
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	case pebble.IsCorruptionError(err), errors.Is(err, fs.ErrNotExist),
		errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

func lockDir(fsys vfs.FS, path string) (io.Closer, error) {
	l, err := fsys.Lock(path)
	if err == nil {
		return l, nil
	}
	var perr *fs.PathError
	if errors.As(err, &perr) || errors.Is(err, syscall.EROFS) {
		return nil, classify(fmt.Errorf("lock data directory: %w", err))
	}
	return nil, fmt.Errorf("%w: %w", ErrLocked, err)
}

// makeDirs makes dir and its parents durable.
func makeDirs(fsys vfs.FS, dir string) error {
	if _, err := fsys.Stat(dir); err == nil {
		return nil
	}
	var parents []string
	for p := fsys.PathDir(dir); ; p = fsys.PathDir(p) {
		parents = append(parents, p)
		if _, err := fsys.Stat(p); err == nil || fsys.PathDir(p) == p {
			break
		}
	}
	if err := fsys.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	for _, p := range parents {
		if err := syncDir(fsys, p); err != nil {
			return err
		}
	}
	return nil
}
