package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// tableName is one file of a key table in a directory.
type tableName struct {
	name  string
	which byte
	epoch uint32
	fresh bool // unfinished
}

// tableNames are the files of all epochs in a directory, in the order of their names.
type tableNames []tableName

// listTable finds the files; a directory that does not exist has none.
func listTable(fsys vfs.FS, dir string) (tableNames, error) {
	names, err := fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list key table files in %s: %w", dir, err)
	}
	slices.Sort(names)
	var found tableNames
	for _, name := range names {
		if which, epoch, fresh, ok := parseName(name); ok {
			found = append(found, tableName{name, which, epoch, fresh})
		}
	}
	return found, nil
}

// epochs lists the epochs of finished files, newest first.
func (t tableNames) epochs() []uint32 {
	var out []uint32
	for _, f := range t {
		if !f.fresh && !slices.Contains(out, f.epoch) {
			out = append(out, f.epoch)
		}
	}
	slices.Sort(out)
	slices.Reverse(out)
	return out
}

// newest is the newest epoch of finished files.
func (t tableNames) newest() (uint32, bool) {
	if e := t.epochs(); len(e) > 0 {
		return e[0], true
	}
	return 0, false
}

// has tells whether a finished file is there.
func (t tableNames) has(which byte, epoch uint32) bool {
	return slices.ContainsFunc(t, func(f tableName) bool { return !f.fresh && f.which == which && f.epoch == epoch })
}

// others lists all names but the finished ones of an epoch.
func (t tableNames) others(epoch uint32) []string {
	var out []string
	for _, f := range t {
		if f.fresh || f.epoch != epoch {
			out = append(out, f.name)
		}
	}
	return out
}

// of lists all names of an epoch, finished or not.
func (t tableNames) of(epoch uint32) []string {
	var out []string
	for _, f := range t {
		if f.epoch == epoch {
			out = append(out, f.name)
		}
	}
	return out
}

// removeNames removes files durably; one that is gone is no error. It tries all.
func removeNames(fsys vfs.FS, dir string, names []string) error {
	if len(names) == 0 {
		return nil
	}
	var errs []error
	for _, name := range names {
		if err := fsys.Remove(fsys.PathJoin(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("remove %s: %w", name, err))
		}
	}
	return errors.Join(append(errs, syncDir(fsys, dir))...)
}
