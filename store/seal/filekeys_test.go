package seal

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestFileKeysEndWithTheirEpoch: the key of a file opens after a restart, with the keys
// of no later epoch, and not when a bit of it is another.
func TestFileKeysEndWithTheirEpoch(t *testing.T) {
	ctx := context.Background()
	fs := vfs.NewMem()
	o := TableOptions{FS: fs, Dir: "/t", Keys: KeyDir(fs, "/k"), Store: ID{1}}
	table, err := CreateTable(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	key := bytes.Repeat([]byte{7}, 32)
	wrapped, err := table.FileKeys().Wrap(key)
	if err != nil {
		t.Fatal(err)
	}
	if other, err := table.FileKeys().Wrap(key); err != nil || bytes.Equal(other, wrapped) {
		t.Fatalf("wrapped twice into the same bytes (%v)", err)
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	table, _, err = OpenTable(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = table.Close() }()
	before := table.FileKeys()
	if got, err := before.Unwrap(wrapped); err != nil || !bytes.Equal(got, key) {
		t.Fatalf("after a restart: %x, %v", got, err)
	}
	for i := range wrapped {
		bad := bytes.Clone(wrapped)
		bad[i] ^= 0x10
		if _, err := before.Unwrap(bad); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("with byte %d changed: %v, want %v", i, err, ErrCorrupt)
		}
	}
	if _, err := before.Unwrap(wrapped[:11]); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("of 11 bytes: %v, want %v", err, ErrCorrupt)
	}
	epoch, err := table.Rotate(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if after := table.FileKeys(); after.Epoch() != epoch || before.Epoch() != epoch-1 {
		t.Fatalf("epochs %d and %d, want %d and %d", before.Epoch(), after.Epoch(), epoch-1, epoch)
	} else if _, err := after.Unwrap(wrapped); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("after the epoch: %v, want %v", err, ErrCorrupt)
	}
}
