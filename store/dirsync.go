package store

import (
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// namedFS makes the name of a new file durable with the first sync of the file.
// Pebble syncs a new manifest, then points its marker at it, then syncs the
// directory, which holds both names: a power cut before that last sync may keep
// the marker and lose the manifest (found by TestPowerCuts). File systems that
// write a file's name with its first fsync hide this; POSIX does not promise it.
type namedFS struct{ vfs.FS }

// Create implements vfs.FS.
func (n namedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := n.FS.Create(name, category)
	if err != nil {
		return nil, err
	}
	return &namedFile{File: f, fs: n.FS, dir: n.FS.PathDir(name)}, nil
}

// Unwrap implements vfs.FS.
func (n namedFS) Unwrap() vfs.FS { return n.FS }

type namedFile struct {
	vfs.File
	fs    vfs.FS
	dir   string
	named atomic.Bool
}

func (f *namedFile) name() error {
	if f.named.Load() {
		return nil
	}
	if err := syncDir(f.fs, f.dir); err != nil {
		return err
	}
	f.named.Store(true)
	return nil
}

// Sync implements vfs.File.
func (f *namedFile) Sync() error {
	if err := f.File.Sync(); err != nil {
		return err
	}
	return f.name()
}

// SyncData implements vfs.File.
func (f *namedFile) SyncData() error {
	if err := f.File.SyncData(); err != nil {
		return err
	}
	return f.name()
}
