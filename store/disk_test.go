package store

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestDiskFull(t *testing.T) {
	var free atomic.Uint64
	free.Store(1 << 40)
	fs := vfs.NewMem()
	o := testOptions(fs)
	o.Watermark, o.LowWatermark, o.Reserve = 1000, 400, 300
	o.FreeSpace = func() (uint64, error) { return free.Load(), nil }
	r := mustStart(t, o)
	defer func() { mustStop(t, r) }()
	for i := range 4 {
		_, err := r.enroll(id(i), "x")
		noError(t, err)
	}
	reserve := fs.PathJoin(testDir, reserveFile)
	if _, err := fs.Stat(reserve); err != nil {
		t.Fatalf("no reserve: %v", err)
	}
	key, err := r.SubjectKey(id(0))
	noError(t, err)
	grow := mutation(id(0), r.sealPut(key, Row{Table: 1, Subject: id(0), Key: id(1)}, "more", Any))
	read := mutation(id(0))
	read.Kind = KindRead
	erase := func(n int) Mutation { return mutation(id(n), DropSubject(id(n), true)) }

	free.Store(900) // below the watermark
	_, err = r.commit(grow)
	wantError(t, err, ErrDiskFull)
	if !strings.Contains(err.Error(), "900 bytes free, want 1000") {
		t.Errorf("error %q, want got and want", err)
	}
	_, _, err = r.PutBlob(t.Context(), key, id(0), strings.NewReader("picture"))
	wantError(t, err, ErrDiskFull)
	_, err = r.commit(read)
	noError(t, err)
	_, err = r.commit(erase(1))
	noError(t, err)

	free.Store(399) // below the low watermark: only what deletes, with the reserve given up
	_, err = r.commit(read)
	wantError(t, err, ErrDiskFull)
	_, err = r.commit(erase(2))
	noError(t, err)
	if _, err := fs.Stat(reserve); err == nil {
		t.Fatal("reserve was not given up for an erasure")
	}
	free.Store(99) // below a quarter of it nothing is written
	_, err = r.commit(erase(3))
	wantError(t, err, ErrDiskFull)
	if got, err := r.open(Row{Table: 1, Subject: id(0), Key: id(0)}); err != nil || got != "x" {
		t.Fatalf("read on a full disk: %q, %v", got, err)
	}

	free.Store(1299) // space again, not enough for the reserve
	_, err = r.commit(grow)
	noError(t, err)
	if _, err := fs.Stat(reserve); err == nil {
		t.Fatal("reserve was made where there is no room for it")
	}
	free.Store(1300)
	_, err = r.commit(grow)
	noError(t, err)
	if _, err := fs.Stat(reserve); err != nil {
		t.Fatalf("reserve was not made again: %v", err)
	}
	noError(t, r.sound())
}

func TestWeight(t *testing.T) {
	for name, c := range map[string]struct {
		m    Mutation
		size int
		want weight
	}{
		"enrollment":        {mutation(id(1), NewSubject(id(1), Ref{Slot: 1, Generation: 1})), 100, growing},
		"put":               {mutation(id(1), Op{Code: OpPut}), 100, growing},
		"erasure":           {mutation(id(1), DropSubject(id(1), true)), 100, shrinking},
		"delete and a mark": {mutation(id(1), Op{Code: OpDelete}, Op{Code: OpPut}), 4096, shrinking},
		"large rewrite":     {mutation(id(1), Op{Code: OpDelete}, Op{Code: OpPut}), 4097, growing},
		"move":              {mutation(id(1), DropSubject(id(1), true), NewSubject(id(2), Ref{Slot: 1, Generation: 1})), 100, growing},
		"decision":          {mutation(id(1)), 100, growing},
		"order to erase":    {Mutation{Kind: KindEngine, Frees: true}, 100, shrinking},
		"read":              {Mutation{Kind: KindRead + 3}, 100, reading},
	} {
		if got := c.m.weigh(c.size); got != c.want {
			t.Errorf("%s: weight %d, want %d", name, got, c.want)
		}
	}
}
