package seal

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// CopyTo writes a copy of the table, wrapped keys only, into a directory, reads it back
// and compares, and then removes older copies there. OpenTable opens the copy with the
// key of the same epoch. Keys minted while it runs may be missing. A copy is useful as long as the epoch lasts; keys destroyed after
// it was made are dead in it once the epoch has ended. It waits for a running rotation.
func (t *Table) CopyTo(fs vfs.FS, dir string) error {
	t.rotating.Lock()
	defer t.rotating.Unlock()
	if fs == t.opts.FS && dir == t.opts.Dir {
		return fmt.Errorf("copy key table: directory is the table's own, want another")
	}
	t.view.RLock()
	img := t.cur
	t.view.RUnlock()
	if err := t.copyImage(context.Background(), img, fs, dir); err != nil {
		return fmt.Errorf("copy key table: %w", err)
	}
	if err := pruneCopy(fs, dir, img.epoch); err != nil {
		return fmt.Errorf("copy key table: remove older copies: %w", err)
	}
	return nil
}

// copyImage writes both files of an image aside, syncs them, reads them back, and
// renames them. Changes go on meanwhile: each block is read with writers shut out, so the
// copy is of whole slots. img is the current image or the complete one of a rotation.
func (t *Table) copyImage(ctx context.Context, img *image, fs vfs.FS, dir string) error {
	if err := makeDir(fs, dir); err != nil {
		return err
	}
	files := map[byte]vfs.File{}
	closeAll := func() (err error) {
		for which, f := range files {
			err = errors.Join(err, f.Close())
			delete(files, which)
		}
		return err
	}
	for _, which := range []byte{fileA, fileB} {
		f, err := createFile(fs, fs.PathJoin(dir, fileName(which, img.epoch)+suffixNew))
		if err != nil {
			return errors.Join(fmt.Errorf("create copy: %w", err), closeAll())
		}
		files[which] = f
	}
	digest, err := t.writeCopy(ctx, img, files)
	if err = errors.Join(err, closeAll()); err != nil {
		return err
	}
	for _, which := range []byte{fileA, fileB} {
		if err := confirm(fs, fs.PathJoin(dir, fileName(which, img.epoch)+suffixNew), digest); err != nil {
			return err
		}
	}
	return publishNames(fs, dir, img.epoch)
}

// writeCopy fills and syncs the files and returns the digest of their content.
func (t *Table) writeCopy(ctx context.Context, img *image, files map[byte]vfs.File) (hash.Hash, error) {
	digest := sha256.New()
	put := func(data []byte, at int64) error {
		digest.Write(data)
		for _, f := range files {
			if _, err := f.WriteAt(data, at); err != nil {
				return fmt.Errorf("write copy at %d: %w", at, err)
			}
		}
		return nil
	}
	if err := put(img.encode(), 0); err != nil {
		return nil, err
	}
	// What is minted from here on is not in the copy: it would never be done beside a
	// table that grows as fast.
	total := t.size()
	for first := uint32(0); first < total; first += t.block {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		block, err := t.readBlock(img, first)
		if err != nil {
			return nil, err
		}
		if err := put(block, slotOffset(first)); err != nil {
			return nil, err
		}
	}
	for _, f := range files {
		if err := f.Sync(); err != nil {
			return nil, fmt.Errorf("sync copy: %w", err)
		}
	}
	return digest, nil
}

// readBlock reads one block, each slot from the file where it is right. A slot that is
// damaged in both files is zeros.
func (t *Table) readBlock(img *image, first uint32) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, ErrClosed
	}
	if img.broken != nil {
		return nil, img.broken
	}
	n := int(t.block) * slotSize
	a, b := make([]byte, n), make([]byte, n)
	_, errA := readAt(img.a, a, slotOffset(first))
	_, errB := readAt(img.b, b, slotOffset(first))
	if err := errors.Join(errA, errB); err != nil {
		t.opts.Logger.Error("key table block not read in full", "slot", first, "error", err)
	}
	for i := range t.block {
		at := int(i) * slotSize
		v := img.reconcile(a[at:at+slotSize], b[at:at+slotSize], first+i, false)
		if v.best == nil {
			clear(a[at : at+slotSize])
			continue
		}
		copy(a[at:at+slotSize], v.best)
	}
	return a, nil
}

// confirm reads a copy back and compares it with what was written.
func confirm(fs vfs.FS, path string, want hash.Hash) error {
	f, err := fs.Open(path, vfs.SequentialReadsOption)
	if err != nil {
		return fmt.Errorf("read copy back: %w", err)
	}
	defer func() { _ = f.Close() }()
	got := sha256.New()
	if _, err := io.Copy(got, f); err != nil {
		return fmt.Errorf("read copy back: %w", err)
	}
	if g, w := got.Sum(nil), want.Sum(nil); string(g) != string(w) {
		return corrupt("read copy back: digest", fmt.Sprintf("%x", g[:8]), fmt.Sprintf("%x", w[:8]))
	}
	return nil
}

// pruneCopy keeps the copy of one epoch only.
func pruneCopy(fs vfs.FS, dir string, epoch uint32) error {
	found, err := listTable(fs, dir)
	if err != nil {
		return err
	}
	return removeNames(fs, dir, found.others(epoch))
}
