//go:build linux && !purego

package offheap

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// area is what /proc/self/smaps says about the mapping that holds an address.
type area struct {
	from, to uintptr
	rights   string
	kb       map[string]int // Rss, AnonHugePages, ... in KiB
	flags    []string       // "hg", "dd", ...
}

// areas lists the mappings that touch these bytes.
func areas(t testing.TB, pages []byte) []area {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Skipf("mappings cannot be looked at: %v", err)
	}
	defer f.Close()
	from := address(pages)
	var out []area
	wanted := false
	for s := bufio.NewScanner(f); s.Scan(); {
		var a area
		if n, _ := fmt.Sscanf(s.Text(), "%x-%x %s", &a.from, &a.to, &a.rights); n == 3 {
			if wanted = a.from < from+uintptr(len(pages)) && a.to > from; wanted {
				a.kb = map[string]int{}
				out = append(out, a)
			}
			continue
		}
		if name, value, ok := strings.Cut(s.Text(), ":"); ok && wanted {
			fields := strings.Fields(value)
			if name == "VmFlags" {
				out[len(out)-1].flags = fields
			} else if n, err := strconv.Atoi(fields[0]); err == nil {
				out[len(out)-1].kb[name] = n
			}
		}
	}
	return out
}

func sum(as []area, name string) (kb int) {
	for _, a := range as {
		kb += a.kb[name]
	}
	return kb
}

// What was advised is what the kernel has noted, over the whole region: no dump, and
// huge pages for the large only. "hg" is noted whether the machine gives any or not.
func TestAdvice(t *testing.T) {
	for n, huge := range map[int]bool{1: false, 4097: false, HugePage - 4096: false, HugePage: true, HugePage + 1: true, 5*HugePage - 1: true} {
		r := mustMap(t, n, nil)
		if huge && address(r.pages)%HugePage != 0 {
			t.Errorf("%d bytes at %#x, want a multiple of %#x", n, address(r.pages), HugePage)
		}
		if len(r.pages) != r.Mapped() || r.Mapped()%os.Getpagesize() != 0 {
			t.Errorf("%d bytes: %d mapped, %d counted, want whole pages and the same", n, len(r.pages), r.Mapped())
		}
		covered := uintptr(0)
		for _, a := range areas(t, r.pages) {
			covered += min(a.to, address(r.pages)+uintptr(len(r.pages))) - max(a.from, address(r.pages))
			if a.rights != "rw-p" || !slices.Contains(a.flags, "dd") || slices.Contains(a.flags, "hg") != huge {
				t.Errorf("%d bytes: %s %v, want rw-p with dd, hg %v", n, a.rights, a.flags, huge)
			}
		}
		if covered != uintptr(r.Mapped()) {
			t.Errorf("%d bytes: %d mapped, want %d", n, covered, r.Mapped())
		}
		r.Unmap()
	}
}

// What stood over for the alignment is not kept: 40 regions take no more address space
// than they count. (Pages of the Go heap that come and go meanwhile are the tolerance.)
func TestNothingStandsOver(t *testing.T) {
	vm := func() int {
		text, err := os.ReadFile("/proc/self/statm")
		if err != nil {
			t.Skip(err)
		}
		n, err := strconv.Atoi(strings.Fields(string(text))[0])
		if err != nil {
			t.Fatal(err)
		}
		return n * os.Getpagesize()
	}
	b := NewBudget(0)
	before := vm()
	var regions []*Region
	for i := range 40 {
		regions = append(regions, mustMap(t, HugePage+i, b))
	}
	if grown := vm() - before; grown < int(b.Used()) || grown > int(b.Used())+8*HugePage {
		t.Errorf("%d bytes of address space taken, want the %d that are counted", grown, b.Used())
	}
	for _, r := range regions {
		r.Unmap()
	}
	if left := vm() - before; left > 8*HugePage {
		t.Errorf("%d bytes of address space are left", left)
	}
}

// Memory is taken when it is touched, and gone after Unmap.
// TestAlignFails: what was given back already may be somebody else's when the rest is.
func TestAlignFails(t *testing.T) {
	whole, err := mapAnywhere(4 * HugePage)
	if err != nil {
		t.Fatal(err)
	}
	page := os.Getpagesize()
	at := int(-address(whole)&(HugePage-1)) + HugePage
	all := whole[at-page : at+HugePage+page]
	var theirs []byte
	_, err = align(all, HugePage, func(over []byte) error {
		if theirs != nil {
			return unix.ENOMEM
		}
		if err := munmap(over); err != nil {
			return err
		}
		p, err := unix.MmapPtr(-1, 0, unsafe.Pointer(unsafe.SliceData(over)), uintptr(len(over)), unix.PROT_READ, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_FIXED_NOREPLACE)
		theirs = unsafe.Slice((*byte)(p), len(over))
		return err
	})
	if !errors.Is(err, unix.ENOMEM) {
		t.Errorf("%v, want the error of the system", err)
	}
	if len(areas(t, theirs)) == 0 {
		t.Error("memory of somebody else was unmapped")
	}
	for _, rest := range [][]byte{whole[:at], whole[at+HugePage+page:]} { // with theirs
		unmapPages(rest)
	}
}

