package gcpace

import (
	"context"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const mib = 1 << 20

func TestPercent(t *testing.T) {
	for _, c := range []struct {
		marked, headroom uint64
		want             int
	}{
		{290 * mib, 1024 * mib, 354},
		{1024 * mib, 1024 * mib, 100},
		{1025 * mib, 1024 * mib, 100},
		{1023 * mib, 1024 * mib, 101},
		{8 * mib, 1024 * mib, 12_800},
		{4 * mib, 1024 * mib, 25_600},
		{1 * mib, 1024 * mib, 25_600}, // not 102,400: the smallest heap would be 4 GiB
		{0, 1024 * mib, 25_600},
		{0, 1, 100},
		{0, 0, 100},
		{math.MaxUint64, 1, 100},
		{0, math.MaxInt64, math.MaxInt32},
		{0, math.MaxUint64, math.MaxInt32},
	} {
		if got := percent(c.marked, c.headroom); got != c.want {
			t.Errorf("%d marked, headroom %d: got %d %%, want %d %%", c.marked, c.headroom, got, c.want)
		}
	}
}

// Put into the formula of Go's pacer, the percentage gives the room that was asked for:
// never less, at most one hundredth of what is alive more, and never less than Go's own.
func TestPercentGivesTheRoom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		live := rapid.Uint64Range(0, 1<<36).Draw(t, "live")
		roots := rapid.Uint64Range(0, 1<<26).Draw(t, "roots")
		headroom := rapid.Uint64Range(4*mib, 1<<34).Draw(t, "headroom")
		p := uint64(percent(live+roots, headroom))
		if p < 100 {
			t.Fatalf("%d %%, want >= 100 %%", p)
		}
		marked := live + roots
		goal := max(live+marked*p/100, 4*mib*p/100)
		// What is added to live; of the smallest heap, live is a part.
		want, over := live+max(headroom, marked), marked/100+1
		if marked < 4*mib {
			want, over = headroom, 4*mib/100+marked+1
		}
		if goal < want || goal > want+over {
			t.Fatalf("%d %% gives a goal of %d bytes, want %d to %d", p, goal, want, want+over)
		}
	})
}

func TestDefaultHeadroom(t *testing.T) {
	for memory, want := range map[int64]int64{
		-1: 256 * mib, 0: 256 * mib, 1 << 30: 128 * mib, 4 << 30: 512 * mib, 8 << 30: 1 << 30, 1 << 40: 1 << 30,
	} {
		if got := DefaultHeadroom(memory); got != want {
			t.Errorf("memory %d: got %d, want %d", memory, got, want)
		}
	}
}

func percentNow() int { return newReader().read().percent }

func goal() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// fresh gives a test the collector as a process finds it, whatever GOGC the tests run with.
func fresh(t testing.TB) {
	p, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(math.MaxInt64)
	t.Cleanup(func() {
		debug.SetGCPercent(p)
		debug.SetMemoryLimit(limit)
	})
	runtime.GC()
}

// start runs Run until stop is called, which waits for its end.
func start(t testing.TB, c Config) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Run(ctx, c)
	}()
	stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(stop)
	return stop
}

// eventually waits for what Run does on its own time.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 10 s (%d %%, goal %d MiB, %+v)", what, percentNow(), goal()/mib, newReader().read())
		}
	}
}

// hold keeps so many bytes alive until the returned function is called.
func hold(bytes int) (drop func()) {
	held := make([][]byte, bytes>>16)
	for i := range held {
		held[i] = make([]byte, 1<<16)
	}
	return func() { runtime.KeepAlive(held) }
}

var sink []byte

func litter(bytes int) {
	for range bytes >> 14 {
		sink = make([]byte, 1<<14)
	}
	sink = nil
}

// The goal of the real collector is what lives and the headroom; it follows what lives
// up, to the point where Go's own percentage gives more, and down again.
func TestFollowsTheHeap(t *testing.T) {
	fresh(t)
	const headroom = 96 * mib
	stop := start(t, Config{Headroom: headroom})
	near := func(live int, want float64) func() bool {
		return func() bool {
			s := newReader().read()
			room := float64(goal() - s.live)
			return s.live >= uint64(live) && room > want*0.95 && room < want*1.1
		}
	}
	eventually(t, "room at start", func() bool { return percentNow() > 100 })
	small := hold(16 * mib)
	runtime.GC()
	eventually(t, "room beside 16 MiB", near(16*mib, headroom))
	large := hold(200 * mib)
	runtime.GC()
	eventually(t, "Go's own percentage", func() bool { return percentNow() == 100 && newReader().read().live > 200*mib })
	large()
	runtime.GC()
	eventually(t, "room beside 16 MiB again", func() bool { return near(16*mib, headroom)() && newReader().read().live < 50*mib })
	small()
	stop()
	if p := percentNow(); p != 100 {
		t.Errorf("%d %% at the end, want 100 %% put back", p)
	}
}

