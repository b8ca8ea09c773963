package seal

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Secret file: base64 (standard alphabet) of the 32 bytes and their CRC-32C, big
// endian, 48 characters, and a newline. The checksum is there because a flipped bit
// in the pseudonym key would otherwise give every person a new name without a word.
const (
	secretText = (KeySize + 4) / 3 * 4
	secretFile = secretText + 1
	tempPrefix = ".new-"
)

// keyDir is a KeySource of files.
type keyDir struct {
	fs   vfs.FS
	dir  string
	real bool       // fs ends in the operating system, so modes mean something
	mu   sync.Mutex // one change at a time: two puts would share a temporary file
}

// KeyDir keeps each secret in a file of its own in dir, which it makes with mode
// 0700 when the first secret is put. Files have mode 0600 and are written aside,
// synced, renamed, and the directory synced. On the operating system's own file
// system it refuses (ErrExposed) a file that group or others can read or write, and a
// directory that they can write. Destroy overwrites with zeros, syncs, and removes;
// a file system that writes elsewhere (copy on write, flash) may keep the old block.
func KeyDir(fs vfs.FS, dir string) KeySource {
	return &keyDir{fs: fs, dir: dir, real: vfs.Root(fs) == vfs.Default}
}

func (d *keyDir) path(name string) string { return d.fs.PathJoin(d.dir, name) }

// exposed refuses modes that let others read (file) or replace (dir) a secret.
func (d *keyDir) exposed(path string, forbidden fs.FileMode) error {
	if !d.real {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if m := info.Mode().Perm(); m&forbidden != 0 {
		return fmt.Errorf("%s has mode %04o, want none of %04o (chmod it): %w", path, m, forbidden, ErrExposed)
	}
	return nil
}

// Get implements KeySource.
func (d *keyDir) Get(ctx context.Context, name string) ([]byte, error) {
	secret, err := d.get(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("read secret %s: %w", name, err)
	}
	return secret, nil
}

func (d *keyDir) get(ctx context.Context, name string) ([]byte, error) {
	if err := errors.Join(ctx.Err(), checkName(name)); err != nil {
		return nil, err
	}
	f, err := d.fs.Open(d.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoSecret
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if err := errors.Join(d.exposed(d.path(name), 0o077), d.exposed(d.dir, 0o022)); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, secretFile+1))
	if err != nil {
		return nil, err
	}
	return decodeSecret(text)
}

// decodeSecret reads the content of a secret file. Errors wrap ErrCorrupt and show
// nothing of the content.
func decodeSecret(text []byte) ([]byte, error) {
	if len(text) != secretFile || text[secretText] != '\n' {
		return nil, corrupt("secret file: length", len(text), fmt.Sprintf("%d characters and a newline", secretText))
	}
	raw := make([]byte, base64.StdEncoding.DecodedLen(secretText))
	if n, err := base64.StdEncoding.Strict().Decode(raw, text[:secretText]); err != nil || n != KeySize+4 {
		return nil, corrupt("secret file: text", "not base64", fmt.Sprintf("base64 of %d bytes", KeySize+4))
	}
	if got, want := sum(raw[:KeySize]), binary.BigEndian.Uint32(raw[KeySize:]); got != want {
		return nil, corrupt("secret file: checksum", "does not hold", "the checksum of the secret")
	}
	return raw[:KeySize:KeySize], nil
}

func encodeSecret(secret []byte) []byte {
	raw := binary.BigEndian.AppendUint32(slices.Clone(secret), sum(secret))
	return append(base64.StdEncoding.AppendEncode(nil, raw), '\n')
}

// Put implements KeySource.
func (d *keyDir) Put(ctx context.Context, name string, secret []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.put(ctx, name, secret); err != nil {
		return fmt.Errorf("write secret %s: %w", name, err)
	}
	return nil
}

func (d *keyDir) put(ctx context.Context, name string, secret []byte) error {
	if err := errors.Join(ctx.Err(), checkSecret(name, secret)); err != nil {
		return err
	}
	if err := makeDir(d.fs, d.dir); err != nil {
		return err
	}
	if err := d.exposed(d.dir, 0o022); err != nil {
		return err
	}
	if _, err := d.fs.Stat(d.path(name)); err == nil {
		return ErrExists
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	temp := d.path(tempPrefix + name)
	if err := d.wipe(temp); err != nil {
		return err
	}
	if err := d.write(temp, encodeSecret(secret)); err != nil {
		return errors.Join(err, d.wipe(temp))
	}
	if err := d.fs.Rename(temp, d.path(name)); err != nil {
		return errors.Join(err, d.wipe(temp))
	}
	return syncDir(d.fs, d.dir)
}

// write makes a file that nobody else could ever open: the mode is there before
// the content is.
func (d *keyDir) write(path string, text []byte) error {
	if d.real {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return d.overwrite(path, text)
}

// overwrite writes text over the beginning of a file and syncs it.
func (d *keyDir) overwrite(path string, text []byte) error {
	f, err := d.fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(text, 0); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// wipe overwrites a file with zeros, syncs, removes it and syncs the directory.
// A file that does not exist is no error.
func (d *keyDir) wipe(path string) error {
	info, err := d.fs.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if n := info.Size(); n > 0 {
		if err := d.overwrite(path, make([]byte, min(n, headerSize))); err != nil {
			return err
		}
	}
	if err := d.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncDir(d.fs, d.dir)
}

// Destroy implements KeySource.
func (d *keyDir) Destroy(ctx context.Context, name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := errors.Join(ctx.Err(), checkName(name))
	if err == nil {
		err = errors.Join(d.wipe(d.path(tempPrefix+name)), d.wipe(d.path(name)))
	}
	if err == nil {
		err = d.settle()
	}
	if err != nil {
		return fmt.Errorf("destroy secret %s: %w", name, err)
	}
	return nil
}

// settle syncs the directory if there is one: a Destroy that finds nothing may
// follow one whose removal did not reach the disk.
func (d *keyDir) settle() error {
	if _, err := d.fs.Stat(d.dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return syncDir(d.fs, d.dir)
}

// List implements KeySource. Files that are no secrets are passed over.
func (d *keyDir) List(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list secrets: %w", err)
	}
	names, err := d.fs.List(d.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list secrets: %w", err)
	}
	names = slices.DeleteFunc(names, func(n string) bool {
		return strings.HasPrefix(n, tempPrefix) || checkName(n) != nil
	})
	slices.Sort(names)
	return names, nil
}
