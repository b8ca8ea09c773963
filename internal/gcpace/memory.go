package gcpace

import (
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// Memory is how many bytes of memory this process may use: those of the machine, or the
// least of the limits of the control groups it is in. 0 means unknown (not Linux).
func Memory() int64 {
	return memory(os.DirFS("/"))
}

// memory reads /proc/meminfo and the limits of control groups, version 2
// (memory.max) and 1 (memory.limit_in_bytes).
func memory(root fs.FS) int64 {
	least := int64(0)
	bound := func(n int64) {
		if n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	bound(machine(root))
	for _, m := range mounts(root) {
		// A group is bounded by those above it as well.
		for dir := m.group; ; dir = path.Dir(dir) {
			bound(number(root, path.Join(m.point, dir, m.file)))
			if dir == "/" || dir == "." {
				break
			}
		}
	}
	return least
}

// machine is MemTotal of proc_meminfo(5), or 0.
func machine(root fs.FS) int64 {
	for _, line := range lines(root, "proc/meminfo") {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" && f[2] == "kB" {
			if n, err := strconv.ParseInt(f[1], 10, 54); err == nil {
				return n << 10
			}
		}
	}
	return 0
}

// mount is where a hierarchy of control groups is seen.
type mount struct {
	point string
	group string // our group, a path below point
	file  string // with the limit of a group
}

// mounts finds the hierarchies that may bound memory (cgroups(7), proc_pid_mountinfo(5)).
func mounts(root fs.FS) []mount {
	ours := map[string]string{} // "" (version 2) or "memory" -> our group
	for _, line := range lines(root, "proc/self/cgroup") {
		f := strings.SplitN(line, ":", 3)
		if len(f) != 3 {
			continue
		}
		for controller := range strings.SplitSeq(f[1], ",") {
			ours[controller] = f[2]
		}
	}
	var out []mount
	for _, line := range lines(root, "proc/self/mountinfo") {
		before, after, ok := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !ok || len(left) < 5 || len(right) < 3 {
			continue
		}
		controller, file := "", "memory.max"
		switch {
		case right[0] == "cgroup" && hasWord(right[2], "memory"):
			controller, file = "memory", "memory.limit_in_bytes"
		case right[0] != "cgroup2":
			continue
		}
		group, ok := ours[controller]
		if !ok {
			continue
		}
		// What is mounted may be a group below the hierarchy's root: in a container
		// without a name space of its own, ours.
		group = path.Clean("/" + group)
		if below := path.Clean("/" + left[3]); below != "/" {
			rest, ok := strings.CutPrefix(group+"/", below+"/")
			if !ok {
				rest = "" // seen from elsewhere: what is mounted is the best we have
			}
			group = path.Clean("/" + rest)
		}
		out = append(out, mount{left[4], group, file})
	}
	return out
}

func hasWord(list, word string) bool {
	for w := range strings.SplitSeq(list, ",") {
		if w == word {
			return true
		}
	}
	return false
}

// number is the number in a file, or 0: without a file, without a limit ("max").
func number(root fs.FS, name string) int64 {
	for _, line := range lines(root, name) {
		n, _ := strconv.ParseInt(line, 10, 64)
		return max(n, 0)
	}
	return 0
}

// lines are those of a file, none where it cannot be read.
func lines(root fs.FS, name string) []string {
	text, err := fs.ReadFile(root, strings.TrimPrefix(name, "/"))
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}