// The point of it: fewer collections for the same garbage.
func TestFewerCollections(t *testing.T) {
	fresh(t)
	drop := hold(8 * mib)
	count := func() uint64 {
		runtime.GC()
		before := newReader().read().cycles
		litter(1 << 30)
		return newReader().read().cycles - before
	}
	without := count()
	stop := start(t, Config{Headroom: 128 * mib})
	runtime.GC() // what was allocated beside the last marking counted as alive
	eventually(t, "room", func() bool { return percentNow() > 300 })
	with := count()
	stop()
	drop()
	t.Logf("1 GiB of garbage: %d collections without, %d with 128 MiB of room", without, with)
	// Marking begins at 70 % of the room at the earliest: 1,024 / 128 / 0.7 = 11.4. On a
	// busy machine it takes long, and collections are fewer in both.
	if with < 2 || with > 14 || without <= with {
		t.Errorf("%d collections without and %d with, want 2 to 14 with and more without", without, with)
	}
}

// A heap that grows in one go, as at start, finds the percentage of the small heap and
// its goal far too high; it must not get there.
func TestSuddenGrowth(t *testing.T) {
	fresh(t)
	const headroom, live = 64 * mib, 300 * mib
	start(t, Config{Headroom: headroom})
	eventually(t, "room", func() bool { return percentNow() > 200 })
	drop := hold(live)
	runtime.GC() // now the goal is live * 16 and more, until the next look
	peak := uint64(0)
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for range 300 {
		litter(10 * mib)
		metrics.Read(s)
		peak = max(peak, s[0].Value.Uint64())
	}
	drop()
	t.Logf("peak %d MiB of %d alive, after 3,000 MiB of garbage", peak/mib, live/mib)
	// Twice what lives, and what may be allocated between two looks, which on a busy
	// machine lie apart.
	if peak > 2*live+1000*mib {
		t.Errorf("the heap grew to %d MiB, want <= %d", peak/mib, 2*live/mib+1000)
	}
}

func TestLeavesAlone(t *testing.T) {
	for name, c := range map[string]struct {
		config  Config
		percent int
		limit   int64
	}{
		"chosen":           {Config{Headroom: 1 << 30, Chosen: true}, 100, math.MaxInt64},
		"other percentage": {Config{Headroom: 1 << 30}, 150, math.MaxInt64},
		"off":              {Config{Headroom: 1 << 30}, -1, math.MaxInt64},
		"limit":            {Config{Headroom: 1 << 30}, 100, 1 << 40},
	} {
		t.Run(name, func(t *testing.T) {
			fresh(t)
			debug.SetGCPercent(c.percent)
			debug.SetMemoryLimit(c.limit)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				Run(ctx, c.config)
			}()
			runtime.GC()
			select {
			case <-ended:
				t.Error("Run ended before its context did")
			case <-time.After(3 * interval):
			}
			if p := percentNow(); p != c.percent {
				t.Errorf("%d %%, want %d %% left alone", p, c.percent)
			}
			cancel()
			<-ended
			if p := percentNow(); p != c.percent {
				t.Errorf("%d %% at the end, want %d %% left alone", p, c.percent)
			}
		})
	}
}

// Somebody else who sets the percentage, and puts back what he found, is left alone in
// between, also when Run ends then.
func TestSomebodyElse(t *testing.T) {
	fresh(t)
	stop := start(t, Config{Headroom: 64 * mib})
	eventually(t, "room", func() bool { return percentNow() > 100 })
	for _, other := range []int{150, -1} {
		found := debug.SetGCPercent(other)
		drop := hold(100 * mib) // asks for another percentage
		runtime.GC()
		time.Sleep(3 * interval)
		drop()
		if p := percentNow(); p != other {
			t.Errorf("%d %%, want the other's %d %%", p, other)
		}
		debug.SetGCPercent(found)
		runtime.GC()
		eventually(t, "room again", func() bool { return percentNow() > 100 })
	}
	drop := hold(100 * mib)
	runtime.GC()
	eventually(t, "following again", func() bool { return percentNow() == 100 })
	drop()
	debug.SetGCPercent(150)
	stop()
	if p := percentNow(); p != 150 {
		t.Errorf("%d %% at the end, want the other's 150 %%", p)
	}
}

func TestBadHeadroom(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a headroom below 0 did not panic")
		}
	}()
	Run(t.Context(), Config{Headroom: -1})
}

// A default Run, as the server has it, with the memory of this machine.
func TestDefault(t *testing.T) {
	fresh(t)
	start(t, Config{})
	want := percent(0, uint64(DefaultHeadroom(Memory()))) // the most, of an empty heap
	eventually(t, "room", func() bool { p := percentNow(); return p > 100 && p <= want })
}

// What a look costs.
func BenchmarkLook(b *testing.B) {
	r := newReader()
	for b.Loop() {
		r.read()
	}
}

func BenchmarkSetGCPercent(b *testing.B) {
	fresh(b)
	for b.Loop() {
		debug.SetGCPercent(400)
	}
}
