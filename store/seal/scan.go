package seal

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// maxPerBlock is how many damaged slots of one block and file get a finding each;
// more become one finding.
const maxPerBlock = 8

// scan reads an image block by block, compares the two files, repairs one from the
// other and tells what it found.
type scan struct {
	img      *image
	a, b     []byte // one block of each file
	total    uint32 // slots in the longer file, rounded up to blocks
	minted   uint32 // slots that count, set by all
	readOnly bool   // report, repair nothing
	thorough bool   // open every key instead of checking its checksum
	absentA  bool   // file A is being rebuilt: its slots are no findings
	absentB  bool
	fixErr   error // first repair that failed
	shaky    uint32
	report   func(Finding)
	erased   func(r Ref, half bool)
}

// newScan makes a scan over an image of total slots.
func newScan(img *image, total uint32) *scan {
	n := int(img.block) * slotSize
	return &scan{
		img: img, a: make([]byte, n), b: make([]byte, n), total: total, shaky: NoSlot,
		report: func(Finding) {}, erased: func(Ref, bool) {},
	}
}

// slotsIn is how many slots two file sizes make, rounded up to whole blocks.
func slotsIn(img *image) (uint32, error) {
	var longest int64
	for _, f := range []vfs.File{img.a, img.b} {
		info, err := f.Stat()
		if err != nil {
			return 0, fmt.Errorf("size of key table: %w", err)
		}
		longest = max(longest, info.Size())
	}
	if longest <= headerSize {
		return 0, nil
	}
	size := int64(img.block) * slotSize
	blocks := (longest - headerSize + size - 1) / size
	if slots := blocks * int64(img.block); slots < int64(NoSlot) {
		return uint32(slots), nil
	}
	return 0, corrupt("key table: size", longest, fmt.Sprintf("< %d bytes", slotOffset(NoSlot)))
}

// all reads every block.
func (s *scan) all(pause func() error) error {
	s.minted = s.total
	for k := range s.total / s.img.block {
		if err := pause(); err != nil {
			return err
		}
		if err := s.block(k); err != nil {
			return err
		}
	}
	return nil
}

// tally is what was found in one block of one file.
type tally struct {
	bad      int
	first    error
	findings []Finding
}

// block reads, judges and repairs block k.
func (s *scan) block(k uint32) error {
	first := k * s.img.block
	at := slotOffset(first)
	last := first+s.img.block >= s.total && k > 0
	_, errA := readAt(s.img.a, s.a, at)
	_, errB := readAt(s.img.b, s.b, at)
	s.refused(fileA, first, errA)
	s.refused(fileB, first, errB)
	if last && s.torn(first, errA, errB) {
		return nil
	}
	var sides [2]tally
	lost := 0
	for i := range s.img.block {
		a, b := s.a[i*slotSize:(i+1)*slotSize], s.b[i*slotSize:(i+1)*slotSize]
		v := s.img.reconcile(a, b, first+i, s.thorough)
		if v.best == nil {
			lost++
			s.report(Finding{Kind: DamagedSlot, File: fileName(fileA, s.img.epoch), Slot: first + i, Lost: true,
				Problem: errors.Join(v.badA, v.badB).Error()})
			continue
		}
		if v.slot.state == slotErased {
			s.erased(v.slot.ref, v.marker && !s.absentA && !s.absentB)
		}
		s.side(&sides[0], fileA, v, v.badA, a)
		s.side(&sides[1], fileB, v, v.badB, b)
	}
	// A block that was not read is not written: what the buffer has is not what the
	// disk has.
	s.settle(fileA, first, last, &sides[0], s.absentA, s.readOnly || errA != nil)
	s.settle(fileB, first, last, &sides[1], s.absentB, s.readOnly || errB != nil)
	return nil
}

// side notes what is wrong with one file's slot and puts the right bytes into the buffer.
func (s *scan) side(t *tally, which byte, v verdict, bad error, buffer []byte) {
	if bad == nil {
		return
	}
	if t.bad == 0 {
		t.first = bad
	}
	t.bad++
	kind := DamagedSlot
	if v.marker {
		kind = HalfErased
	}
	if t.bad <= maxPerBlock || v.marker {
		t.findings = append(t.findings, Finding{Kind: kind, File: fileName(which, s.img.epoch), Slot: v.slot.ref.Slot, Problem: bad.Error()})
	}
	copy(buffer, v.best)
}

// settle writes a repaired block back and reports. Slots that were right are written
// over with the same bytes, so a torn write harms nothing.
func (s *scan) settle(which byte, first uint32, last bool, t *tally, absent, keep bool) {
	if t.bad == 0 {
		return
	}
	buffer, f := s.a, s.img.a
	if which == fileB {
		buffer, f = s.b, s.img.b
	}
	repaired := false
	if !keep {
		if _, err := f.WriteAt(buffer, slotOffset(first)); err != nil {
			s.fixErr = errors.Join(s.fixErr, fmt.Errorf("repair %s at slot %d: %w", fileName(which, s.img.epoch), first, err))
			if last {
				s.shaky = min(s.shaky, first)
			}
		} else {
			repaired = true
		}
	}
	if absent {
		return
	}
	if t.bad > maxPerBlock {
		kind := DamagedSlot
		if last {
			kind = TornAppend
		}
		s.report(Finding{Kind: kind, File: fileName(which, s.img.epoch), Slot: first, Repaired: repaired,
			Problem: fmt.Sprintf("%d slots from here on, first: %v", t.bad, t.first)})
	}
	for _, f := range t.findings {
		if t.bad <= maxPerBlock || f.Kind == HalfErased {
			f.Repaired = repaired
			s.report(f)
		}
	}
}

// torn tells whether the last block is one whose minting was cut: it is not whole in
// file A, and file B, which is begun only when A is synced, has nothing of it. Then no
// key of it was ever handed out, and it is minted anew. Whenever that is not certain the
// block counts, and its missing slots are damage.
func (s *scan) torn(first uint32, errA, errB error) bool {
	if s.absentA || s.absentB || errA != nil || errB != nil {
		return false
	}
	whole := true
	for i := range s.img.block {
		if !allZero(s.b[i*slotSize : (i+1)*slotSize]) {
			return false
		}
		if _, err := decodeSlot(s.a[i*slotSize:(i+1)*slotSize], first+i); err != nil {
			whole = false
		}
	}
	if whole {
		return false
	}
	s.minted = first
	s.report(Finding{Kind: TornAppend, File: fileName(fileA, s.img.epoch), Slot: first, Repaired: true,
		Problem: "block is not whole and in one file only; none of its keys was handed out"})
	return true
}

// refused reports that the operating system did not read.
func (s *scan) refused(which byte, first uint32, err error) {
	if err != nil {
		s.report(Finding{Kind: Unreadable, File: fileName(which, s.img.epoch), Slot: first, Problem: err.Error()})
	}
}
