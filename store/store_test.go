package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"immis/store/seal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLifeOfASubject(t *testing.T) {
	fs := vfs.NewMem()
	r := mustStart(t, testOptions(fs))
	if !r.Report().Created || r.Report().Entries != 1 {
		t.Fatalf("report %+v, want a created store with one entry", r.Report())
	}
	a := r.Pseudonym('s', "UA-1")
	key, err := r.enroll(a, "first")
	noError(t, err)
	row := Row{Table: 1, Subject: a, Key: id(0)}
	if got, err := r.open(row); err != nil || got != "first" {
		t.Fatalf("row %q, %v", got, err)
	}
	_, err = r.enroll(a, "again")
	wantError(t, err, ErrExists)
	_, err = r.commit(mutation(a, r.sealPut(key, row, "x", Absent)))
	wantError(t, err, ErrExists)
	_, err = r.commit(mutation(a, r.sealPut(key, Row{Table: 1, Subject: a, Key: id(9)}, "x", Present)))
	wantError(t, err, ErrNotFound)
	_, err = r.commit(mutation(a, Delete(Row{Table: 1, Subject: a, Key: id(9)}, Present)))
	wantError(t, err, ErrNotFound)

	// Deleted: rows gone, tombstone and key stay; the same key comes back.
	_, err = r.commit(mutation(a, DropSubject(a, false)))
	noError(t, err)
	_, err = r.Get(row)
	wantError(t, err, ErrNotFound)
	_, err = r.commit(mutation(a, r.sealPut(key, row, "late", Any)))
	wantError(t, err, ErrNotFound)
	sub, err := r.Subject(a)
	if err != nil || sub.Status != SubjectDeleted || sub.Ref != key.Ref() || sub.Entries != 2 {
		t.Fatalf("tombstone %+v, %v", sub, err)
	}
	_, err = r.enroll(a, "with another key")
	wantError(t, err, ErrStale)
	back, err := r.SubjectKey(a)
	noError(t, err)
	_, err = r.commit(mutation(a, NewSubject(a, back.Ref()), r.sealPut(back, row, "second", Absent)))
	noError(t, err)

	// Erased: the key is dead; a new life has a new key.
	_, err = r.commit(mutation(a, DropSubject(a, true)))
	noError(t, err)
	_, err = r.SubjectKey(a)
	wantError(t, err, ErrErased)
	_, err = r.commit(mutation(a, DropSubject(a, true)))
	wantError(t, err, ErrNotFound)
	_, err = r.commit(mutation(a, NewSubject(a, key.Ref())))
	wantError(t, err, ErrErased)
	_, err = r.commit(mutation(a, r.sealPut(key, row, "resurrected", Any)))
	wantError(t, err, ErrNotFound)
	_, err = r.enroll(a, "third")
	noError(t, err)
	noError(t, r.sound())
	mustStop(t, r)

	r = mustStart(t, testOptions(fs))
	if got, err := r.open(row); err != nil || got != "third" {
		t.Fatalf("after restart: row %q, %v", got, err)
	}
	noError(t, r.sound())
	st, err := r.Stats()
	if err != nil || st.Live != 1 || st.Deleted != 0 || st.Erased != 0 || st.Rows[1] != 1 || st.Entries != 6 {
		t.Fatalf("stats %+v, %v", st, err)
	}
	mustStop(t, r)
}

func TestRefusedMutationLeavesNothing(t *testing.T) {
	r := mustStart(t, testOptions(vfs.NewMem()))
	defer func() { mustStop(t, r) }()
	a, b := id(1), id(2)
	key, err := r.enroll(a, "a")
	noError(t, err)
	before, err := r.Stats()
	noError(t, err)
	// The last operation fails: the three before it must not have happened.
	kb, err := r.NewKey()
	noError(t, err)
	_, err = r.commit(mutation(a,
		r.sealPut(key, Row{Table: 2, Subject: a, Key: id(1)}, "half", Any),
		DropSubject(a, true),
		NewSubject(b, kb.Ref()),
		Delete(Row{Table: 9, Subject: b}, Present)))
	wantError(t, err, ErrNotFound)
	after, err := r.Stats()
	noError(t, err)
	if fmt.Sprint(before.Entries, before.Live, before.Rows) != fmt.Sprint(after.Entries, after.Live, after.Rows) {
		t.Fatalf("a refused mutation changed %+v to %+v", before, after)
	}
	if _, err := r.SubjectKey(a); err != nil {
		t.Fatalf("key of a refused erasure: %v", err)
	}
	noError(t, r.sound())
}

