package seal

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// File header, byte by byte (4,096 bytes, one page, so that blocks start on a page):
//
//	0     magic "IMMISKEY"
//	8     version, u16 big endian, 1
//	10    slot size, u16, 128
//	12    slots per block, u32, a multiple of 32 (4,096 in use)
//	16    epoch, u32, >= 1
//	20    store identifier, 16 bytes
//	36    zero
//	4092  CRC-32C of bytes 0..4091
//
// Slot n stands at 4096 + 128 n. Files are named keys-a.<epoch> and keys-b.<epoch>,
// six digits or more; with the suffix .new they are unfinished and mean nothing.
const (
	headerSize   = 4096
	headerSumAt  = headerSize - 4
	headerMagic  = "IMMISKEY"
	tableVersion = 1

	// BlockSlots is how many keys are minted at once.
	BlockSlots = 4096

	fileA, fileB = 'a', 'b'
	suffixNew    = ".new"
)

// header says which table a file is of.
type header struct {
	block uint32 // slots per block
	epoch uint32
	store ID
}

func (h header) encode() []byte {
	b := make([]byte, headerSize)
	copy(b, headerMagic)
	binary.BigEndian.PutUint16(b[8:], tableVersion)
	binary.BigEndian.PutUint16(b[10:], slotSize)
	binary.BigEndian.PutUint32(b[12:], h.block)
	binary.BigEndian.PutUint32(b[16:], h.epoch)
	copy(b[20:], h.store[:])
	binary.BigEndian.PutUint32(b[headerSumAt:], sum(b[:headerSumAt]))
	return b
}

// decodeHeader reads the first page of a table file. Errors wrap ErrCorrupt.
func decodeHeader(b []byte) (header, error) {
	if len(b) != headerSize {
		return header{}, corrupt("key table header: length", len(b), headerSize)
	}
	if string(b[:8]) != headerMagic {
		return header{}, corrupt("key table header: magic", fmt.Sprintf("%q", b[:8]), strconv.Quote(headerMagic))
	}
	if got, want := sum(b[:headerSumAt]), binary.BigEndian.Uint32(b[headerSumAt:]); got != want {
		return header{}, corrupt("key table header: checksum of content", fmt.Sprintf("%#08x", got), fmt.Sprintf("%#08x", want))
	}
	h := header{block: binary.BigEndian.Uint32(b[12:]), epoch: binary.BigEndian.Uint32(b[16:])}
	copy(h.store[:], b[20:])
	version, size := binary.BigEndian.Uint16(b[8:]), binary.BigEndian.Uint16(b[10:])
	switch {
	case version != tableVersion:
		return header{}, corrupt("key table header: version", version, tableVersion)
	case size != slotSize:
		return header{}, corrupt("key table header: slot size", size, slotSize)
	case !validBlock(h.block):
		return header{}, corrupt("key table header: slots per block", h.block, "a multiple of 32, 32..65536")
	case h.epoch == 0:
		return header{}, corrupt("key table header: epoch", 0, ">= 1")
	case string(b) != string(h.encode()):
		return header{}, corrupt("key table header: padding", "not zero", "zero")
	}
	return h, nil
}

// validBlock bounds what a header can make a reader allocate: 8 MiB.
func validBlock(n uint32) bool { return n >= 32 && n <= 1<<16 && n%32 == 0 }

// fileName is the name of one of the two files of an epoch.
func fileName(which byte, epoch uint32) string { return fmt.Sprintf("keys-%c.%06d", which, epoch) }

// parseName is the inverse of fileName; fresh tells an unfinished file.
func parseName(name string) (which byte, epoch uint32, fresh, ok bool) {
	base, fresh := strings.CutSuffix(name, suffixNew)
	rest, ok := strings.CutPrefix(base, "keys-")
	if !ok || len(rest) < 3 || (rest[0] != fileA && rest[0] != fileB) || rest[1] != '.' {
		return 0, 0, false, false
	}
	n, err := strconv.ParseUint(rest[2:], 10, 32)
	if err != nil || n == 0 || fileName(rest[0], uint32(n)) != base {
		return 0, 0, false, false
	}
	return rest[0], uint32(n), fresh, true
}

// kekName is the secret's name of an epoch's key-encryption key.
func kekName(epoch uint32) string { return "kek-" + strconv.FormatUint(uint64(epoch), 10) }

// parseKEK is the inverse of kekName.
func parseKEK(name string) (epoch uint32, ok bool) {
	digits, ok := strings.CutPrefix(name, "kek-")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || n == 0 || kekName(uint32(n)) != name {
		return 0, false
	}
	return uint32(n), true
}
