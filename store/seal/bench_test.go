package seal

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func BenchmarkSeal(b *testing.B) {
	k, plain := testKey(b, Ref{1, 1}, 1), noise(4096, 1)
	b.Run("4KB", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		b.ReportAllocs()
		for b.Loop() {
			k.Seal(testContext(), plain)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	k := testKey(b, Ref{1, 1}, 1)
	sealed := k.Seal(testContext(), noise(4096, 1))
	b.Run("4KB", func(b *testing.B) {
		b.SetBytes(4096)
		for b.Loop() {
			if _, err := k.Open(testContext(), sealed); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// diskTable is a table of real files with blocks of the usual size.
func diskTable(b *testing.B, slots int) *Table {
	p := newPlace(vfs.Default)
	dir := b.TempDir()
	p.opts.block = BlockSlots
	p.opts.Dir = filepath.Join(dir, "keys")
	p.opts.Keys = KeyDir(vfs.Default, filepath.Join(dir, "secrets"))
	tab := p.create(b)
	if err := tab.Reserve(slots); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { tab.Close() })
	return tab
}

func BenchmarkKey(b *testing.B) {
	tab := diskTable(b, 20000)
	refs := refsOf(allocate(b, tab, 20000))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := tab.Key(refs[i*7919%len(refs)]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAllocate mints, syncs and hands out; every 4,096th waits for the block.
func BenchmarkAllocate(b *testing.B) {
	tab := diskTable(b, 1)
	for b.Loop() {
		if _, err := tab.Allocate(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDestroy(b *testing.B) {
	tab := diskTable(b, 1)
	for b.Loop() {
		k, err := tab.Allocate()
		if err != nil {
			b.Fatal(err)
		}
		if err := tab.Destroy(k.ref); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRotate(b *testing.B) {
	b.Run("slots=100k", func(b *testing.B) {
		tab := diskTable(b, 100_000)
		for b.Loop() {
			if _, err := tab.Rotate(context.Background(), nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkOpenTable(b *testing.B) {
	b.Run("slots=100k", func(b *testing.B) {
		tab := diskTable(b, 100_000)
		tab.Close()
		for b.Loop() {
			again, _, err := OpenTable(context.Background(), tab.opts)
			if err != nil {
				b.Fatal(err)
			}
			again.Close()
		}
	})
}