func TestLazy(t *testing.T) {
	const n = 64 << 20
	b := NewBudget(0)
	r := mustMap(t, n, b)
	pages := r.pages
	// The kernel may have joined it with regions of other tests that were unmapped
	// meanwhile, but none of them is touched.
	if kb := sum(areas(t, pages), "Rss"); kb != 0 {
		t.Errorf("%d KiB taken by memory that was never touched", kb)
	}
	if b.Used() != n {
		t.Errorf("budget counts %d, want %d", b.Used(), n)
	}
	r.Bytes()[n/2] = 1
	if kb := sum(areas(t, pages), "Rss"); kb == 0 || kb > HugePage>>10 {
		t.Errorf("%d KiB taken after one touch, want at most a huge page", kb)
	}
	r.Unmap()
	if as := areas(t, pages); len(as) != 0 {
		t.Errorf("%+v is mapped after Unmap, want nothing", as)
	}
}

func TestHugePagesAreGiven(t *testing.T) {
	if s := HugePages(); !s.Given() {
		t.Skipf("the machine gives no huge pages: %v", s)
	}
	const n = 8 * HugePage
	r := mustMap(t, n, nil)
	defer r.Unmap()
	before := sum(areas(t, r.pages), "AnonHugePages")
	for i := 0; i < n; i += 4096 {
		r.Bytes()[i] = 1
	}
	as := areas(t, r.pages)
	huge := sum(as, "AnonHugePages") - before
	switch {
	case huge == 0:
		t.Skip("the machine offers huge pages, but had none free now")
	case huge != n>>10:
		t.Logf("%d of %d KiB in huge pages: memory is fragmented", huge, n>>10)
	}
	small := mustMap(t, HugePage-4096, nil)
	defer small.Unmap()
	small.Bytes()[0] = 1
	if kb := sum(areas(t, small.pages), "AnonHugePages"); kb != 0 && HugePages() == SupportMadvise {
		t.Errorf("a small region lies in %d KiB of huge pages", kb)
	}
}

// Who reads too late faults, on the first byte and the last.
func TestProtect(t *testing.T) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	for _, n := range []int{1, 3 * 4096, HugePage, 3*HugePage + 5} {
		b := NewBudget(0)
		r := mustMap(t, n, b)
		p := r.Bytes()
		p[0], p[n-1] = 7, 7
		if err := r.Protect(); err != nil {
			t.Fatal(err)
		}
		for _, i := range []int{0, n / 2, n - 1} {
			if panics(func() { sink = p[i] }) == nil {
				t.Errorf("byte %d of %d was read", i, n)
			}
			if panics(func() { p[i] = 1 }) == nil {
				t.Errorf("byte %d of %d was written", i, n)
			}
		}
		if b.Used() != int64(r.Mapped()) {
			t.Errorf("budget counts %d of a protected region, want %d", b.Used(), r.Mapped())
		}
		r.Unmap()
		if b.Used() != 0 {
			t.Errorf("budget counts %d after Unmap", b.Used())
		}
	}
}

var sink byte

// More than the machine has is refused by the kernel, and the budget stays as it was.
func TestMapRefused(t *testing.T) {
	b := NewBudget(0)
	small := mustMap(t, 1, b)
	defer small.Unmap()
	// Above physical memory, below the 47 bits of address space.
	bits := 46
	if strconv.IntSize == 32 {
		t.Skip("no size is too large for the machine")
	}
	n := 1 << bits
	_, err := Map(n, b)
	e, ok := errors.AsType[*MapError](err)
	if !ok || e.Bytes != n || !errors.Is(err, unix.ENOMEM) {
		if err == nil {
			t.Skip("the machine promises any amount of memory (vm.overcommit_memory=1)")
		}
		t.Fatalf("got %v, want a *MapError of %d bytes with ENOMEM", err, n)
	}
	if !strings.Contains(err.Error(), "vm.overcommit_memory") {
		t.Errorf("%q does not say what to do", err)
	}
	if b.Used() != int64(small.Mapped()) {
		t.Errorf("budget counts %d, want %d", b.Used(), small.Mapped())
	}
}

const crowdedEnv = "OFFHEAP_TEST_CROWDED"

