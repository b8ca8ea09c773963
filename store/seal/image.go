package seal

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// image is one epoch of the table on disk: two files of equal content and the
// key-encryption key that wraps their slots. Writers are serialized by Table.mu;
// reads may run beside them (a torn read fails its checksum and is done again).
type image struct {
	header
	kek   cipher.AEAD
	files *FileKeys
	a, b  vfs.File
	// synced is true once whatever was written in bulk has been synced; until then
	// single changes need no sync of their own, the bulk's covers them.
	synced bool
	// complete is true once every minted slot is in the image.
	complete bool
	// published is true from the first moment at which OpenTable could choose this image
	// after a crash. Before, a failure to write it only ends the rotation; from then on a
	// change that is not in it is not acknowledged.
	published bool
	// broken is the first failure to write the image before it was published.
	broken error
}

// slotOffset is where slot n stands.
func slotOffset(n uint32) int64 { return headerSize + int64(n)*slotSize }

// newImage makes the two files under their unfinished names, with headers, not synced.
func newImage(fs vfs.FS, dir string, h header, secret []byte) (*image, error) {
	kek, err := newGCM(secret)
	if err != nil {
		return nil, fmt.Errorf("key-encryption key of epoch %d: %w", h.epoch, err)
	}
	files, err := newFileKeys(secret, h)
	if err != nil {
		return nil, err
	}
	img := &image{header: h, kek: kek, files: files}
	page := h.encode()
	for _, which := range []byte{fileA, fileB} {
		path := fs.PathJoin(dir, fileName(which, h.epoch)+suffixNew)
		f, err := createFile(fs, path)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("create %s: %w", path, err), img.close())
		}
		if which == fileA {
			img.a = f
		} else {
			img.b = f
		}
		if _, err := f.WriteAt(page, 0); err != nil {
			return nil, errors.Join(fmt.Errorf("write header of %s: %w", path, err), img.close())
		}
	}
	return img, nil
}

// createFile makes an empty file that can be written at offsets. FS.Create gives a
// new file but, by the contract of vfs, not one for WriteAt.
func createFile(fs vfs.FS, path string) (vfs.File, error) {
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
}

func (img *image) close() error {
	var err error
	if img.a != nil {
		err = img.a.Close()
	}
	if img.b != nil {
		err = errors.Join(err, img.b.Close())
	}
	img.a, img.b = nil, nil
	return err
}

// write puts data at an offset into file A, syncs it, then into file B and syncs it.
// Never both at once: at every moment one file is whole.
func (img *image) write(data []byte, at int64) error {
	if err := img.writeFile(img.a, fileA, data, at); err != nil {
		return err
	}
	return img.writeFile(img.b, fileB, data, at)
}

func (img *image) writeFile(f vfs.File, which byte, data []byte, at int64) error {
	if _, err := f.WriteAt(data, at); err != nil {
		return fmt.Errorf("write %s at %d: %w", fileName(which, img.epoch), at, err)
	}
	return img.syncFile(f, which)
}

// syncFile syncs one file, if bulk writing is over.
func (img *image) syncFile(f vfs.File, which byte) error {
	if !img.synced {
		return nil
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", fileName(which, img.epoch), err)
	}
	return nil
}

// sync ends a piece of bulk writing.
func (img *image) sync() error {
	if err := img.a.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", fileName(fileA, img.epoch), err)
	}
	if err := img.b.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", fileName(fileB, img.epoch), err)
	}
	return nil
}

// readAt fills b from f; what lies behind the end of the file, or cannot be read,
// is zero, which no slot decodes from. n is how many bytes were there.
func readAt(f vfs.File, b []byte, at int64) (n int, err error) {
	n, err = f.ReadAt(b, at)
	n = max(n, 0)
	clear(b[n:])
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// open decodes and unwraps the slot n in b. For an erased slot it returns no key and
// no error.
func (img *image) open(b []byte, n uint32) (slot, []byte, error) {
	s, err := decodeSlot(b, n)
	if err != nil || s.state == slotErased {
		return s, nil, err
	}
	raw, err := s.unwrap(img.kek, img.store, img.epoch)
	return s, raw, err
}

// verdict is what reconcile found about one slot in the two files.
type verdict struct {
	// best holds the bytes that count, nil if both are damaged.
	best []byte
	slot slot
	// badA and badB say what is wrong with a file's slot; nil if it is as it should be.
	badA, badB error
	// marker tells that exactly one file holds a valid erased marker.
	marker bool
}

// errDiffers marks a slot that is valid but not the one that counts.
var errDiffers = errors.New("differs from the other file")

// reconcile decides what slot n is, from its bytes in both files. A valid erased
// marker wins over anything: an erasure is never undone. Of two valid keys that differ,
// which no acknowledged write leaves behind, the one that opens wins, file A's first.
// With thorough set, keys are unwrapped and not only checked by their checksums.
func (img *image) reconcile(a, b []byte, n uint32, thorough bool) verdict {
	check := func(x []byte) (slot, error) {
		if thorough {
			s, _, err := img.open(x, n)
			return s, err
		}
		return decodeSlot(x, n)
	}
	sa, errA := check(a)
	if string(a) == string(b) {
		if errA != nil {
			return verdict{badA: errA, badB: errA}
		}
		return verdict{best: a, slot: sa}
	}
	sb, errB := check(b)
	erasedA := errA == nil && sa.state == slotErased
	erasedB := errB == nil && sb.state == slotErased
	switch {
	case erasedA:
		return verdict{best: a, slot: sa, badB: orDiffers(errB), marker: !erasedB}
	case erasedB:
		return verdict{best: b, slot: sb, badA: orDiffers(errA), marker: true}
	case errA != nil && errB != nil:
		return verdict{badA: errA, badB: errB}
	case errA != nil:
		return verdict{best: b, slot: sb, badA: errA}
	case errB != nil:
		return verdict{best: a, slot: sa, badB: errB}
	case thorough:
		return verdict{best: a, slot: sa, badB: errDiffers}
	}
	return img.reconcile(a, b, n, true)
}

func orDiffers(err error) error {
	if err == nil {
		return errDiffers
	}
	return err
}

// syncDir makes the names in a directory durable.
func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("open directory %s: %w", dir, err)
	}
	if err := d.Sync(); err != nil {
		return errors.Join(fmt.Errorf("sync directory %s: %w", dir, err), d.Close())
	}
	return d.Close()
}

// makeDir makes a directory that only its owner can use, and the ones above it, and
// makes each durable. One that exists may be left from a try whose sync failed, so its
// name is synced again, unless its parent is not ours to open.
func makeDir(fsys vfs.FS, dir string) error {
	parent := fsys.PathDir(dir)
	if _, err := fsys.Stat(dir); err == nil {
		if err := syncDir(fsys, parent); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
		return nil
	}
	if parent != dir {
		if err := makeDir(fsys, parent); err != nil {
			return err
		}
	}
	if err := fsys.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make directory %s: %w", dir, err)
	}
	return syncDir(fsys, parent)
}
