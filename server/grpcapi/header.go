package grpcapi

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"immis/store"
)

// header is an entry's header as the store keeps it (docs/FORMAT.md, entries),
// so that auditors can hash it themselves. The store gives entries decoded; that
// the bytes are the same again is proved here by their leaf hash and not assumed.
func header(e *store.Entry) ([]byte, error) {
	b := make([]byte, 0, 106+len(e.Principal)+len(e.Case))
	b = append(b, 1)
	b = binary.BigEndian.AppendUint64(b, e.Number)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Time.UnixNano()))
	b = append(b, byte(e.Kind), e.Purpose, e.Result)
	b = append(b, e.Object[:]...)
	b = append(b, e.BodyHash[:]...)
	b = binary.BigEndian.AppendUint32(b, e.BodySize)
	b = append(b, e.State[:]...)
	b = append(b, byte(len(e.Principal)))
	b = append(b, e.Principal...)
	b = append(b, byte(len(e.Case)))
	b = append(b, e.Case...)
	if got, want := tlog.RecordHash(b), e.LeafHash(); got != want {
		return nil, fmt.Errorf("header of entry %d: leaf hash %v, want %v", e.Number, got, want)
	}
	return b, nil
}
