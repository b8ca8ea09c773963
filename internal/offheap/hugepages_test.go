package offheap

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

func TestHugePages(t *testing.T) {
	const dir = "sys/kernel/mm/transparent_hugepage/"
	const enabled, own, size, status = dir + "enabled", dir + "hugepages-2048kB/enabled", dir + "hpage_pmd_size", "proc/self/status"
	for name, c := range map[string]struct {
		files map[string]string
		want  Support
	}{
		"nothing":                     {nil, SupportUnknown},
		"always":                      {map[string]string{enabled: "[always] madvise never\n"}, SupportAlways},
		"madvise":                     {map[string]string{enabled: "always [madvise] never\n"}, SupportMadvise},
		"never":                       {map[string]string{enabled: "always madvise [never]\n"}, SupportNever},
		"a word not known":            {map[string]string{enabled: "always [sometimes] never\n"}, SupportUnknown},
		"no brackets":                 {map[string]string{enabled: "always madvise never\n"}, SupportUnknown},
		"half a bracket":              {map[string]string{enabled: "[always madvise never\n"}, SupportUnknown},
		"empty":                       {map[string]string{enabled: ""}, SupportUnknown},
		"own switch inherits":         {map[string]string{enabled: "always [madvise] never", own: "always [inherit] madvise never"}, SupportMadvise},
		"own switch says more":        {map[string]string{enabled: "always madvise [never]", own: "[always] inherit madvise never"}, SupportAlways},
		"own switch says less":        {map[string]string{enabled: "[always] madvise never", own: "always inherit madvise [never]"}, SupportNever},
		"older kernel, our size":      {map[string]string{enabled: "always [madvise] never", size: "2097152\n"}, SupportMadvise},
		"older kernel, other size":    {map[string]string{enabled: "always [madvise] never", size: "536870912\n"}, SupportNever},
		"newer kernel, other size":    {map[string]string{enabled: "always [madvise] never", size: "536870912\n", own: "always inherit [madvise] never"}, SupportMadvise},
		"switched off for us":         {map[string]string{enabled: "[always] madvise never", status: "Name:\timmis\nTHP_enabled:\t0\nThreads:\t1\n"}, SupportNever},
		"not switched off for us":     {map[string]string{enabled: "[always] madvise never", status: "Name:\timmis\nTHP_enabled:\t1\nThreads:\t1\n"}, SupportAlways},
		"status of a kernel below 5":  {map[string]string{enabled: "[always] madvise never", status: "Name:\timmis\n"}, SupportAlways},
		"unknown beats what we chose": {map[string]string{status: "THP_enabled:\t0\n"}, SupportUnknown},
	} {
		root := fstest.MapFS{}
		for f, text := range c.files {
			root[f] = &fstest.MapFile{Data: []byte(text)}
		}
		got := hugePages(root)
		if got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
		if given := got.Given(); given != (got == SupportAlways || got == SupportMadvise) {
			t.Errorf("%s: %v given: %v", name, got, given)
		}
	}
}

// The real files are where they are looked for.
func TestHugePagesHere(t *testing.T) {
	got := HugePages()
	text, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled")
	if err != nil {
		if got != SupportUnknown {
			t.Errorf("got %v where nothing is said, want unknown", got)
		}
		t.Skipf("no huge pages to ask about: %v", err)
	}
	if got == SupportUnknown {
		t.Errorf("got unknown, want what %q says", text)
	}
	t.Logf("this machine: %v (%s)", got, strings.TrimSpace(string(text)))
}

func TestSupportText(t *testing.T) {
	for s, want := range map[Support]string{SupportUnknown: "unknown", SupportNever: "never", SupportMadvise: "madvise", SupportAlways: "always", 9: "Support(9)"} {
		if s.String() != want {
			t.Errorf("got %q, want %q", s, want)
		}
	}
}
