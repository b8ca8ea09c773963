package main

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"strings"
)

// entriesWriter writes the entries file that store.AuditFile reads (drawn in
// docs/FORMAT.md) from headers that came over the API, so that an auditor needs
// neither the server's disk nor a pause of the server. Only the verification of
// the file against a signed head gives it any weight.
type entriesWriter struct {
	out   io.Writer // buffered and summed
	buf   *bufio.Writer
	sum   hash.Hash32
	count uint64
}

// newEntriesWriter begins the file of the store whose heads the key verifies:
// the name in the key is immis/ and the store's identifier in hexadecimal.
func newEntriesWriter(w io.Writer, verifierKey string) (*entriesWriter, error) {
	name, _, _ := strings.Cut(verifierKey, "+")
	id, err := hex.DecodeString(strings.TrimPrefix(name, "immis/"))
	if err != nil || len(id) != 16 {
		return nil, fmt.Errorf("write entries: verifier key of %q, want immis/ and 16 bytes in hexadecimal", name)
	}
	e := &entriesWriter{buf: bufio.NewWriter(w), sum: crc32.New(crc32.MakeTable(crc32.Castagnoli))}
	e.out = io.MultiWriter(e.buf, e.sum)
	_, err = e.out.Write(append([]byte("immisent\x01"), id...))
	return e, err
}

func (e *entriesWriter) add(header []byte) error {
	if len(header) == 0 || len(header) > 1<<16-1 {
		return fmt.Errorf("write entry %d: header of %d bytes, want 1 to 65535", e.count, len(header))
	}
	e.count++
	_, err := e.out.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(header))), header...))
	return err
}

func (e *entriesWriter) finish() error {
	if _, err := e.out.Write(binary.BigEndian.AppendUint64([]byte{0, 0}, e.count)); err != nil {
		return err
	}
	if _, err := e.buf.Write(binary.BigEndian.AppendUint32(nil, e.sum.Sum32())); err != nil {
		return err
	}
	return e.buf.Flush()
}
