package seal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
)

// TableOptions say where a table is. The zero value of a field is invalid unless
// said otherwise; the options never change once a table is made from them.
type TableOptions struct {
	// FS and Dir hold the two files; Dir is made with mode 0700 if missing.
	FS  vfs.FS
	Dir string
	// Keys keeps the key-encryption keys, outside Dir.
	Keys KeySource
	// Store is the store's identifier; a table of another store is refused.
	Store ID
	// Copy is a directory in FS for the confirmed copy: a key epoch ends only when the
	// new table was written there and read back. "" (allowed): no copy; losing Dir then
	// is losing all data.
	Copy string
	// Logger gets repairs and damage, never secrets; nil: none.
	Logger *slog.Logger
	// Metrics gets immis_keytable_*; nil: none.
	Metrics prometheus.Registerer

	block uint32 // slots per block of a new table; tests use small ones
}

// prepared returns the options with defaults filled in, or all that is wrong.
func (o TableOptions) prepared() (TableOptions, error) {
	var errs []error
	if o.FS == nil {
		errs = append(errs, errors.New("FS is nil, want a file system"))
	}
	if o.Dir == "" {
		errs = append(errs, errors.New("Dir is empty, want a directory"))
	}
	if o.Keys == nil {
		errs = append(errs, errors.New("Keys is nil, want a key source"))
	}
	if o.Store == (ID{}) {
		errs = append(errs, errors.New("Store is zero, want the store's identifier"))
	}
	if o.Copy != "" && o.Copy == o.Dir {
		errs = append(errs, errors.New("Copy is Dir, want another directory"))
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.block == 0 {
		o.block = BlockSlots
	}
	if len(errs) > 0 {
		return o, fmt.Errorf("key table options: %w", errors.Join(errs...))
	}
	return o, nil
}

// Table is the key table. Its methods are safe for concurrent use.
//
// Locks, in the order in which they are taken: rotating, mu, view, alloc.
type Table struct {
	opts  TableOptions
	block uint32 // slots per block of the table as it is

	rotating sync.Mutex // one rotation or copy at a time

	mu      sync.Mutex // serializes all writes to files
	next    *image     // the image a rotation makes, nil otherwise
	cursor  uint32     // slots below are in next
	pending *pendingBlock
	unsure  map[uint32]struct{} // slots whose erased marker may be half written

	view   sync.RWMutex // guards cur and closed; held while a slot is read
	cur    *image
	closed bool

	alloc  sync.Mutex // guards the following
	free   uint32     // first slot not handed out
	minted uint32     // slots in the table
	shaky  uint32     // slots from here on are in one file only: not handed out
	told   bool       // SetUsed was called

	store  *Key
	erased bitmap

	repairs, damaged, rotations atomic.Uint64
}

// TableExists tells whether dir holds a key table, whatever its state.
func TableExists(fs vfs.FS, dir string) (bool, error) {
	found, err := listTable(fs, dir)
	if err != nil {
		return false, err
	}
	_, ok := found.newest()
	return ok, nil
}

// CreateTable makes a table of epoch 1 with its first block of keys; slot 0 is the
// store's own key. It refuses (ErrExists) a directory that holds a table and a key
// source that holds key-encryption keys of one. What a creation cut by a crash left
// behind is removed first.
func CreateTable(ctx context.Context, o TableOptions) (*Table, error) {
	t, err := createTable(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("create key table: %w", err)
	}
	return t, nil
}

func createTable(ctx context.Context, o TableOptions) (*Table, error) {
	o, err := o.prepared()
	if err != nil {
		return nil, err
	}
	if !validBlock(o.block) {
		return nil, fmt.Errorf("slots per block %d, want a multiple of 32, 32..65536", o.block)
	}
	if err := makeDir(o.FS, o.Dir); err != nil {
		return nil, err
	}
	if err := clearCreation(ctx, o); err != nil {
		return nil, err
	}
	secret := make([]byte, KeySize)
	fillRandom(secret)
	img, err := newImage(o.FS, o.Dir, header{block: o.block, epoch: 1, store: o.Store}, secret)
	if err != nil {
		return nil, err
	}
	t := newTable(o, img)
	if err := t.establish(ctx, secret); err != nil {
		return nil, errors.Join(err, img.close())
	}
	if err := t.register(); err != nil {
		return nil, errors.Join(err, img.close())
	}
	return t, nil
}

func newTable(o TableOptions, img *image) *Table {
	return &Table{opts: o, block: img.block, cur: img, unsure: map[uint32]struct{}{}, shaky: NoSlot}
}

// establish fills a new image with its first block and gives it its name. The files
// are whole and durable before the key-encryption key is put, and that before they get
// their names: so what a crash leaves is either a table or recognizably none.
func (t *Table) establish(ctx context.Context, secret []byte) error {
	fs, dir := t.opts.FS, t.opts.Dir
	if err := t.mintBlock(); err != nil {
		return err
	}
	if err := t.cur.sync(); err != nil {
		return err
	}
	t.cur.synced, t.cur.complete = true, true
	if err := syncDir(fs, dir); err != nil {
		return err
	}
	if err := t.opts.Keys.Put(ctx, kekName(1), secret); err != nil {
		return err
	}
	if err := publishNames(fs, dir, 1); err != nil {
		return err
	}
	t.free, t.told = 1, true
	var err error
	t.store, err = t.slotKey(0)
	return err
}

// publishNames takes the suffix off both files of an epoch, durably.
func publishNames(fs vfs.FS, dir string, epoch uint32) error {
	for _, which := range []byte{fileA, fileB} {
		path := fs.PathJoin(dir, fileName(which, epoch))
		if err := fs.Rename(path+suffixNew, path); err != nil {
			return fmt.Errorf("rename %s: %w", path+suffixNew, err)
		}
	}
	return syncDir(fs, dir)
}

// clearCreation refuses what is not ours and removes what a cut creation left. A
// key-encryption key is destroyed only if it opens slot 0 of the unfinished files: a
// wrong directory beside the right keys must never cost a table its keys.
func clearCreation(ctx context.Context, o TableOptions) error {
	found, err := listTable(o.FS, o.Dir)
	if err != nil {
		return err
	}
	if e, ok := found.newest(); ok {
		return fmt.Errorf("%s holds a table of epoch %d: %w", o.Dir, e, ErrExists)
	}
	names, err := o.Keys.List(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		epoch, ok := parseKEK(name)
		if !ok {
			continue
		}
		if epoch != 1 || !cutCreation(ctx, o) {
			return fmt.Errorf("key source holds %s of another table: %w", name, ErrExists)
		}
		if err := o.Keys.Destroy(ctx, name); err != nil {
			return err
		}
	}
	return removeNames(o.FS, o.Dir, found.others(0))
}

// cutCreation tells whether the unfinished files of epoch 1 are of kek-1, or kek-1
// was cut while it was being destroyed for that reason.
func cutCreation(ctx context.Context, o TableOptions) bool {
	path := o.FS.PathJoin(o.Dir, fileName(fileA, 1)+suffixNew)
	f, err := o.FS.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	secret, err := o.Keys.Get(ctx, kekName(1))
	if errors.Is(err, ErrCorrupt) || errors.Is(err, ErrNoSecret) {
		return true
	}
	if err != nil {
		return false
	}
	kek, err := newGCM(secret)
	if err != nil {
		return false
	}
	page, first := make([]byte, headerSize), make([]byte, slotSize)
	if _, err := readAt(f, page, 0); err != nil {
		return false
	}
	h, err := decodeHeader(page)
	if err != nil {
		return false
	}
	if _, err := readAt(f, first, slotOffset(0)); err != nil {
		return false
	}
	img := &image{header: h, kek: kek}
	_, raw, err := img.open(first, 0)
	return err == nil && raw != nil
}

// Epoch is the number of the key epoch in force, from 1.
func (t *Table) Epoch() uint32 {
	t.view.RLock()
	defer t.view.RUnlock()
	return t.cur.epoch
}

// StoreKey is the store's own key, slot 0. It is never erased.
func (t *Table) StoreKey() *Key { return t.store }

// Erased tells, from memory, whether the key of r was destroyed.
func (t *Table) Erased(r Ref) bool { return t.erased.has(r.Slot) }

// Close closes the files. It does not wait for other calls: their owner does.
func (t *Table) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.view.Lock()
	defer t.view.Unlock()
	if t.closed {
		return nil
	}
	t.closed = true
	err := t.cur.close()
	if t.next != nil {
		err = errors.Join(err, t.next.close())
		t.next = nil
	}
	t.pending = nil
	t.unregister()
	return err
}