func TestFormOfMutations(t *testing.T) {
	r := mustStart(t, testOptions(vfs.NewMem()))
	defer func() { mustStop(t, r) }()
	a := id(1)
	key, err := r.enroll(a, "a")
	noError(t, err)
	row := Row{Table: 1, Subject: a, Key: id(5)}
	good := r.sealPut(key, row, "x", Any)
	change := func(f func(*Mutation)) Mutation {
		m := mutation(a, good)
		f(&m)
		return m
	}
	for name, m := range map[string]Mutation{
		"no principal":        change(func(m *Mutation) { m.Principal = "" }),
		"principal with name": change(func(m *Mutation) { m.Principal = "Олена" }),
		"long principal":      change(func(m *Mutation) { m.Principal = strings.Repeat("p", MaxPrincipal+1) }),
		"long case":           change(func(m *Mutation) { m.Case = strings.Repeat("c", MaxCase+1) }),
		"case with space":     change(func(m *Mutation) { m.Case = "a b" }),
		"kind 0":              change(func(m *Mutation) { m.Kind = 0 }),
		"kind of the store":   change(func(m *Mutation) { m.Kind = KindEpoch }),
		"read that writes":    change(func(m *Mutation) { m.Kind = KindRead }),
		"plain detail":        change(func(m *Mutation) { m.Detail = []byte("name of a person") }),
		"plain value":         change(func(m *Mutation) { m.Ops[0].Sealed = []byte("a face in clear, quite long for an envelope") }),
		"plain answer":        change(func(m *Mutation) { m.Request = &Request{ID: id(1), Answer: []byte("clear")} }),
		"zero request":        change(func(m *Mutation) { m.Request = &Request{} }),
		"other key":           change(func(m *Mutation) { m.Ops[0].Ref.Slot++ }),
		"table 0":             change(func(m *Mutation) { m.Ops[0].Row.Table = 0 }),
		"reserved table":      change(func(m *Mutation) { m.Ops[0].Row.Table = TableBlob }),
		"condition":           change(func(m *Mutation) { m.Ops[0].Cond = 3 }),
		"store row, key of a": change(func(m *Mutation) { m.Ops[0].Row.Subject = ID{} }),
		"unknown code":        change(func(m *Mutation) { m.Ops[0].Code = 9 }),
		"delete if absent":    change(func(m *Mutation) { m.Ops[0] = Delete(row, Absent) }),
		"subject zero":        change(func(m *Mutation) { m.Ops[0] = NewSubject(ID{}, key.Ref()) }),
		"slot zero":           change(func(m *Mutation) { m.Ops[0] = NewSubject(id(2), Ref{Generation: 1}) }),
		"drop nobody":         change(func(m *Mutation) { m.Ops[0] = DropSubject(ID{}, true) }),
		"too many operations": change(func(m *Mutation) { m.Ops = make([]Op, MaxOps+1) }),
		"too many blobs":      change(func(m *Mutation) { m.Ops[0].Blobs = make([]BlobID, MaxBlobs+1) }),
	} {
		if _, err := r.commit(m); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: error %v, want %v", name, err, ErrInvalid)
		}
	}
	big := key.Seal(r.Context(row), make([]byte, MaxBodyBytes))
	_, err = r.commit(mutation(a, Put(row, key.Ref(), big, Any)))
	wantError(t, err, ErrInvalid)
	if _, err := r.commit(change(func(*Mutation) {})); err != nil {
		t.Fatalf("the mutation all others were made from: %v", err)
	}
}

