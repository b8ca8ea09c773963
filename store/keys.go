package store

import "encoding/binary"

// The key space of the ledger: one byte of prefix, then big-endian numbers and
// identifiers of fixed length. 's', 'r', 'q' and 'f' are the state: the digest
// covers them and replay makes them again, byte by byte.
const (
	prefixEntry   = 'e' // number            -> header
	prefixBody    = 'b' // number            -> body
	prefixHash    = 'h' // stored hash index -> hash of the Merkle tree
	prefixHistory = 'o' // object, number    -> nothing
	prefixMeta    = 'n' //                   -> counters, digest
	prefixSubject = 's' // subject           -> Ref, status
	prefixRow     = 'r' // table, subject, key -> Ref, blobs, sealed value
	prefixRequest = 'q' // request           -> value, number, answer
	prefixBlob    = 'f' // blob              -> subject, uses
)

// statePrefixes lists what the digest covers, in key order.
func statePrefixes() []byte {
	return []byte{prefixBlob, prefixRequest, prefixRow, prefixSubject}
}

func stateKeyLen(prefix byte) int {
	if prefix == prefixRow {
		return 34
	}
	return 17
}

func numberKey(prefix byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefix}, n)
}

func idKey(prefix byte, id ID) []byte { return append([]byte{prefix}, id[:]...) }

func rowKey(r Row) []byte {
	k := make([]byte, 0, 34)
	k = append(k, prefixRow, r.Table)
	k = append(k, r.Subject[:]...)
	return append(k, r.Key[:]...)
}

func rowPrefix(table byte, subject *ID) []byte {
	k := []byte{prefixRow, table}
	if subject != nil {
		k = append(k, subject[:]...)
	}
	return k
}

func parseRowKey(k []byte) (Row, bool) {
	var r Row
	if len(k) != 34 || k[0] != prefixRow {
		return r, false
	}
	r.Table = k[1]
	copy(r.Subject[:], k[2:18])
	copy(r.Key[:], k[18:34])
	return r, true
}

func historyKey(object ID, n uint64) []byte {
	k := make([]byte, 0, 25)
	k = append(k, prefixHistory)
	k = append(k, object[:]...)
	return binary.BigEndian.AppendUint64(k, n)
}

// after is the first key behind all keys that begin with prefix, nil for none.
func after(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		end[i]++
		if end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}
