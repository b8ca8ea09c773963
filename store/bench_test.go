package store

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"immis/store/seal"
)

// BenchmarkCommit measures durable entries on the real file system: each one a
// new subject with a sealed row of 4 KB, from so many callers that wait for
// their answer.
func BenchmarkCommit(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			dir := b.TempDir()
			s, err := Open(context.Background(), Options{Dir: dir + "/data", Keys: seal.KeyDir(vfs.Default, dir+"/keys"), Reserve: -1})
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- s.Run(ctx) }()
			plain := make([]byte, 4096)
			var next atomic.Uint64
			var wg sync.WaitGroup
			b.SetBytes(int64(len(plain)))
			b.ResetTimer()
			for range callers {
				wg.Add(1)
				go func() {
					defer wg.Done()
					for n := next.Add(1); n <= uint64(b.N); n = next.Add(1) {
						if err := benchPut(s, n, plain); err != nil {
							b.Error(err)
							return
						}
					}
				}()
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
			cancel()
			if err := <-ended; err != nil {
				b.Fatal(err)
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func benchPut(s *Store, n uint64, plain []byte) error {
	key, err := s.NewKey()
	if err != nil {
		return err
	}
	subject := s.Pseudonym('s', fmt.Sprint(n))
	row := Row{Table: 1, Subject: subject}
	_, err = s.Commit(context.Background(), Mutation{Principal: "bench", Kind: KindEngine, Object: subject,
		Ops: []Op{NewSubject(subject, key.Ref()), Put(row, key.Ref(), key.Seal(s.Context(row), plain), Absent)}})
	return err
}

// BenchmarkOpen measures the verification of a ledger of one million entries:
// every header and hash, from the page cache.
func BenchmarkOpen(b *testing.B) {
	const entries = 1_000_000
	dir := b.TempDir()
	o := Options{Dir: dir + "/data", Keys: seal.KeyDir(vfs.Default, dir+"/keys"), Reserve: -1}
	s, err := Open(context.Background(), o)
	if err != nil {
		b.Fatal(err)
	}
	if err := s.fill(entries); err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	var verify float64
	for range b.N {
		s, err := Open(context.Background(), o)
		if err != nil {
			b.Fatal(err)
		}
		verify += s.Report().Verify.Seconds()
		if s.Report().Entries != entries {
			b.Fatalf("%d entries verified, want %d", s.Report().Entries, entries)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(verify/float64(b.N), "verify-s/op")
}

// fill writes entries without operations in large batches, until there are n.
func (s *Store) fill(n uint64) error {
	m := Mutation{Principal: "station-0017", Case: "case-2026-000123", Kind: KindRead, Object: id(5)}
	p, err := newPending(&m)
	if err != nil {
		return err
	}
	for s.meta.count < n {
		t := &trial{batch: s.db.NewBatch(), meta: s.meta, tree: s.tree, hashes: storedCount(s.tree.size), at: s.now()}
		for range min(10_000, n-s.meta.count) {
			if err := t.record(p, t.meta.count, t.meta.state); err != nil {
				return err
			}
			t.meta.count++
			t.written++
		}
		t.meta.last = t.at.UnixNano()
		if err := s.write(t); err != nil {
			return err
		}
	}
	return nil
}
