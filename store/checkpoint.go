package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// EndEpoch ends the key epoch: all keys are wrapped anew under a new
// key-encryption key and the old one is destroyed, so that nothing erased before
// opens any more, wherever an old copy of the key table may be. It runs beside
// commits and is then recorded. progress (may be nil) counts slots. Use
// KeyCopy to have the epoch wait for a confirmed copy of the table. It returns the
// epoch that has begun and the receipt of the entry.
func (s *Store) EndEpoch(ctx context.Context, by By, progress func(done, total int)) (epoch uint32, r Receipt, err error) {
	m := own(KindEpoch, by)
	if err := m.check(); err != nil {
		return 0, r, err
	}
	s.epochMu.Lock()
	defer s.epochMu.Unlock()
	if err := s.writable(); err != nil {
		return 0, r, err
	}
	// Nothing is begun before the committer runs: the entry must follow.
	if err := s.exec(ctx, func() error { return nil }); err != nil {
		return 0, r, err
	}
	if epoch, err = s.table.Rotate(ctx, progress); err != nil {
		return 0, r, fmt.Errorf("end key epoch: %w", err)
	}
	m.Detail = s.StoreKey().Seal(s.Context(DetailRow(ID{})), binary.BigEndian.AppendUint32(nil, epoch))
	// The epoch has ended whatever becomes of the caller; its entry should say so.
	err = s.exec(context.WithoutCancel(ctx), func() (err error) {
		r, err = s.commitOwn(m, nil)
		return err
	})
	if err != nil {
		return epoch, r, fmt.Errorf("record key epoch %d: %w", epoch, err)
	}
	return epoch, r, nil
}

// Checkpoint makes a verified copy of the ledger and the blobs in dir, which must
// not exist and should lie on the same volume: files are linked where that is
// possible. The key table is not in it (see CopyKeys): the copy holds sealed data
// only. When the copy has been opened and verified an entry says so, and bodies of
// the entries in it are dropped (see Options.KeepBodies). Commits pause while
// Pebble links its files, not while blobs are linked or the copy is verified.
// progress (may be nil) gets the name of each step. It returns the head of the
// copy and the receipt of the entry.
func (s *Store) Checkpoint(ctx context.Context, dir string, by By, progress func(step string)) (Head, Receipt, error) {
	if err := own(KindCheckpoint, by).check(); err != nil {
		return Head{}, Receipt{}, err
	}
	s.checkpointMu.Lock()
	defer s.checkpointMu.Unlock()
	if err := s.writable(); err != nil {
		return Head{}, Receipt{}, err
	}
	if progress == nil {
		progress = func(string) {}
	}
	fsys := s.opt.FS
	if _, err := fsys.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return Head{}, Receipt{}, fmt.Errorf("checkpoint to %s: directory is there already: %w", dir, ErrExists)
	}
	for try := 1; ; try++ {
		head, r, err := s.checkpoint(ctx, dir, by, progress)
		if err == nil {
			return head, r, nil
		}
		// What was begun has no anchor and is of no use. After the entry nothing fails.
		err = errors.Join(err, fsys.RemoveAll(dir))
		if try == checkpointTries || !errors.Is(err, ErrDamaged) || ctx.Err() != nil {
			return Head{}, Receipt{}, fmt.Errorf("checkpoint to %s: %w", dir, err)
		}
		s.log.Warn("a copy of the ledger does not verify and is made again", "try", try, "cause", err)
	}
}

// checkpointTries is how often a copy is made whose verification fails. Seen once in
// some thousand copies made under load: Pebble wrote a manifest without records into
// a copy. The ledger itself was sound, and a second copy too.
const checkpointTries = 3