// At vm.max_map_count no mapping can be made, and none cut in two. It is tried in a
// process of its own, whose Go runtime may then die of it.
func TestMapCountExhausted(t *testing.T) {
	if os.Getenv(crowdedEnv) != "" {
		crowded(t)
		return
	}
	text, err := os.ReadFile("/proc/sys/vm/max_map_count")
	if err != nil {
		t.Skip(err)
	}
	if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err != nil || n > 1<<18 {
		t.Skipf("vm.max_map_count is %s: too many to use up", strings.TrimSpace(string(text)))
	}
	for range 10 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestMapCountExhausted$", "-test.v")
		cmd.Env = append(os.Environ(), crowdedEnv+"=1", "GOGC=off")
		out, err := cmd.CombinedOutput()
		switch {
		case strings.Contains(string(out), "fatal error: "):
			continue // the runtime itself wanted a mapping at that moment, of whichever kind
		case err != nil || !strings.Contains(string(out), "reached the limit"):
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	t.Skip("the runtime never survived the limit")
}

func crowded(t *testing.T) {
	b := NewBudget(0)
	// Neighbors that the kernel joins: taking out the middle one makes two of one.
	var row []*Region
	for range 9 {
		r := mustMap(t, 4*4096, b)
		for i := range r.Bytes() {
			r.Bytes()[i] = 1
		}
		row = append(row, r)
	}
	slices.SortFunc(row, func(x, y *Region) int { return int(address(x.pages)) - int(address(y.pages)) })
	middle := -1
	for i := 1; i+1 < len(row); i++ {
		x, y, z := row[i-1].pages, row[i].pages, row[i+1].pages
		if address(x)+uintptr(len(x)) == address(y) && address(y)+uintptr(len(y)) == address(z) && len(areas(t, unsafe.Slice(&x[0], 3*len(x)))) == 1 {
			middle = i
			break
		}
	}

	// What the runtime needs to make errors of, it shall have by now.
	if strconv.IntSize == 64 {
		for range 100 {
			bits := 46
			_, err := Map(1<<bits, b)
			_ = fmt.Sprint(err)
		}
	}

	// Every other page of a large mapping is made unreadable until no more can be.
	const page = 4096
	waste, err := unix.Mmap(-1, 0, 1<<30, unix.PROT_READ, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	if err != nil {
		t.Skip(err)
	}
	var resident []byte
	i := 0
	for ; i+page <= len(waste) && err == nil; i += 2 * page {
		err = unix.Mprotect(waste[i:i+page], unix.PROT_NONE)
	}
	// A split makes two mappings more; what is left then takes single ones.
	fill := make([][]byte, 0, 64)
	for k := range cap(fill) {
		one, err := unix.Mmap(-1, 0, page, []int{unix.PROT_READ, unix.PROT_NONE}[k%2], unix.MAP_ANON|unix.MAP_PRIVATE)
		if err != nil {
			break
		}
		fill = append(fill, one)
	}
	// What the first refuses a region may get a mapping later, and at another step: room
	// for one or two mappings more is made after each attempt.
	var refused []error
	made := make([]*Region, 0, 64)
	used := b.Used()
	for k := range 16 {
		for _, n := range []int{64 << 10, 2 * HugePage} {
			if r, err := Map(n, b); err != nil {
				refused = append(refused, err)
			} else {
				made = append(made, r)
				used += int64(r.Mapped())
			}
		}
		if k == 0 && len(refused) > 0 && middle >= 0 {
			resident = row[middle].pages
			row[middle].Unmap() // must not panic
			used -= int64(row[middle].Mapped())
		}
		if err := unix.Mprotect(waste[2*k*page:(2*k+1)*page], unix.PROT_READ); err != nil {
			break
		}
	}
	kept := b.Used()
	unix.Munmap(waste) // from here on everything may map again

	if !errors.Is(err, unix.ENOMEM) {
		t.Fatalf("after %d pages: got %v, want ENOMEM", i/page, err)
	}
	t.Logf("reached the limit: %d pages set apart, %d filled in", i/(2*page), len(fill))
	t.Logf("%d regions refused, %d mapped", len(refused), len(made))
	if len(refused) == 0 || len(made) == 0 {
		t.Error("the test should see both")
	}
	for _, err := range refused {
		if _, ok := errors.AsType[*MapError](err); !ok || !noRoom(err) || !strings.Contains(err.Error(), "vm.max_map_count") {
			t.Errorf("got %v, want a *MapError that names vm.max_map_count", err)
		}
	}
	for _, r := range made { // what was given was given wholly
		if as := areas(t, r.pages); len(as) != 1 || !slices.Contains(as[0].flags, "dd") {
			t.Errorf("%d bytes mapped at the limit are %+v, want one mapping with dd", r.Mapped(), as)
		}
	}
	if kept != used {
		t.Errorf("budget counts %d, want %d", kept, used)
	}
	if resident == nil {
		t.Log("no neighbors were joined: the refused unmapping was not tried")
		return
	}
	// The neighbors are whole, what lay between is given back.
	for i, r := range row {
		if i != middle && (r.Bytes()[0] != 1 || r.Bytes()[len(r.Bytes())-1] != 1) {
			t.Errorf("region %d lost its bytes", i)
		}
	}
	in := make([]byte, len(resident)/page)
	if _, _, errno := unix.Syscall(unix.SYS_MINCORE, address(resident), uintptr(len(resident)), address(in)); errno == 0 {
		t.Logf("address space left over, pages present: %v", in)
		for _, present := range in {
			if present&1 != 0 {
				t.Error("memory was not given back")
			}
		}
	} else {
		t.Logf("unmapped after all: %v", errno)
	}
}
