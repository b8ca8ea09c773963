package segfile

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Remove removes a file durably; one that is not there is no error. It may be open:
// who reads it reads on.
func Remove(fs vfs.FS, path string) error {
	if err := fs.Remove(path); err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return fmt.Errorf("remove segment file: %w", err)
	}
	if err := syncDir(fs, fs.PathDir(path)); err != nil {
		return fmt.Errorf("remove segment file %s: %w", path, err)
	}
	return nil
}

// RemoveUnfinished removes from a directory what calls of Write left that were cut by
// a crash. No call of Write may be under way there.
func RemoveUnfinished(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return fmt.Errorf("remove unfinished segment files: %w", err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, suffixNew) {
			continue
		}
		if err := Remove(fs, fs.PathJoin(dir, name)); err != nil {
			return err
		}
	}
	return nil
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
