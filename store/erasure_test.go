package store

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"immis/store/seal"
)

// recorder is a file system that keeps every byte that was ever written, as a
// disk with free blocks that nobody wipes would.
type recorder struct {
	vfs.FS
	mu     sync.Mutex
	chunks map[string][]*[]byte // by path
}

func (r *recorder) file(name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &recordedFile{File: f, rec: r, name: name}, nil
}

func (r *recorder) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := r.FS.Create(name, c)
	return r.file(name, f, err)
}

func (r *recorder) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := r.FS.OpenReadWrite(name, c, o...)
	return r.file(name, f, err)
}

func (r *recorder) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := r.FS.ReuseForWrite(old, name, c)
	return r.file(name, f, err)
}

func (r *recorder) Unwrap() vfs.FS { return r.FS }

// add appends to a chunk (nil: a new one) and returns it.
func (r *recorder) add(name string, chunk *[]byte, p []byte) *[]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if chunk == nil {
		chunk = new([]byte)
		r.chunks[name] = append(r.chunks[name], chunk)
	}
	*chunk = append(*chunk, p...)
	return chunk
}

type recordedFile struct {
	vfs.File
	rec  *recorder
	name string
	tail *[]byte // what Write has appended through this handle
}

func (f *recordedFile) Write(p []byte) (int, error) {
	f.tail = f.rec.add(f.name, f.tail, p)
	return f.File.Write(p)
}

func (f *recordedFile) WriteAt(p []byte, at int64) (int, error) {
	f.rec.add(f.name, nil, p)
	return f.File.WriteAt(p, at)
}

// TestErasureLeavesNoKey erases 200 subjects and lets an attacker have every
// byte that was ever written to the data directory, and all key-encryption keys
// that are left.
func TestErasureLeavesNoKey(t *testing.T) {
	keys, rows, err := attack(false, 200)
	noError(t, err)
	if keys != 200 || rows != 200 {
		t.Fatalf("control without the epoch: %d keys and %d rows of 200 open: the attacker is too weak to prove anything", keys, rows)
	}
	keys, rows, err = attack(true, 200)
	noError(t, err)
	if keys != 0 || rows != 0 {
		t.Fatalf("after the epoch %d keys and %d rows of 200 erased subjects still open", keys, rows)
	}
}

// attack runs a store with n erasures, with or without an epoch after them, and
// counts the erased data keys and rows that the recorded bytes give away.
func attack(epoch bool, n int) (keys, rows int, err error) {
	rec := &recorder{FS: vfs.NewMem(), chunks: map[string][]*[]byte{}}
	secrets := seal.KeyDir(vfs.NewMem(), testKeys)
	o := testOptions(rec)
	o.Keys = secrets
	r, err := start(o)
	if err != nil {
		return 0, 0, err
	}
	victims := map[Ref]seal.Context{}
	for i := range n {
		key, err := r.enroll(id(i), fmt.Sprintf("plain value of subject %010d", i))
		if err != nil {
			return 0, 0, err
		}
		victims[key.Ref()] = r.Context(Row{Table: 1, Subject: id(i), Key: id(0)})
	}
	for i := range n {
		if _, err := r.commit(mutation(id(i), DropSubject(id(i), true))); err != nil {
			return 0, 0, err
		}
	}
	if epoch {
		if err := endEpoch(r.Store, context.Background(), nil); err != nil {
			return 0, 0, err
		}
	}
	if err := r.stop(); err != nil {
		return 0, 0, err
	}
	names, err := secrets.List(context.Background())
	if err != nil {
		return 0, 0, err
	}
	stolen := map[Ref]cipher.AEAD{}
	for _, name := range names {
		if !strings.HasPrefix(name, "kek-") {
			continue
		}
		kek, err := secrets.Get(context.Background(), name)
		if err != nil {
			return 0, 0, err
		}
		rec.unwrapAll(r.id, kek, victims, stolen)
	}
	return len(stolen), rec.openRows(victims, stolen), nil
}

// unwrapAll tries every record that could be a slot of the key table (see
// docs/FORMAT.md) with one key-encryption key and every epoch.
func (r *recorder) unwrapAll(store ID, kek []byte, victims map[Ref]seal.Context, stolen map[Ref]cipher.AEAD) {
	gcm := gcmOf(kek)
	for name, chunks := range r.chunks {
		if !strings.Contains(name, "/"+keysDir+"/") {
			continue
		}
		for _, c := range chunks {
			for b := *c; len(b) >= 76; b = b[4:] {
				ref := Ref{Slot: binary.BigEndian.Uint32(b), Generation: binary.BigEndian.Uint32(b[4:])}
				if _, ok := victims[ref]; !ok || b[8] != 1 {
					continue
				}
				for epoch := uint32(1); epoch <= 3; epoch++ {
					aad := append([]byte("immis/seal/slot/1\x00"), store[:]...)
					aad = binary.BigEndian.AppendUint32(appendRef(aad, ref), epoch)
					if raw, err := gcm.Open(nil, b[16:28], b[28:76], aad); err == nil {
						stolen[ref] = gcmOf(raw)
					}
				}
			}
		}
	}
}

func gcmOf(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return gcm
}

// openRows counts the victims of whom some recorded envelope opens.
func (r *recorder) openRows(victims map[Ref]seal.Context, stolen map[Ref]cipher.AEAD) int {
	opened := map[Ref]bool{}
	size := seal.Overhead + len(fmt.Sprintf("plain value of subject %010d", 0))
	for _, chunks := range r.chunks {
		for _, c := range chunks {
			b := *c
			for {
				i := bytes.Index(b, []byte{'I', 'S', 1, 1})
				if i < 0 || len(b) < i+size {
					break
				}
				e := b[i : i+size]
				ref := Ref{Slot: binary.BigEndian.Uint32(e[4:]), Generation: binary.BigEndian.Uint32(e[8:])}
				if gcm, ok := stolen[ref]; ok {
					v := victims[ref]
					aad := append([]byte("immis/seal/envelope/1\x00"), v.Store[:]...)
					aad = append(append(aad, v.Subject[:]...), v.Table)
					aad = appendRef(append(append(aad, v.Key[:]...), v.Version), ref)
					if _, err := gcm.Open(nil, e[12:24], e[24:], aad); err == nil {
						opened[ref] = true
					}
				}
				b = b[i+4:]
			}
		}
	}
	return len(opened)
}
