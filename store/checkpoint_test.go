package store

import (
	"bytes"
	"context"
	"path"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"immis/store/seal"
)

func TestCheckpoint(t *testing.T) {
	disk := vfs.NewCrashableMem()
	r := mustStart(t, testOptions(disk))
	ctx := context.Background()
	for i := range 20 {
		_, err := r.enroll(id(i), "value")
		noError(t, err)
	}
	key, err := r.SubjectKey(id(3))
	noError(t, err)
	content := strings.Repeat("picture", 100_000)
	blob, n, err := r.PutBlob(ctx, key, id(3), strings.NewReader(content))
	if err != nil || n != int64(len(content)) {
		t.Fatal(n, err)
	}
	row := Row{Table: 2, Subject: id(3), Key: id(1)}
	_, err = r.commit(mutation(id(3), r.sealPut(key, row, "has a blob", Absent, blob)))
	noError(t, err)
	size := r.Head().Size

	var steps []string
	noError(t, checkpoint(r.Store, ctx, "backup/one", func(s string) { steps = append(steps, s) }))
	wantError(t, checkpoint(r.Store, ctx, "backup/one", nil), ErrExists)
	if strings.Join(steps, " ") != "ledger blobs verify record" {
		t.Errorf("steps %q", steps)
	}
	st, err := r.Stats()
	noError(t, err)
	if st.BodiesFrom != size || st.Entries != size+1 {
		t.Fatalf("stats %+v, want bodies from %d", st, size)
	}
	_, err = r.Detail(3)
	wantError(t, err, ErrNotFound)
	noError(t, r.sound())
	// Headers stay, and the entry of the checkpoint has its body.
	entries, err := r.Entries(ctx, 0, 100)
	if err != nil || len(entries) != int(size)+1 || entries[size].Kind != KindCheckpoint {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	if d, err := r.Detail(size); err != nil || len(d) == 0 {
		t.Fatalf("detail of the checkpoint: %v", err)
	}

	// The copy holds no keys; with a copy of the key table it is a store.
	var names []string
	noError(t, walkFiles(disk, "backup/one", func(name string) { names = append(names, name) }))
	for _, n := range names {
		if strings.Contains(n, "/keys") {
			t.Errorf("the backup holds %s", n)
		}
	}
	wantOpenFails := testOptions(disk)
	wantOpenFails.Dir = "backup/one"
	_, err = Open(ctx, wantOpenFails)
	wantError(t, err, ErrDamaged)
	noError(t, r.CopyKeys(ctx, "elsewhere"))
	// Changes after the checkpoint, among them the blob's end, do not reach the copy.
	_, err = r.commit(mutation(id(3), DropSubject(id(3), false)))
	noError(t, err)
	mustStop(t, r)

	noError(t, disk.MkdirAll("backup/one/keys", 0o700))
	ok, err := vfs.Clone(disk, disk, "elsewhere", "backup/one/keys")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	o := testOptions(disk)
	o.Dir = "backup/one"
	b := mustStart(t, o)
	defer func() { mustStop(t, b) }()
	if h := b.Head(); h.Size != size {
		t.Fatalf("backup has %d entries, want %d", h.Size, size)
	}
	if got, err := b.open(row); err != nil || got != "has a blob" {
		t.Fatalf("row %q, %v", got, err)
	}
	bk, err := b.SubjectKey(id(3))
	noError(t, err)
	if got, err := b.readBlob(bk, id(3), blob); err != nil || got != content {
		t.Fatalf("blob of %d bytes, %v", len(got), err)
	}
	noError(t, b.sound())
}

func TestKeepBodies(t *testing.T) {
	o := testOptions(vfs.NewMem())
	o.KeepBodies = true
	r := mustStart(t, o)
	defer func() { mustStop(t, r) }()
	_, err := r.enroll(id(1), "x")
	noError(t, err)
	noError(t, checkpoint(r.Store, context.Background(), "backup", nil))
	noError(t, replayedWhole(r))
}

func TestEndEpoch(t *testing.T) {
	disk := vfs.NewMem()
	o := testOptions(disk)
	o.KeyCopy = "copy"
	r := mustStart(t, o)
	_, err := r.enroll(id(1), "x")
	noError(t, err)
	calls := 0
	noError(t, endEpoch(r.Store, context.Background(), func(done, total int) { calls++ }))
	if calls == 0 {
		t.Error("no progress")
	}
	n := r.Head().Size - 1
	if epoch, _, err := r.EpochOf(n); err != nil || epoch != 2 {
		t.Fatalf("entry %d is of epoch %d, %v, want 2", n, epoch, err)
	}
	_, _, err = r.EpochOf(0)
	wantError(t, err, ErrNotFound)
	if names, err := disk.List("copy"); err != nil || len(names) == 0 {
		t.Fatalf("copy of the key table: %v %v", names, err)
	}
	mustStop(t, r)
	r = mustStart(t, o)
	defer func() { mustStop(t, r) }()
	if got, err := r.open(Row{Table: 1, Subject: id(1), Key: id(0)}); err != nil || got != "x" {
		t.Fatalf("row %q after the epoch, %v", got, err)
	}
	if st, err := r.Stats(); err != nil || st.KeyEpoch != 2 {
		t.Fatalf("epoch %d, %v", st.KeyEpoch, err)
	}
}

func TestAudit(t *testing.T) {
	disk := vfs.NewCrashableMem()
	r := mustStart(t, testOptions(disk))
	ctx := context.Background()
	for i := range 30 {
		_, err := r.enroll(id(i), "value")
		noError(t, err)
	}
	head, vkey := r.Head(), r.VerifierKey()
	_, err := r.commit(mutation(id(1), DropSubject(id(1), true)))
	noError(t, err)
	var file bytes.Buffer
	n, err := r.ExportEntries(ctx, &file)
	if err != nil || n != 32 {
		t.Fatalf("%d entries exported, %v", n, err)
	}
	mustStop(t, r)

	check := func(what string, src AuditSource, bodies uint64) {
		t.Helper()
		res, err := AuditVerify(ctx, src, head.Note, vkey)
		if err != nil || res.Entries != 32 || res.Head.Size != 31 || res.Bodies != bodies || res.Kinds[kindTest] != 31 || res.Kinds[KindCreated] != 1 {
			t.Fatalf("%s: %+v, %v", what, res, err)
		}
	}
	check("directory", AuditDir(disk, testDir), 32)
	check("file", AuditFile(bytes.NewReader(file.Bytes())), 0)

	// Every flipped byte of the file is noticed.
	for i := range file.Len() {
		bad := bytes.Clone(file.Bytes())
		bad[i] ^= 1
		if _, err := AuditVerify(ctx, AuditFile(bytes.NewReader(bad)), head.Note, vkey); err == nil {
			t.Fatalf("byte %d of the file can be changed", i)
		}
	}
	// A head of another key, a changed head, a shorter ledger, a rewritten one.
	_, other, err := headKeys(r.id, bytes.Repeat([]byte{7}, seal.KeySize))
	noError(t, err)
	if _, err := OpenHead(head.Note, other); err == nil {
		t.Error("a head opens with another key")
	}
	forged := bytes.Replace(head.Note, []byte("\n31\n"), []byte("\n30\n"), 1)
	if _, err := AuditVerify(ctx, AuditDir(disk, testDir), forged, vkey); err == nil {
		t.Error("a changed head was accepted")
	}
	signer, _, err := headKeys(r.id, mustSecret(t, disk))
	noError(t, err)
	longer, err := signHead(signer, r.id, 33, head.Root, head.Time)
	noError(t, err)
	_, err = AuditVerify(ctx, AuditDir(disk, testDir), longer.Note, vkey)
	wantError(t, err, ErrOlderThanAnchor)
	wrong, err := signHead(signer, r.id, 31, r.tree.root(), head.Time)
	noError(t, err)
	_, err = AuditVerify(ctx, AuditDir(disk, testDir), wrong.Note, vkey)
	wantError(t, err, ErrDamaged)
	_, err = AuditVerify(ctx, AuditDir(disk, path.Join(testDir, "nowhere")), head.Note, vkey)
	wantError(t, err, ErrDamaged)
}

func mustSecret(t *testing.T, disk vfs.FS) []byte {
	t.Helper()
	seed, err := seal.KeyDir(disk, testKeys).Get(context.Background(), secretHead)
	noError(t, err)
	return seed
}

// TestCheckpointTriesAgain: a copy that does not verify is made again, a few times;
// what is left behind is a whole copy or none.
func TestCheckpointTriesAgain(t *testing.T) {
	for _, c := range []struct {
		bad  int
		want error
	}{{0, nil}, {checkpointTries - 1, nil}, {checkpointTries, ErrDamaged}} {
		disk := vfs.NewCrashableMem()
		opened := 0
		hooked := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == errorfs.OpOpen && strings.Contains(op.Path, "backup/one/") && strings.Contains(op.Path, "MANIFEST") {
				if opened++; opened <= c.bad {
					return pebble.ErrCorruption
				}
			}
			return nil
		}))
		r := mustStart(t, testOptions(hooked))
		_, err := r.enroll(id(1), "value")
		noError(t, err)
		err = checkpoint(r.Store, context.Background(), "backup/one", nil)
		if c.want == nil {
			noError(t, err)
		} else {
			wantError(t, err, c.want)
		}
		if want := min(c.bad+1, checkpointTries); opened != want {
			t.Errorf("%d bad copies: %d copies, want %d", c.bad, opened, want)
		}
		if _, err := disk.Stat("backup/one"); (err == nil) != (c.want == nil) {
			t.Errorf("%d bad copies: folder of the copy: %v", c.bad, err)
		}
		noError(t, r.sound())
		noError(t, r.stop())
	}
}
