package store

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// formatNumber is the version of the data directory that this code writes. A
// directory with a higher number is refused before anything in it is touched.
const formatNumber = 1

// Names in the data directory.
const (
	formatFile  = "FORMAT"
	lockFile    = "LOCK"
	birthFile   = "CREATING"
	ledgerDir   = "ledger"
	keysDir     = "keys"
	blobsDir    = "blobs"
	reserveFile = "reserve"
)

// encodeFormat is the text of FORMAT (and of CREATING, which marks a directory
// whose creation has not finished):
//
//	immis store
//	format 1
//	id <32 hexadecimal digits>
//	sum <CRC-32C of the lines above, 8 hexadecimal digits>
func encodeFormat(id ID) []byte {
	b := fmt.Appendf(nil, "immis store\nformat %d\nid %s\n", formatNumber, id)
	return fmt.Appendf(b, "sum %08x\n", crc32c(b))
}

func decodeFormat(b []byte) (ID, error) {
	var id ID
	lines := strings.Split(string(b), "\n")
	if len(lines) < 4 || lines[0] != "immis store" {
		return id, damaged("%s: not a store's format file", formatFile)
	}
	text, ok := strings.CutPrefix(lines[1], "format ")
	n, err := strconv.ParseUint(text, 10, 32)
	if !ok || err != nil || n == 0 {
		return id, damaged("%s: line %q, want \"format\" and a number", formatFile, lines[1])
	}
	// Every format keeps the first and the last line, so that a damaged digit does
	// not pass for a newer version.
	body := strings.Join(lines[:len(lines)-2], "\n") + "\n"
	sum, sumOK := strings.CutPrefix(lines[len(lines)-2], "sum ")
	if !sumOK || sum != fmt.Sprintf("%08x", crc32c([]byte(body))) || lines[len(lines)-1] != "" {
		return id, damaged("%s: checksum does not match its lines", formatFile)
	}
	if n > formatNumber {
		return id, fmt.Errorf("%w: format %d, want at most %d; use the version of immis that wrote it", ErrNewerFormat, n, formatNumber)
	}
	hexID, ok := strings.CutPrefix(lines[2], "id ")
	raw, err := hex.DecodeString(hexID)
	if !ok || err != nil || len(raw) != len(id) || len(lines) != 5 || hexID != strings.ToLower(hexID) {
		return id, damaged("%s: line %q, want \"id\" and 32 hexadecimal digits", formatFile, lines[2])
	}
	copy(id[:], raw)
	return id, nil
}
