package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"immis/store/seal"
)

// establish reads the identity of the store in the directory, or makes one.
//
// A new store is made in steps that a crash may cut anywhere: CREATING is
// written first and names the store, FORMAT last. Whoever finds CREATING without
// FORMAT goes on where the other stopped. An empty directory beside keys that
// exist is refused: it is more likely a volume that is not mounted than a wish
// for a new store, and an empty gallery knows nobody.
func (s *Store) establish(ctx context.Context) (id ID, created bool, err error) {
	fsys := s.opt.FS
	raw, err := readSmall(fsys, s.path(formatFile), 4096)
	if err == nil {
		id, err = decodeFormat(raw)
		if err == nil {
			err = s.dropBirth()
		}
		return id, false, err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return id, false, err
	}
	raw, err = readSmall(fsys, s.path(birthFile), 4096)
	switch {
	case err == nil:
		if id, err = decodeFormat(raw); err != nil {
			return id, false, err
		}
	case errors.Is(err, fs.ErrNotExist):
		if err := s.mayCreate(ctx); err != nil {
			return id, false, err
		}
		_, _ = rand.Read(id[:]) // cannot fail
		if err := writeSmall(fsys, s.path(birthFile), encodeFormat(id)); err != nil {
			return id, false, err
		}
	default:
		return id, false, err
	}
	if err := s.create(ctx, id); err != nil {
		return id, false, fmt.Errorf("create: %w", err)
	}
	return id, true, nil
}

// mayCreate refuses directories and key sources that somebody else uses.
func (s *Store) mayCreate(ctx context.Context) error {
	names, err := s.opt.FS.List(s.dir)
	if err != nil {
		return fmt.Errorf("list data directory: %w", err)
	}
	for _, n := range names {
		if n != lockFile && n != birthFile+".tmp" && n != "lost+found" {
			return damaged("%s is missing beside %q: not a store, or not a whole one", formatFile, n)
		}
	}
	secrets, err := s.opt.Keys.List(ctx)
	if err != nil {
		return fmt.Errorf("list secrets: %w", err)
	}
	for _, n := range secrets {
		if n == secretHead || n == secretPseudonym {
			return damaged("data directory is empty, but the key source has secret %q of a store: "+
				"mount the right volume, or give a new key source for a new store", n)
		}
	}
	return nil
}

func (s *Store) dropBirth() error {
	if _, err := s.opt.FS.Stat(s.path(birthFile)); err != nil {
		return nil
	}
	if err := s.opt.FS.Remove(s.path(birthFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", birthFile, err)
	}
	return syncDir(s.opt.FS, s.dir)
}

func (s *Store) create(ctx context.Context, id ID) error {
	fsys := s.opt.FS
	s.id = id
	for _, name := range []string{secretHead, secretPseudonym} {
		if err := ensureSecret(ctx, s.opt.Keys, name); err != nil {
			return err
		}
	}
	if err := s.loadSecrets(ctx); err != nil {
		return err
	}
	for _, d := range []string{keysDir, blobsDir} {
		if err := fsys.MkdirAll(s.path(d), 0o700); err != nil {
			return fmt.Errorf("make %s: %w", d, err)
		}
	}
	if err := s.createTable(ctx); err != nil {
		return err
	}
	head, err := s.createLedger()
	if err != nil {
		return err
	}
	if err := createAnchor(fsys, s.path(anchorFile), head); err != nil {
		return err
	}
	if err := writeSmall(fsys, s.path(formatFile), encodeFormat(id)); err != nil {
		return err
	}
	return s.dropBirth()
}

func (s *Store) createTable(ctx context.Context) error {
	exists, err := seal.TableExists(s.opt.FS, s.path(keysDir))
	if err != nil || exists {
		return err // one that is there is opened, and verified, later
	}
	o := s.tableOptions()
	o.Metrics = nil
	t, err := seal.CreateTable(ctx, o)
	if err != nil {
		return err
	}
	return t.Close()
}

// createLedger makes the database with entry 0 and returns its signed head.
func (s *Store) createLedger() (Head, error) {
	dir := s.path(ledgerDir)
	if err := s.opt.FS.RemoveAll(dir); err != nil {
		return Head{}, fmt.Errorf("remove unfinished ledger: %w", err)
	}
	h := newHealth(s.log)
	opts := pebbleOptions(s.opt, h, false)
	opts.ErrorIfNotExists, opts.ErrorIfExists = false, true
	defer opts.Cache.Unref()
	var db *pebble.DB
	err := guarded(func() (err error) {
		db, err = pebble.Open(dir, opts)
		return err
	})
	if err != nil {
		return Head{}, fmt.Errorf("make ledger: %w", err)
	}
	p, err := newPending(own(KindCreated, By{}))
	if err != nil {
		return Head{}, err
	}
	t := &trial{batch: db.NewBatch(), meta: newMeta(), at: s.opt.Now().UTC()}
	fx, err := apply(dbReader{db}, t.meta, 0, t.at, &body{})
	if err != nil {
		return Head{}, err
	}
	t.meta = fx.meta
	if err := t.record(p, 0, t.meta.state); err != nil {
		return Head{}, err
	}
	if err := t.batch.Set([]byte{prefixMeta}, t.meta.encode(), nil); err != nil {
		return Head{}, err
	}
	if err := h.do("write first entry", func() error { return t.batch.Commit(pebble.Sync) }); err != nil {
		return Head{}, err
	}
	if err := guarded(db.Close); err != nil {
		return Head{}, fmt.Errorf("close new ledger: %w", err)
	}
	if err := syncDir(s.opt.FS, s.dir); err != nil {
		return Head{}, err
	}
	return signHead(s.signer, s.id, t.tree.size, t.tree.root(), time.Unix(0, t.meta.last))
}

// ensureSecret makes a secret that is not there yet.
func ensureSecret(ctx context.Context, keys seal.KeySource, name string) error {
	_, err := keys.Get(ctx, name)
	if err == nil {
		return nil
	}
	if errors.Is(err, seal.ErrCorrupt) {
		// Only in an unfinished creation: nothing was made with it yet.
		if err := keys.Destroy(ctx, name); err != nil {
			return fmt.Errorf("remove unfinished secret %q: %w", name, err)
		}
	} else if !errors.Is(err, seal.ErrNoSecret) {
		return fmt.Errorf("secret %q of the key source: %w", name, err)
	}
	secret := make([]byte, seal.KeySize)
	_, _ = rand.Read(secret) // cannot fail
	if err := keys.Put(ctx, name, secret); err != nil {
		return fmt.Errorf("keep secret %q: %w", name, err)
	}
	return nil
}
