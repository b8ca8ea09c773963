package seal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// OpenTable opens the table of the newest epoch that has a finished file and a
// key-encryption key, reads and compares every slot of both files, repairs one from the
// other, finishes an erasure that a crash cut in the middle, and removes what an
// interrupted rotation left. Damage is in the Report; what does not concern the whole
// table does not keep it from opening.
//
// It refuses with ErrNoTable, ErrNoSecret (the key-encryption key is not there), or
// ErrCorrupt (both headers are damaged, the table is of another store, or slot 0 does not
// open under the key). Before that point nothing is written.
func OpenTable(ctx context.Context, o TableOptions) (*Table, Report, error) {
	t, report, err := openTable(ctx, o)
	if err != nil {
		return nil, Report{}, fmt.Errorf("open key table: %w", err)
	}
	return t, report, nil
}

func openTable(ctx context.Context, o TableOptions) (*Table, Report, error) {
	var report Report
	o, err := o.prepared()
	if err != nil {
		return nil, report, err
	}
	found, err := listTable(o.FS, o.Dir)
	if err != nil {
		return nil, report, err
	}
	epoch, secret, err := chooseEpoch(ctx, o, found)
	if err != nil {
		return nil, report, err
	}
	p := &opening{opts: o, found: found, epoch: epoch, report: &report}
	img, err := p.files(secret)
	if err != nil {
		return nil, report, err
	}
	t := newTable(o, img)
	if err := p.load(ctx, t); err != nil {
		return nil, report, errors.Join(err, img.close())
	}
	p.tidy(ctx)
	if err := t.register(); err != nil {
		return nil, report, errors.Join(err, img.close())
	}
	for _, f := range report.Findings {
		o.Logger.Warn("key table", "finding", f.String())
	}
	return t, report, nil
}

// chooseEpoch picks the newest epoch whose key is there. A rotation that gave up
// destroys its key first, so that its files cannot be chosen; one that was completed
// destroys the old one. A source that fails is no source without the key: then nothing is
// chosen.
func chooseEpoch(ctx context.Context, o TableOptions, found tableNames) (uint32, []byte, error) {
	epochs := found.epochs()
	if len(epochs) == 0 {
		return 0, nil, fmt.Errorf("%s: %w", o.Dir, ErrNoTable)
	}
	var missing []error
	for _, e := range epochs {
		secret, err := o.Keys.Get(ctx, kekName(e))
		if err == nil {
			return e, secret, nil
		}
		if !errors.Is(err, ErrNoSecret) && !errors.Is(err, ErrCorrupt) {
			return 0, nil, err
		}
		missing = append(missing, err)
	}
	return 0, nil, errors.Join(missing...)
}

// opening is one run of OpenTable.
type opening struct {
	opts   TableOptions
	found  tableNames
	epoch  uint32
	report *Report
	// rebuilt names a file that is made anew, or 0; fixed one whose header is rewritten.
	rebuilt, fixed byte
	page           []byte // the good header
}

// files opens both files and decides by their headers which of them count. It writes nothing.
func (p *opening) files(secret []byte) (*image, error) {
	kek, err := newGCM(secret)
	if err != nil {
		return nil, fmt.Errorf("key-encryption key of epoch %d: %w", p.epoch, err)
	}
	img := &image{kek: kek, synced: true, complete: true, published: true}
	a, ha, errA := p.file(fileA)
	b, hb, errB := p.file(fileB)
	img.a, img.b = a, b
	switch {
	case errA != nil && errB != nil:
		err = errors.Join(errA, errB)
	case errA != nil:
		img.header, err = hb, p.discard(fileA, a != nil, errA)
	case errB != nil:
		img.header, err = ha, p.discard(fileB, b != nil, errB)
	case ha != hb:
		err = corrupt("key table: headers of the two files", "different", "equal")
	default:
		img.header = ha
	}
	if err == nil && img.store != p.opts.Store {
		err = corrupt("key table: store", img.store, p.opts.Store)
	}
	if err == nil && img.epoch != p.epoch {
		err = corrupt("key table: epoch in the header", img.epoch, p.epoch)
	}
	if err != nil {
		return nil, errors.Join(err, img.close())
	}
	if img.files, err = newFileKeys(secret, img.header); err != nil {
		return nil, errors.Join(err, img.close())
	}
	p.page = img.encode()
	return img, nil
}

// file opens one file and reads its header. A nil file is a missing one; a file with an
// error is one with a damaged header.
func (p *opening) file(which byte) (vfs.File, header, error) {
	name := fileName(which, p.epoch)
	if !p.found.has(which, p.epoch) {
		return nil, header{}, corrupt(name, "missing", "a file")
	}
	f, err := p.opts.FS.OpenReadWrite(p.opts.FS.PathJoin(p.opts.Dir, name), vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, header{}, fmt.Errorf("open %s: %w", name, err)
	}
	page := make([]byte, headerSize)
	if _, err := readAt(f, page, 0); err != nil {
		return f, header{}, fmt.Errorf("read header of %s: %w", name, err)
	}
	h, err := decodeHeader(page)
	if err != nil {
		return f, header{}, fmt.Errorf("%s: %w", name, err)
	}
	return f, h, nil
}

// discard notes a file that the other one has to replace. A file that the system did
// not open or read is not replaced: that could be a missing permission.
func (p *opening) discard(which byte, exists bool, cause error) error {
	if !errors.Is(cause, ErrCorrupt) {
		return cause
	}
	if exists {
		p.fixed = which
	} else {
		p.rebuilt = which
	}
	p.report.add(Finding{Kind: DamagedFile, File: fileName(which, p.epoch), Slot: NoSlot, Problem: cause.Error(), Repaired: true})
	return nil
}

