package seal

import (
	"bytes"
	"errors"
	"testing"
)

func seedSlots(t testing.TB) [][]byte {
	kek, err := newGCM(bytes.Repeat([]byte{1}, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	minted, late := make([]byte, slotSize), make([]byte, slotSize)
	s := wrapKey(kek, testStore, Ref{7, 1}, 1, bytes.Repeat([]byte{2}, KeySize))
	s.encode(minted)
	s.ref.Generation = 1 << 31
	s.encode(late)
	erased := erasedMarker(Ref{7, 3})
	keyBytes := bytes.Clone(minted)
	keyBytes[8] = slotErased
	return [][]byte{nil, make([]byte, slotSize), minted, late, erased[:], keyBytes, minted[:100], append(bytes.Clone(minted), 0)}
}

// What decodes re-encodes to the same bytes; nothing else decodes, and nothing panics.
func FuzzSlotDecode(f *testing.F) {
	for _, b := range seedSlots(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		try := func(b []byte) {
			s, err := decodeSlot(b, 7)
			if err != nil {
				if !errors.Is(err, ErrCorrupt) {
					t.Fatalf("%v, want ErrCorrupt", err)
				}
				return
			}
			again := make([]byte, slotSize)
			s.encode(again)
			if !bytes.Equal(again, b) || s.ref.Slot != 7 {
				t.Fatalf("%x re-encodes to %x", b, again)
			}
		}
		try(b)
		if len(b) == slotSize {
			// With its checksum made right, so that what is behind it is reached.
			b = bytes.Clone(b)
			putSum(b, slotSumAt)
			try(b)
		}
	})
}

func putSum(b []byte, at int) {
	x := sum(b[:at])
	b[at], b[at+1], b[at+2], b[at+3] = byte(x>>24), byte(x>>16), byte(x>>8), byte(x)
}

func FuzzHeaderDecode(f *testing.F) {
	f.Add(header{block: BlockSlots, epoch: 1, store: testStore}.encode())
	f.Add(header{block: 32, epoch: 1 << 31}.encode())
	f.Add([]byte(headerMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		page := make([]byte, headerSize)
		copy(page, b)
		putSum(page, headerSumAt)
		h, err := decodeHeader(page)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%v, want ErrCorrupt", err)
			}
			return
		}
		if !bytes.Equal(h.encode(), page) {
			t.Fatal("header re-encodes to something else")
		}
	})
}

// Every single-bit flip of a slot is seen: a CRC of 32 bits finds them all.
func TestSlotSeesEveryFlippedBit(t *testing.T) {
	for _, good := range [][]byte{seedSlots(t)[2], seedSlots(t)[4]} {
		if _, err := decodeSlot(good, 7); err != nil {
			t.Fatal(err)
		}
		if _, err := decodeSlot(good, 8); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("slot at another place: %v", err)
		}
		for bit := range slotSize * 8 {
			bad := bytes.Clone(good)
			bad[bit/8] ^= 1 << (bit % 8)
			if _, err := decodeSlot(bad, 7); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("bit %d: %v, want ErrCorrupt", bit, err)
			}
		}
	}
}

// A wrapped key opens at its place only.
func TestWrappedKeyIsBoundToItsPlace(t *testing.T) {
	kek, err := newGCM(bytes.Repeat([]byte{1}, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	raw := bytes.Repeat([]byte{2}, KeySize)
	s := wrapKey(kek, testStore, Ref{7, 1}, 3, raw)
	if got, err := s.unwrap(kek, testStore, 3); err != nil || !bytes.Equal(got, raw) {
		t.Fatalf("unwrap: %v", err)
	}
	moved, later := s, s
	moved.ref.Slot++
	later.ref.Generation++
	for _, try := range []func() ([]byte, error){
		func() ([]byte, error) { return s.unwrap(kek, ID{1}, 3) },
		func() ([]byte, error) { return s.unwrap(kek, testStore, 4) },
		func() ([]byte, error) { return moved.unwrap(kek, testStore, 3) },
		func() ([]byte, error) { return later.unwrap(kek, testStore, 3) },
	} {
		if _, err := try(); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%v, want ErrCorrupt", err)
		}
	}
}

func TestNames(t *testing.T) {
	for _, e := range []uint32{1, 999999, 1000000, 1<<32 - 1} {
		for _, which := range []byte{fileA, fileB} {
			for _, suffix := range []string{"", suffixNew} {
				w, got, fresh, ok := parseName(fileName(which, e) + suffix)
				if !ok || w != which || got != e || fresh != (suffix != "") {
					t.Fatalf("%c %d %q: %c %d %t %t", which, e, suffix, w, got, fresh, ok)
				}
			}
		}
		if got, ok := parseKEK(kekName(e)); !ok || got != e {
			t.Fatalf("kek %d: %d %t", e, got, ok)
		}
	}
	for _, bad := range []string{"", "keys-c.000001", "keys-a.1", "keys-a.000000", "keys-a.000001.new.new", "keys-a.", "keys-a.0000001", "keys-a.+00001", "x"} {
		if _, _, _, ok := parseName(bad); ok {
			t.Errorf("%q is taken for a table file", bad)
		}
	}
	for _, bad := range []string{"kek-", "kek-0", "kek-01", "kek-+1", "kek-4294967296", "head"} {
		if _, ok := parseKEK(bad); ok {
			t.Errorf("%q is taken for a key-encryption key", bad)
		}
	}
}
