package gcpace

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
)

const gib = 1 << 30

func TestMemory(t *testing.T) {
	const (
		meminfo   = "MemTotal:       8388608 kB\nMemFree:         123456 kB\n" // 8 GiB
		unified   = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
		memoryV1  = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
		cpuV1     = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
		inside    = "35 31 0:32 /docker/ab12 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
		ordinary  = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n"
		unlimited = "9223372036854771712\n"
	)
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing":           {nil, 0},
		"machine":           {map[string]string{"proc/meminfo": meminfo}, 8 * gib},
		"machine, no total": {map[string]string{"proc/meminfo": "MemFree: 1 kB\n"}, 0},
		"machine, garbage":  {map[string]string{"proc/meminfo": "MemTotal: many kB\n"}, 0},
		"machine, overflow": {map[string]string{"proc/meminfo": "MemTotal: 9223372036854775807 kB\n"}, 0},
		"version 2": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/immis\n", "proc/self/mountinfo": ordinary + unified,
			"sys/fs/cgroup/immis/memory.max": "2147483648\n",
		}, 2 * gib},
		"version 2, in a container": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "proc/self/mountinfo": unified,
			"sys/fs/cgroup/memory.max": "1073741824\n",
		}, 1 * gib},
		"version 2, no limit": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/immis\n", "proc/self/mountinfo": unified,
			"sys/fs/cgroup/immis/memory.max": "max\n",
		}, 8 * gib},
		"version 2, above the machine": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/immis\n", "proc/self/mountinfo": unified,
			"sys/fs/cgroup/immis/memory.max": "68719476736\n",
		}, 8 * gib},
		"version 2, a group above is tighter": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/system.slice/immis.service/main\n", "proc/self/mountinfo": unified,
			"sys/fs/cgroup/system.slice/immis.service/main/memory.max": "max\n",
			"sys/fs/cgroup/system.slice/immis.service/memory.max":      "4294967296\n",
			"sys/fs/cgroup/system.slice/memory.max":                    "3221225472\n",
			"sys/fs/cgroup/other/memory.max":                           "1\n",
		}, 3 * gib},
		"version 2, mounted at the root": {map[string]string{
			"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": "30 23 0:26 / / rw - cgroup2 cgroup2 rw\n", "memory.max": "1073741824\n",
		}, 1 * gib},
		"version 1": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "8:cpu,cpuacct:/x\n4:memory:/immis\n0::/\n", "proc/self/mountinfo": cpuV1 + memoryV1,
			"sys/fs/cgroup/memory/immis/memory.limit_in_bytes": "2147483648\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":       unlimited,
			"sys/fs/cgroup/cpu/x/memory.limit_in_bytes":        "1\n",
		}, 2 * gib},
		"version 1, no limit": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "4:memory:/immis\n", "proc/self/mountinfo": memoryV1,
			"sys/fs/cgroup/memory/immis/memory.limit_in_bytes": unlimited,
		}, 8 * gib},
		"version 1, in a container that sees the host's paths": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "4:memory:/docker/ab12\n", "proc/self/mountinfo": inside,
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n",
		}, 1 * gib},
		"version 1, a group below the container's": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "4:memory:/docker/ab12/sub\n", "proc/self/mountinfo": inside,
			"sys/fs/cgroup/memory/memory.limit_in_bytes":     "2147483648\n",
			"sys/fs/cgroup/memory/sub/memory.limit_in_bytes": "1073741824\n",
		}, 1 * gib},
		"version 1, a name that begins alike": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "4:memory:/docker/ab123\n", "proc/self/mountinfo": inside,
			"sys/fs/cgroup/memory/memory.limit_in_bytes":   "2147483648\n",
			"sys/fs/cgroup/memory/3/memory.limit_in_bytes": "1\n",
		}, 2 * gib},
		"both": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "4:memory:/a\n0::/b\n", "proc/self/mountinfo": memoryV1 + strings.Replace(unified, "/sys/fs/cgroup", "/sys/fs/cgroup/unified", 1),
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "2147483648\n",
			"sys/fs/cgroup/unified/b/memory.max":           "3221225472\n",
		}, 2 * gib},
		"garbage": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "x\n::\n0::/a\n", "proc/self/mountinfo": "x\n - \n1 2 3 4 5 - cgroup2\n" + unified,
			"sys/fs/cgroup/a/memory.max": "-5\n", "sys/fs/cgroup/memory.max": "",
		}, 8 * gib},
	} {
		root := fstest.MapFS{}
		for f, text := range c.files {
			root[f] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := memory(root); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

// The real files are where they are looked for.
func TestMemoryHere(t *testing.T) {
	got := Memory()
	if runtime.GOOS != "linux" {
		if got != 0 {
			t.Errorf("got %d, want 0 (unknown)", got)
		}
		return
	}
	if total := machine(os.DirFS("/")); total < 64*mib || got < 1*mib || got > total {
		t.Errorf("got %d of a machine of %d", got, total)
	}
	t.Logf("memory %d MiB, headroom %d MiB, hierarchies %+v", got/mib, DefaultHeadroom(got)/mib, mounts(os.DirFS("/")))
}
