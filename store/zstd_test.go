package store

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestCompressionStandIn: Pebble's strongest compression works with what go.mod puts in
// the place of its C library, for bytes that compress and for bytes that do not.
func TestCompressionStandIn(t *testing.T) {
	o := &pebble.Options{FS: vfs.NewMem()}
	for i := range o.Levels {
		o.Levels[i].Compression = func() *block.CompressionProfile { return block.ZstdCompression }
	}
	db, err := pebble.Open("db", o)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	value := func(i int) []byte {
		if i%2 == 0 {
			return bytes.Repeat([]byte{byte(i)}, 3000)
		}
		b := make([]byte, 3000)
		for j := range b {
			b[j] = byte((i*7919 + j*104729) * 31 >> 7)
		}
		return b
	}
	for i := range 200 {
		if err := db.Set(fmt.Appendf(nil, "k%03d", i), value(i), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := db.Compact(t.Context(), []byte("a"), []byte("z"), false); err != nil {
		t.Fatal(err)
	}
	if m := db.Metrics(); m.Total().TablesSize > 450_000 {
		t.Errorf("tables of %d bytes, want them compressed", m.Total().TablesSize)
	}
	for i := range 200 {
		v, c, err := db.Get(fmt.Appendf(nil, "k%03d", i))
		if err != nil || !bytes.Equal(v, value(i)) {
			t.Fatalf("value %d: %v", i, err)
		}
		_ = c.Close()
	}
}
