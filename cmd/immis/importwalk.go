package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// walkNames is how many names of one folder are held at a time. A folder with more is
// read again for each further batch, so that memory stays bounded and the order is
// that of the names all the same.
const walkNames = 1 << 16

// walk visits what is in a folder of root: first its files in the order of their names,
// then its subfolders in that order, so that the files of a folder come without a
// break. It does not follow symbolic links. visit gets an error in place of an entry
// that could not be read; it ends the walk by returning false.
func walk(root *os.Root, dir string, names int, visit func(rel string, typ fs.FileMode, err error) bool) bool {
	for _, folders := range []bool{false, true} {
		after := ""
		for {
			batch, more, err := list(root, dir, folders, after, names)
			if err != nil && !folders && !visit(dir, fs.ModeDir, err) {
				return false
			}
			for _, e := range batch {
				rel := path.Join(dir, e.name)
				if folders {
					if !walk(root, rel, names, visit) {
						return false
					}
				} else if !visit(rel, e.typ, nil) {
					return false
				}
			}
			if !more || err != nil {
				break
			}
			after = batch[len(batch)-1].name
		}
	}
	return true
}

type dirEntry struct {
	name string
	typ  fs.FileMode
}

// list gives the first names of a folder's files, or of its subfolders, that come after
// a name, in order, and whether there are more.
func list(root *os.Root, dir string, folders bool, after string, names int) (batch []dirEntry, more bool, err error) {
	order := func(a, b dirEntry) int { return strings.Compare(a.name, b.name) }
	cut := func() {
		slices.SortFunc(batch, order)
		if len(batch) > names {
			batch, more = batch[:names], true
		}
	}
	err = scan(root, dir, func(e fs.DirEntry) bool {
		if e.IsDir() == folders && (after == "" || e.Name() > after) {
			if batch = append(batch, dirEntry{e.Name(), e.Type()}); len(batch) == 2*names {
				cut()
			}
		}
		return true
	})
	cut()
	return batch, more, err
}

// scan reads the entries of a folder in the order of the disk.
func scan(root *os.Root, dir string, visit func(fs.DirEntry) bool) error {
	f, err := root.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for {
		entries, err := f.ReadDir(1024)
		for _, e := range entries {
			if !visit(e) {
				return nil
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// countFiles counts the files below a folder, for the progress line; what cannot be read
// is told by the walk.
func countFiles(ctx context.Context, root *os.Root, dir string) (n uint64) {
	var folders []string
	_ = scan(root, dir, func(e fs.DirEntry) bool {
		if e.IsDir() {
			folders = append(folders, path.Join(dir, e.Name()))
		} else {
			n++
		}
		return ctx.Err() == nil
	})
	for _, d := range folders {
		n += countFiles(ctx, root, d)
	}
	return n
}
