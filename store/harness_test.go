package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"immis/store/seal"
)

// Where the tests keep a store in a file system in memory.
const (
	testDir  = "data"
	testKeys = "secrets"
)

func testOptions(fs vfs.FS) Options {
	return Options{FS: fs, Dir: testDir, Keys: seal.KeyDir(fs, testKeys), CacheBytes: 1 << 20, Reserve: -1}
}

// running is a store with its committer.
type running struct {
	*Store
	cancel context.CancelFunc
	ended  chan error
}

func start(o Options) (*running, error) {
	s, err := Open(context.Background(), o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{s, cancel, make(chan error, 1)}
	go func() { r.ended <- s.Run(ctx) }()
	return r, nil
}

// stop ends the committer and closes the store.
func (r *running) stop() error {
	r.cancel()
	err := <-r.ended
	return errors.Join(err, r.Close())
}

func mustStart(t testing.TB, o Options) *running {
	t.Helper()
	r, err := start(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustStop(t testing.TB, r *running) {
	t.Helper()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}

// fakeClock is a clock that tests move.
type fakeClock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *fakeClock { return &fakeClock{t: time.Unix(1_800_000_000, 0)} }

func (c *fakeClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(time.Millisecond)
	return c.t
}

func (c *fakeClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func id(n int) ID {
	var x ID
	copy(x[:], fmt.Sprintf("%016d", n))
	return x
}

const kindTest = KindEngine

func mutation(object ID, ops ...Op) Mutation {
	return Mutation{Principal: "tester", Purpose: 3, Case: "case-1", Kind: kindTest, Object: object, Ops: ops}
}

// sealPut makes the operation that writes plain under key.
func (r *running) sealPut(key *seal.Key, row Row, plain string, cond Cond, blobs ...BlobID) Op {
	return Put(row, key.Ref(), key.Seal(r.Context(row), []byte(plain)), cond, blobs...)
}

func (r *running) commit(m Mutation) (Receipt, error) { return r.Commit(context.Background(), m) }

// enroll makes a live subject with one row.
func (r *running) enroll(subject ID, plain string) (*seal.Key, error) {
	key, err := r.NewKey()
	if err != nil {
		return nil, err
	}
	row := Row{Table: 1, Subject: subject, Key: id(0)}
	_, err = r.commit(mutation(subject, NewSubject(subject, key.Ref()), r.sealPut(key, row, plain, Absent)))
	return key, err
}

// open reads a row in clear.
func (r *running) open(row Row) (string, error) {
	sealed, err := r.Get(row)
	if err != nil {
		return "", err
	}
	key := r.StoreKey()
	if row.Subject != (ID{}) {
		if key, err = r.SubjectKey(row.Subject); err != nil {
			return "", err
		}
	}
	plain, err := key.Open(r.Context(row), sealed)
	return string(plain), err
}

func (r *running) readBlob(key *seal.Key, subject ID, id BlobID) (string, error) {
	f, err := r.OpenBlob(key, subject, id)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(f)
	return string(b), errors.Join(err, f.Close())
}

// sound runs every check there is and returns the first damage.
func (r *running) sound() error {
	if err := r.VerifyState(context.Background(), nil); err != nil {
		return err
	}
	var first error
	_, err := r.Check(context.Background(), nil, func(f Finding) {
		if f.Severity == Damage && first == nil {
			first = fmt.Errorf("check: %s: %s", f.Where, f.What)
		}
	})
	return errors.Join(err, first)
}

// overseer is on whose behalf tests end epochs and make checkpoints.
var overseer = By{Principal: "auditor", Purpose: 14, Case: "drill/1"}

// endEpoch ends an epoch and holds the answer against the ledger.
func endEpoch(s *Store, ctx context.Context, progress func(done, total int)) error {
	epoch, r, err := s.EndEpoch(ctx, overseer, progress)
	if err != nil {
		return err
	}
	if got, _, err := s.EpochOf(r.Number); err != nil || got != epoch {
		return fmt.Errorf("entry %d tells of epoch %d (%v), want %d", r.Number, got, err, epoch)
	}
	return recordedFor(s, r, KindEpoch)
}

// checkpoint makes one and holds the answer against the ledger.
func checkpoint(s *Store, ctx context.Context, dir string, progress func(string)) error {
	head, r, err := s.Checkpoint(ctx, dir, overseer, progress)
	if err != nil {
		return err
	}
	if head.Size > r.Number {
		return fmt.Errorf("checkpoint of %d entries recorded as entry %d", head.Size, r.Number)
	}
	return recordedFor(s, r, KindCheckpoint)
}

func recordedFor(s *Store, r Receipt, kind Kind) error {
	e, err := s.Entries(context.Background(), r.Number, 1)
	if err != nil {
		return err
	}
	if e[0].Kind != kind || e[0].Principal != overseer.Principal || e[0].Purpose != overseer.Purpose || e[0].Case != overseer.Case {
		return fmt.Errorf("entry %d is %+v, want kind %d by %+v", r.Number, e[0], kind, overseer)
	}
	return nil
}