func TestRequests(t *testing.T) {
	fs := vfs.NewMem()
	r := mustStart(t, testOptions(fs))
	a := id(1)
	key, err := r.enroll(a, "a")
	noError(t, err)
	req := id(77)
	answer := key.Seal(r.Context(AnswerRow(req, a)), []byte("done"))
	make1 := func(value string) Mutation {
		m := mutation(a, r.sealPut(key, Row{Table: 2, Subject: a, Key: id(1)}, "v", Any))
		m.Request = &Request{ID: req, Value: r.ValueMAC([]byte(value)), Subject: a, Answer: answer}
		return m
	}
	// Many at once: one entry, all the same receipt.
	const callers = 20
	got := make([]Receipt, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			var err error
			if got[i], err = r.commit(make1("x")); err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	fresh := 0
	for _, g := range got {
		if !g.Repeated {
			fresh++
		} else if !bytes.Equal(g.Answer, answer) {
			t.Error("a repetition got another answer")
		}
		if g.Number != got[0].Number || !g.Time.Equal(got[0].Time) {
			t.Errorf("receipt %+v, want number %d of the first", g, got[0].Number)
		}
	}
	if fresh != 1 {
		t.Fatalf("%d of %d equal requests were carried out, want 1", fresh, callers)
	}
	_, err = r.commit(make1("y"))
	wantError(t, err, ErrConflict)
	mustStop(t, r)
	r = mustStart(t, testOptions(fs))
	defer func() { mustStop(t, r) }()
	value, receipt, ok, err := r.Request(req)
	if err != nil || !ok || value != r.ValueMAC([]byte("x")) || !receipt.Repeated || !bytes.Equal(receipt.Answer, answer) {
		t.Fatalf("request after restart: %v %v %v", receipt, ok, err)
	}
	if _, _, ok, _ := r.Request(id(78)); ok {
		t.Fatal("an unknown request is known")
	}
	// An answer sealed with a key that its subject has no more.
	_, err = r.commit(mutation(a, DropSubject(a, true)))
	noError(t, err)
	m := make1("z")
	m.Ops = nil
	m.Request.ID = id(79)
	_, err = r.commit(m)
	wantError(t, err, ErrNotFound)
}

func TestClockNeverRunsBackwards(t *testing.T) {
	clock := newClock()
	o := testOptions(vfs.NewMem())
	o.Now = clock.now
	o.Registerer = prometheus.NewRegistry()
	r := mustStart(t, o)
	defer func() { mustStop(t, r) }()
	first, err := r.commit(mutation(id(1)))
	noError(t, err)
	clock.add(-time.Hour)
	second, err := r.commit(mutation(id(1)))
	noError(t, err)
	if second.Time.Before(first.Time) {
		t.Fatalf("entry of %v after one of %v", second.Time, first.Time)
	}
	families, err := o.Registerer.(*prometheus.Registry).Gather()
	noError(t, err)
	for _, f := range families {
		if f.GetName() == "immis_ledger_clock_backwards_total" && f.GetMetric()[0].GetCounter().GetValue() == 1 {
			return
		}
	}
	t.Fatal("the backward clock was not counted")
}

func TestQueueAndContext(t *testing.T) {
	o := testOptions(vfs.NewMem())
	o.Queue = 4
	s, err := Open(context.Background(), o)
	noError(t, err)
	// Without a committer the queue fills up.
	ctx, cancel := context.WithCancel(context.Background())
	errs := make(chan error, 4)
	for range 4 {
		go func() {
			_, err := s.Commit(ctx, mutation(id(1)))
			errs <- err
		}()
	}
	for len(s.queue) < 4 {
		time.Sleep(time.Millisecond)
	}
	begin := time.Now()
	_, err = s.Commit(context.Background(), mutation(id(2)))
	wantError(t, err, ErrOverloaded)
	if d := time.Since(begin); d > 100*time.Millisecond {
		t.Fatalf("refusal took %v", d)
	}
	cancel()
	for range 4 {
		wantError(t, <-errs, context.Canceled)
	}
	// Those whose callers have gone are not committed.
	run, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(run) }()
	for len(s.queue) > 0 {
		time.Sleep(time.Millisecond)
	}
	rec, err := s.Commit(context.Background(), mutation(id(3)))
	if err != nil || rec.Number != 1 {
		t.Fatalf("number %d, %v; want 1: nothing of the abandoned ones", rec.Number, err)
	}
	stop()
	noError(t, <-ended)
	_, err = s.Commit(context.Background(), mutation(id(3)))
	wantError(t, err, ErrStopped)
	noError(t, s.Close())
}

