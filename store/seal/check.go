package seal

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Check reads both files in full, opens every key, and tells report (called in the
// order of the slots, from this goroutine) what is not as it should be. It repairs
// nothing: OpenTable does. The error is about the check itself, not about what it found.
// Changes wait for one block of 4,096 slots at a time.
func (t *Table) Check(ctx context.Context, report func(Finding)) error {
	t.rotating.Lock()
	defer t.rotating.Unlock()
	total := t.size()
	var late []Finding
	sc := newScan(t.cur, total)
	sc.readOnly, sc.thorough = true, true
	// Findings are handed over between blocks: report may use the table.
	sc.report = func(f Finding) { late = append(late, f) }
	sc.erased = func(r Ref, half bool) {
		if !t.erased.has(r.Slot) {
			late = append(late, Finding{Kind: HalfErased, File: fileName(fileA, t.cur.epoch), Slot: r.Slot,
				Problem: "erased on disk, but this process did not erase it"})
		}
	}
	if err := t.checkHeaders(func(f Finding) { late = append(late, f) }); err != nil {
		return fmt.Errorf("check key table: %w", err)
	}
	for k := range total / t.block {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("check key table: %w", err)
		}
		if err := t.checkBlock(sc, k); err != nil {
			return fmt.Errorf("check key table: %w", err)
		}
		for _, f := range late {
			report(f)
		}
		late = late[:0]
	}
	return nil
}

func (t *Table) checkBlock(sc *scan, k uint32) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return ErrClosed
	}
	return sc.block(k)
}

// checkHeaders reads the first pages of both files.
func (t *Table) checkHeaders(report func(Finding)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return ErrClosed
	}
	want := string(t.cur.encode())
	for which, f := range map[byte]vfs.File{fileA: t.cur.a, fileB: t.cur.b} {
		page := make([]byte, headerSize)
		finding := Finding{Kind: DamagedFile, File: fileName(which, t.cur.epoch), Slot: NoSlot, Problem: "header differs from the table's"}
		if _, err := readAt(f, page, 0); err != nil {
			finding.Kind, finding.Problem = Unreadable, err.Error()
			report(finding)
		} else if string(page) != want {
			report(finding)
		}
	}
	return nil
}
