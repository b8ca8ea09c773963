package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Machine is where a figure was measured. Rates of durable writes are worth
// little without SyncsPerSecond: it is the limit they are set against.
type Machine struct {
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
	// MemoryBytes is that of the machine; 0 where it is not known.
	MemoryBytes uint64 `json:"memory_bytes"`
	OS          string `json:"os"`
	Go          string `json:"go"`
	// SyncsPerSecond is how many times a second a file could be extended by 4 KiB
	// and synced, one after the other, in the folder of the run; SyncP99MS is the
	// 99th percentile of one such write.
	SyncsPerSecond float64 `json:"syncs_per_second"`
	SyncP99MS      float64 `json:"sync_p99_ms"`
}

// DescribeMachine describes the machine and measures syncs in dir for about
// the given time, which leaves nothing behind. No syncs are measured when dir
// is "".
func DescribeMachine(ctx context.Context, dir string, measure time.Duration) (Machine, error) {
	m := Machine{
		CPU: procField("/proc/cpuinfo", "model name"), Cores: runtime.GOMAXPROCS(0),
		OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
		MemoryBytes: kilobytes(procField("/proc/meminfo", "MemTotal")),
	}
	if m.CPU == "" {
		m.CPU = runtime.GOARCH
	}
	if dir == "" {
		return m, nil
	}
	l, took, err := measureSyncs(ctx, dir, measure)
	if err != nil {
		return m, fmt.Errorf("measure syncs in %s: %w", dir, err)
	}
	m.SyncsPerSecond = float64(l.Len()) / took.Seconds()
	m.SyncP99MS = Milliseconds(l.Percentile(0.99))
	return m, nil
}

func measureSyncs(ctx context.Context, dir string, measure time.Duration) (l *Latencies, took time.Duration, err error) {
	f, err := os.CreateTemp(dir, "sync-measure-*")
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	block := make([]byte, 4096)
	l = &Latencies{}
	begun := time.Now()
	for time.Since(begun) < measure || l.Len() == 0 {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		err := l.Time(func() error {
			if _, err := f.Write(block); err != nil {
				return err
			}
			return f.Sync()
		})
		if err != nil {
			return nil, 0, err
		}
	}
	return l, time.Since(begun), nil
}

// Memory is what the process holds, in bytes; fields are 0 where the system
// does not tell.
type Memory struct {
	// RSSBytes is resident now, RSSPeakBytes the most that ever was.
	RSSBytes     uint64 `json:"rss_bytes"`
	RSSPeakBytes uint64 `json:"rss_peak_bytes"`
	// HeapBytes is what Go objects hold, live or not yet collected.
	HeapBytes uint64 `json:"heap_bytes"`
}

// ReadMemory reads the memory of this process.
func ReadMemory() Memory {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	const status = "/proc/self/status"
	return Memory{RSSBytes: kilobytes(procField(status, "VmRSS")), RSSPeakBytes: kilobytes(procField(status, "VmHWM")), HeapBytes: stats.HeapAlloc}
}

// procField returns the value of the first line "name : value" of a file, or "":
// machines without such files are described with less.
func procField(path, name string) string {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// kilobytes reads "123 kB" as bytes; 0 when it is not that.
func kilobytes(s string) uint64 {
	number, unit, _ := strings.Cut(s, " ")
	n, err := strconv.ParseUint(number, 10, 54)
	if err != nil || unit != "kB" {
		return 0
	}
	return n << 10
}
