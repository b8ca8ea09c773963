package store

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestOlderLedgerIsRefused puts an older copy of the Pebble directory under a
// newer anchor. It must catch the mutant skip-anchor.
func TestOlderLedgerIsRefused(t *testing.T) {
	noError(t, olderLedgerIsRefused())
}

func olderLedgerIsRefused() error {
	disk := vfs.NewCrashableMem()
	r, err := start(testOptions(disk))
	if err != nil {
		return err
	}
	if _, err := r.enroll(id(1), "early"); err != nil {
		return err
	}
	if err := r.stop(); err != nil {
		return err
	}
	early := disk.CrashClone(vfs.CrashCloneCfg{})
	if r, err = start(testOptions(disk)); err != nil {
		return err
	}
	if _, err := r.commit(mutation(id(1), DropSubject(id(1), false))); err != nil {
		return err
	}
	if err := r.stop(); err != nil {
		return err
	}
	if err := disk.RemoveAll(path.Join(testDir, ledgerDir)); err != nil {
		return err
	}
	if ok, err := vfs.Clone(early, disk, path.Join(testDir, ledgerDir), path.Join(testDir, ledgerDir)); err != nil || !ok {
		return fmt.Errorf("put back the old ledger: %v %v", ok, err)
	}
	r, err = start(testOptions(disk))
	if err == nil {
		return errors.Join(errors.New("a ledger older than its anchor was opened: a deleted subject is back"), r.stop())
	}
	if !errors.Is(err, ErrOlderThanAnchor) || !strings.Contains(err.Error(), "2 entries, want at least 3") {
		return fmt.Errorf("error %w, want %w with got and want", err, ErrOlderThanAnchor)
	}
	return nil
}

func TestAnchorSlots(t *testing.T) {
	disk := vfs.NewCrashableMem()
	r := mustStart(t, testOptions(disk))
	for i := range 5 {
		_, err := r.commit(mutation(id(i)))
		noError(t, err)
	}
	mustStop(t, r)
	name := path.Join(testDir, anchorFile)
	damage := func(slots ...int) *vfs.MemFS {
		d := disk.CrashClone(vfs.CrashCloneCfg{})
		f, err := d.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
		noError(t, err)
		for _, s := range slots {
			_, err = f.WriteAt([]byte("damage"), int64(s)*anchorSlot+100)
			noError(t, err)
		}
		noError(t, errors.Join(f.Sync(), f.Close()))
		return d
	}
	for slot := range 2 {
		d := damage(slot)
		r := mustStart(t, testOptions(d))
		if w := r.Report().Warnings; len(w) != 1 || !strings.Contains(w[0], "checksum") {
			t.Errorf("slot %d: warnings %q, want one about the checksum", slot, w)
		}
		_, err := r.commit(mutation(id(1)))
		noError(t, err)
		mustStop(t, r)
		r = mustStart(t, testOptions(d))
		if w := r.Report().Warnings; len(w) != 0 {
			t.Errorf("slot %d is not repaired: %q", slot, w)
		}
		mustStop(t, r)
	}
	_, err := Open(context.Background(), testOptions(damage(0, 1)))
	wantError(t, err, ErrDamaged)
	// The anchor of another store, signed by another key.
	other := vfs.NewCrashableMem()
	mustStop(t, mustStart(t, testOptions(other)))
	d := damage()
	noError(t, d.Remove(name))
	ok, err := vfs.Clone(other, d, name, name)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	_, err = Open(context.Background(), testOptions(d))
	wantError(t, err, ErrDamaged)
	// No anchor at all.
	noError(t, d.Remove(name))
	_, err = Open(context.Background(), testOptions(d))
	wantError(t, err, ErrDamaged)
}

func TestAheadOfAnchor(t *testing.T) {
	disk := vfs.NewCrashableMem()
	r := mustStart(t, testOptions(disk))
	old, err := readSmall(disk, path.Join(testDir, anchorFile), 1<<20)
	noError(t, err)
	for i := range maxAhead + 1 {
		_, err := r.commit(mutation(id(i)))
		noError(t, err)
		if i == maxAhead-1 {
			// As far as a crash may leave it behind: opened, and brought up to date.
			mustStop(t, r)
			noError(t, writeSmall(disk, path.Join(testDir, anchorFile), old))
			r = mustStart(t, testOptions(disk))
			if h := r.Head(); h.Size != maxAhead+1 {
				t.Fatalf("head of %d entries, want %d", h.Size, maxAhead+1)
			}
		}
	}
	mustStop(t, r)
	noError(t, writeSmall(disk, path.Join(testDir, anchorFile), old))
	_, err = Open(context.Background(), testOptions(disk))
	wantError(t, err, ErrDamaged)
}