func (s *Store) checkpoint(ctx context.Context, dir string, by By, progress func(string)) (head Head, r Receipt, err error) {
	fsys := s.opt.FS
	if err := makeDirs(fsys, dir); err != nil {
		return head, r, err
	}
	var release func()
	defer func() {
		if release != nil {
			_ = s.exec(context.WithoutCancel(ctx), func() error { release(); return nil })
		}
	}()
	progress("ledger")
	err = s.exec(ctx, func() error {
		release = s.holdBlobs()
		head = s.anchor.head
		return s.health.do("checkpoint", func() error {
			return s.db.Checkpoint(fsys.PathJoin(dir, ledgerDir), pebble.WithFlushedWAL())
		})
	})
	if err != nil {
		return head, r, err
	}
	copied, err := openPebble(s.opt, fsys.PathJoin(dir, ledgerDir), newHealth(s.log), true)
	if err != nil {
		return head, r, err
	}
	err = guarded(func() error {
		progress("blobs")
		if err := s.linkBlobs(ctx, copied, dir); err != nil {
			return err
		}
		progress("verify")
		found, err := verifyEntries(ctx, copied, head)
		if err != nil {
			return err
		}
		return verifyState(ctx, copied, &found.meta, nil)
	})
	if cerr := guarded(copied.Close); err == nil {
		err = cerr
	}
	if err != nil {
		return head, r, err
	}
	if err := writeSmall(fsys, fsys.PathJoin(dir, formatFile), encodeFormat(s.id)); err != nil {
		return head, r, err
	}
	// The anchor last: a copy that was cut off has none and does not open.
	if err := createAnchor(fsys, fsys.PathJoin(dir, anchorFile), head); err != nil {
		return head, r, err
	}
	progress("record")
	err = s.exec(ctx, func() (err error) {
		r, err = s.recordCheckpoint(head, by)
		return err
	})
	return head, r, err
}

// recordCheckpoint writes the entry and drops bodies in the same batch.
func (s *Store) recordCheckpoint(head Head, by By) (Receipt, error) {
	m := own(KindCheckpoint, by)
	m.Detail = s.StoreKey().Seal(s.Context(DetailRow(ID{})), head.Note)
	return s.commitOwn(m, func(t *trial) error {
		if s.opt.KeepBodies || head.Size <= t.meta.bodiesFrom {
			return nil
		}
		from := t.meta.bodiesFrom
		t.meta.bodiesFrom = head.Size
		return t.batch.DeleteRange(numberKey(prefixBody, from), numberKey(prefixBody, head.Size), nil)
	})
}

// linkBlobs links every blob that the copied ledger names.
func (s *Store) linkBlobs(ctx context.Context, copied *pebble.DB, dir string) error {
	fsys := s.opt.FS
	target := &blobStore{fs: fsys, dir: fsys.PathJoin(dir, blobsDir)}
	if err := fsys.MkdirAll(target.dir, 0o700); err != nil {
		return fmt.Errorf("make %s: %w", target.dir, err)
	}
	if err := syncDir(fsys, dir); err != nil {
		return err
	}
	last := ""
	err := dbReader{copied}.each([]byte{prefixBlob}, func(k, _ []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		id := BlobID(k[1:])
		sub := fsys.PathDir(target.path(id))
		if sub != last { // keys come in order, so each directory comes once
			if err := finishDir(fsys, last); err != nil {
				return err
			}
			if err := fsys.MkdirAll(sub, 0o700); err != nil {
				return err
			}
			last = sub
		}
		return vfs.LinkOrCopy(fsys, s.blobs.path(id), target.path(id))
	})
	if err == nil {
		err = finishDir(fsys, last)
	}
	if err == nil {
		err = syncDir(fsys, target.dir)
	}
	if err != nil {
		return fmt.Errorf("link blobs: %w", err)
	}
	return nil
}

func finishDir(fsys vfs.FS, dir string) error {
	if dir == "" {
		return nil
	}
	return syncDir(fsys, dir)
}

// EpochOf reads what the entry of a key epoch says; for the trail's display.
func (s *Store) EpochOf(number uint64) (epoch uint32, at time.Time, err error) {
	entries, err := s.Entries(context.Background(), number, 1)
	if err != nil {
		return 0, at, err
	}
	if len(entries) == 0 || entries[0].Kind != KindEpoch {
		return 0, at, fmt.Errorf("entry %d is not of a key epoch: %w", number, ErrNotFound)
	}
	sealed, err := s.Detail(number)
	if err != nil {
		return 0, at, err
	}
	plain, err := s.StoreKey().Open(s.Context(DetailRow(ID{})), sealed)
	if err != nil || len(plain) != 4 {
		return 0, at, fmt.Errorf("detail of entry %d: %w", number, errors.Join(err, ErrCorrupt))
	}
	return binary.BigEndian.Uint32(plain), entries[0].Time, nil
}