func TestEntriesAndHistory(t *testing.T) {
	clock := newClock()
	o := testOptions(vfs.NewMem())
	o.Now = clock.now
	r := mustStart(t, o)
	defer func() { mustStop(t, r) }()
	for i := range 10 {
		m := mutation(id(i % 2))
		m.Kind, m.Result = KindRead+1, uint8(i)
		m.Detail = r.StoreKey().Seal(r.Context(DetailRow(m.Object)), fmt.Appendf(nil, "detail %d", i))
		_, err := r.commit(m)
		noError(t, err)
	}
	entries, err := r.Entries(context.Background(), 3, 4)
	noError(t, err)
	if len(entries) != 4 || entries[0].Number != 3 || entries[0].Principal != "tester" || entries[0].Case != "case-1" || entries[0].Purpose != 3 {
		t.Fatalf("entries %+v", entries)
	}
	hist, err := r.History(context.Background(), id(1), 4, 3)
	noError(t, err)
	if len(hist) != 3 || hist[0].Number != 4 || hist[0].Result != 3 || hist[2].Number != 8 {
		t.Fatalf("history %+v", hist)
	}
	// A page is read from where it begins: a key before it that does not even parse
	// is not looked at.
	noError(t, r.db.Set(append(idKey(prefixHistory, id(1)), 0), nil, pebble.Sync))
	r.publishView(r.Head())
	hist, err = r.History(context.Background(), id(1), 4, 3)
	if err != nil || len(hist) != 3 {
		t.Fatalf("page behind a damaged key: %d entries, %v; want 3", len(hist), err)
	}
	sealed, err := r.Detail(4)
	noError(t, err)
	plain, err := r.StoreKey().Open(r.Context(DetailRow(id(1))), sealed)
	if err != nil || string(plain) != "detail 3" {
		t.Fatalf("detail %q, %v", plain, err)
	}
	_, err = r.Detail(1000)
	wantError(t, err, ErrNotFound)
	if h := r.Head(); h.Size != 11 || h.Root == ([32]byte{}) {
		t.Fatalf("head %+v, want size 11", h)
	}
}

func TestPublishInOrderBeforeAnswer(t *testing.T) {
	noError(t, publishBeforeAnswer(200))
}

// publishBeforeAnswer: every Publish happens before its answer, in the order of
// the ledger, and sees its own entry in the head.
func publishBeforeAnswer(n int) error {
	r, err := start(testOptions(vfs.NewMem()))
	if err != nil {
		return err
	}
	var mu sync.Mutex
	published := map[uint64]bool{}
	var order []uint64
	var wg sync.WaitGroup
	errs := make(chan error, n)
	for i := range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			m := mutation(id(i))
			m.Publish = func(rec Receipt) {
				mu.Lock()
				defer mu.Unlock()
				published[rec.Number] = true
				order = append(order, rec.Number)
				if r.Head().Size <= rec.Number {
					errs <- fmt.Errorf("entry %d is published before it is in the head", rec.Number)
				}
			}
			rec, err := r.commit(m)
			mu.Lock()
			defer mu.Unlock()
			if err == nil && !published[rec.Number] {
				err = fmt.Errorf("entry %d was acknowledged before it was published", rec.Number)
			}
			if err != nil {
				errs <- err
			}
		}()
	}
	wg.Wait()
	err = r.stop()
	for i := 1; i < len(order); i++ {
		if order[i] <= order[i-1] {
			err = errors.Join(err, fmt.Errorf("published %d after %d", order[i], order[i-1]))
		}
	}
	if len(order) != n {
		err = errors.Join(err, fmt.Errorf("%d entries published, want %d", len(order), n))
	}
	close(errs)
	for e := range errs {
		err = errors.Join(err, e)
	}
	return err
}