// load checks that the key fits, completes the pair of files, and reads everything.
func (p *opening) load(ctx context.Context, t *Table) error {
	img := t.cur
	if err := p.probe(img); err != nil {
		return err
	}
	if err := p.complete(img); err != nil {
		return err
	}
	total, err := slotsIn(img)
	if err != nil {
		return err
	}
	sc := newScan(img, total)
	sc.absentA, sc.absentB = p.rebuilt == fileA, p.rebuilt == fileB
	sc.report = p.report.add
	sc.erased = func(r Ref, half bool) {
		t.erased.set(r.Slot)
		if half {
			p.report.RolledForward = append(p.report.RolledForward, r)
			t.unsure[r.Slot] = struct{}{}
		}
	}
	if err := sc.all(ctx.Err); err != nil {
		return err
	}
	if err := p.durable(t, img, sc); err != nil {
		return err
	}
	t.minted, t.free, t.shaky = sc.minted, sc.minted, sc.shaky
	t.damaged.Add(uint64(p.report.Lost))
	t.repairs.Add(uint64(p.report.Repaired))
	p.report.Epoch, p.report.Slots, p.report.Erased = img.epoch, int(sc.minted), t.erased.len()
	t.store, err = t.slotKey(0)
	return err
}

// probe opens slot 0: the proof that this is the key of this table.
func (p *opening) probe(img *image) error {
	var first error
	for _, f := range []vfs.File{img.a, img.b} {
		if f == nil {
			continue
		}
		var b [slotSize]byte
		if _, err := readAt(f, b[:], slotOffset(0)); err != nil {
			first = errors.Join(first, err)
			continue
		}
		s, raw, err := img.open(b[:], 0)
		if err == nil && raw != nil {
			return nil
		}
		if err == nil {
			err = corrupt("slot 0", fmt.Sprintf("state %d", s.state), "the store's own key")
		}
		first = errors.Join(first, err)
	}
	return fmt.Errorf("key %s and table of epoch %d do not fit: %w", kekName(p.epoch), p.epoch, first)
}

// complete makes a missing file, under its unfinished name, or rewrites a header.
func (p *opening) complete(img *image) error {
	target := &img.a
	if p.rebuilt == fileB || p.fixed == fileB {
		target = &img.b
	}
	if p.rebuilt != 0 {
		f, err := createFile(p.opts.FS, p.opts.FS.PathJoin(p.opts.Dir, fileName(p.rebuilt, p.epoch)+suffixNew))
		if err != nil {
			return fmt.Errorf("make %s anew: %w", fileName(p.rebuilt, p.epoch), err)
		}
		*target = f
	}
	if p.rebuilt != 0 || p.fixed != 0 {
		if _, err := (*target).WriteAt(p.page, 0); err != nil {
			return fmt.Errorf("write header of %s: %w", fileName(p.rebuilt|p.fixed, p.epoch), err)
		}
	}
	return nil
}

// durable syncs what was repaired. A repair that failed is a finding, so that a full
// disk does not keep the table closed; a rebuilt file must succeed.
func (p *opening) durable(t *Table, img *image, sc *scan) error {
	err := errors.Join(sc.fixErr, img.sync())
	if p.rebuilt != 0 {
		if err != nil {
			return err
		}
		path := p.opts.FS.PathJoin(p.opts.Dir, fileName(p.rebuilt, p.epoch))
		if err := p.opts.FS.Rename(path+suffixNew, path); err != nil {
			return fmt.Errorf("rename %s: %w", path+suffixNew, err)
		}
	}
	// The names may be from a rename whose sync failed or never came; they are durable
	// before tidy removes what they replaced.
	if err := syncDir(p.opts.FS, p.opts.Dir); err != nil {
		return err
	}
	if err != nil {
		p.report.add(Finding{Kind: DamagedFile, File: fileName(fileA, p.epoch), Slot: NoSlot, Problem: "repair: " + err.Error()})
		return nil
	}
	clear(t.unsure)
	return nil
}

// tidy removes files of other epochs and the keys that an interrupted rotation left.
// Keys that no rotation of this table can have left are reported and not touched: they
// are of another store, and destroying them would erase it. The next Rotate insists on
// what fails here.
func (p *opening) tidy(ctx context.Context) {
	found, err := listTable(p.opts.FS, p.opts.Dir)
	if others := found.others(p.epoch); err == nil && len(others) > 0 {
		err = removeNames(p.opts.FS, p.opts.Dir, others)
		for _, name := range others {
			p.leftover(name, "file of a rotation that was interrupted", err)
		}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.leftover(p.opts.Dir, "not listed", err)
	}
	ours, foreign, err := otherKEKs(ctx, p.opts.Keys, p.epoch)
	if err != nil {
		p.leftover("key source", "not listed", err)
	}
	for _, name := range ours {
		p.leftover(name, "key of a rotation that was interrupted", p.opts.Keys.Destroy(ctx, name))
	}
	for _, name := range foreign {
		p.leftover(name, "key of no epoch of this table", ErrExists)
	}
}

func (p *opening) leftover(name, problem string, err error) {
	f := Finding{Kind: Leftover, File: name, Slot: NoSlot, Problem: problem, Repaired: err == nil}
	if err != nil {
		f.Problem += ": " + err.Error()
	}
	p.report.add(f)
}

// otherKEKs lists the key-encryption keys of other epochs: ours, which a rotation to or
// from epoch can have left, and foreign ones.
func otherKEKs(ctx context.Context, keys KeySource, epoch uint32) (ours, foreign []string, err error) {
	names, err := keys.List(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		switch e, ok := parseKEK(name); {
		case !ok || e == epoch:
		case e+1 == epoch || e == epoch+1:
			ours = append(ours, name)
		default:
			foreign = append(foreign, name)
		}
	}
	return ours, foreign, nil
}
