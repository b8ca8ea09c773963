package store

import (
	"context"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/mod/sumdb/tlog"
)

func TestProofs(t *testing.T) {
	r := mustStart(t, testOptions(vfs.NewMem()))
	defer func() { mustStop(t, r) }()
	heads := []Head{r.Head()}
	for i := range 20 {
		_, err := r.commit(mutation(id(i)))
		noError(t, err)
		heads = append(heads, r.Head())
	}
	entries, err := r.Entries(context.Background(), 0, 100)
	noError(t, err)
	last := heads[len(heads)-1]
	for i := range entries {
		for _, h := range heads[i:] {
			p, err := r.ProveEntry(uint64(i), h.Size)
			noError(t, err)
			noError(t, tlog.CheckRecord(p, int64(h.Size), h.Root, int64(i), entries[i].LeafHash()))
			if tlog.CheckRecord(p, int64(h.Size), h.Root, int64(i), tlog.RecordHash([]byte("forged"))) == nil {
				t.Fatalf("proof of entry %d holds for another entry", i)
			}
		}
		p, err := r.ProveGrowth(heads[i].Size, last.Size)
		noError(t, err)
		noError(t, tlog.CheckTree(p, int64(last.Size), last.Root, int64(heads[i].Size), heads[i].Root))
	}
	_, err = r.ProveEntry(5, 1000)
	wantError(t, err, ErrNotFound)
	_, err = r.ProveEntry(21, 21)
	wantError(t, err, ErrNotFound)
	_, err = r.ProveGrowth(0, 5)
	wantError(t, err, ErrNotFound)
}