// TestCloseEndsRun: what was queued is committed, then everything is refused.
func TestCloseEndsRun(t *testing.T) {
	fs := vfs.NewMem()
	s, err := Open(context.Background(), testOptions(fs))
	noError(t, err)
	// Without a committer an epoch does not begin: it could not be recorded.
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	wantError(t, endEpoch(s, ctx, nil), context.DeadlineExceeded)
	wantError(t, checkpoint(s, ctx, "backup", nil), context.DeadlineExceeded)
	if _, err := fs.Stat("backup"); err == nil {
		t.Error("a checkpoint that failed left its directory")
	}
	answered := make(chan error, 1)
	go func() {
		_, err := s.Commit(context.Background(), mutation(id(1)))
		answered <- err
	}()
	for len(s.queue) == 0 {
		time.Sleep(time.Millisecond)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(context.Background()) }()
	noError(t, <-answered)
	noError(t, s.Close())
	noError(t, <-ended)
	_, err = s.Commit(context.Background(), mutation(id(1)))
	wantError(t, err, ErrStopped)
	_, err = s.NewKey()
	wantError(t, err, ErrStopped)
	_, err = s.Stats()
	wantError(t, err, ErrStopped)
	wantError(t, endEpoch(s, context.Background(), nil), ErrStopped)
	noError(t, s.Close())

	s, err = Open(context.Background(), testOptions(fs))
	noError(t, err)
	noError(t, s.Close())
	wantError(t, s.Run(context.Background()), ErrStopped)
}

// TestGuard: an engine that panics or ends its goroutine stops the ledger.
func TestGuard(t *testing.T) {
	for name, fn := range map[string]func() error{
		"panic": func() error { panic("broken") },
		"exit":  func() error { runtime.Goexit(); return nil },
		"error": func() error { return errors.New("broken") },
	} {
		h := newHealth(slog.New(slog.DiscardHandler))
		noError(t, h.do("test", func() error { return nil }))
		wantError(t, h.do("test", fn), ErrStopped)
		if err := h.do("test", func() error { t.Errorf("%s: a call was let in", name); return nil }); !errors.Is(err, ErrStopped) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	h := newHealth(slog.New(slog.DiscardHandler))
	l := pebbleLogger{h.log, h}
	forever := make(chan struct{})
	err := h.do("test", func() error {
		go l.Fatalf("fatal in the background")
		<-forever // as a commit that waits for a flush that has died
		return nil
	})
	close(forever)
	wantError(t, err, ErrStopped)
}

func TestRealFileSystem(t *testing.T) {
	dir := t.TempDir()
	o := Options{Dir: dir + "/a/b/data", Keys: seal.KeyDir(vfs.Default, dir+"/keys"), Reserve: 1 << 20, Watermark: 1, LowWatermark: 1}
	r := mustStart(t, o)
	_, err := r.enroll(id(1), "x")
	noError(t, err)
	_, err = Open(context.Background(), o)
	wantError(t, err, ErrLocked)
	if info, err := vfs.Default.Stat(dir + "/a/b/data/" + reserveFile); err != nil || info.IsDir() {
		t.Fatalf("reserve: %v", err)
	}
	mustStop(t, r)
	r = mustStart(t, o)
	if got, err := r.open(Row{Table: 1, Subject: id(1), Key: id(0)}); err != nil || got != "x" {
		t.Fatalf("row %q, %v", got, err)
	}
	mustStop(t, r)
}
