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
