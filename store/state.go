package store

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

// Versions of the values in the state.
const (
	subjectVersion = 1
	rowVersion     = 1
	requestVersion = 1
	blobVersion    = 1
	metaVersion    = 1
)

// SubjectStatus tells what became of a subject.
type SubjectStatus uint8

const (
	SubjectLive SubjectStatus = 1
	// SubjectDeleted: its rows are gone, its key still opens backups.
	SubjectDeleted SubjectStatus = 2
	// SubjectErased: its key was destroyed too.
	SubjectErased SubjectStatus = 3
)

// Subject is what the ledger keeps about a subject, also after its deletion.
type Subject struct {
	Ref    Ref
	Status SubjectStatus
	// Entries counts the entries that changed the subject; First and Last are
	// the numbers of the oldest and newest of them.
	Entries     uint64
	First, Last uint64
}

// subjectRow adds the number of rows per table, so that a drop finds them.
type subjectRow struct {
	Subject
	tables []tableCount // sorted by table, counts > 0
}

type tableCount struct {
	table byte
	rows  uint64
}

// has tells whether the subject has rows in a table.
func (s *subjectRow) has(table byte) bool {
	return slices.ContainsFunc(s.tables, func(t tableCount) bool { return t.table == table })
}

func (s *subjectRow) count(table byte, delta int) {
	for i := range s.tables {
		if s.tables[i].table == table {
			s.tables[i].rows += uint64(delta)
			if s.tables[i].rows == 0 {
				s.tables = append(s.tables[:i:i], s.tables[i+1:]...)
			}
			return
		}
		if s.tables[i].table > table {
			s.tables = append(s.tables[:i:i], append([]tableCount{{table, uint64(delta)}}, s.tables[i:]...)...)
			return
		}
	}
	s.tables = append(s.tables, tableCount{table, uint64(delta)})
}

// Layout: 1 version, 1 status, 8 Ref, 8 entries, 8 first, 8 last, then per table
// 1 table and 8 rows.
func (s *subjectRow) encode() []byte {
	be := binary.BigEndian
	b := make([]byte, 0, 34+9*len(s.tables))
	b = append(b, subjectVersion, byte(s.Status))
	b = appendRef(b, s.Ref)
	b = be.AppendUint64(b, s.Entries)
	b = be.AppendUint64(b, s.First)
	b = be.AppendUint64(b, s.Last)
	for _, t := range s.tables {
		b = append(b, t.table)
		b = be.AppendUint64(b, t.rows)
	}
	return b
}

func decodeSubject(b []byte) (subjectRow, error) {
	var s subjectRow
	c := cursor{b: b}
	if v := c.u8(); c.err == nil && v != subjectVersion {
		return s, fmt.Errorf("decode subject: version %d, want %d", v, subjectVersion)
	}
	s.Status = SubjectStatus(c.u8())
	s.Ref = c.ref()
	s.Entries, s.First, s.Last = c.u64(), c.u64(), c.u64()
	if c.err == nil && (s.Status < SubjectLive || s.Status > SubjectErased) {
		return subjectRow{}, fmt.Errorf("decode subject: status %d, want %d..%d", s.Status, SubjectLive, SubjectErased)
	}
	last := -1
	for c.err == nil && len(c.b) > 0 {
		t := tableCount{c.u8(), c.u64()}
		if c.err == nil && (int(t.table) <= last || t.rows == 0) {
			return subjectRow{}, fmt.Errorf("decode subject: table %d with %d rows after table %d", t.table, t.rows, last)
		}
		last = int(t.table)
		s.tables = append(s.tables, t)
	}
	if c.err != nil {
		return subjectRow{}, fmt.Errorf("decode subject: %w", c.err)
	}
	return s, nil
}

// rowValue is the value of a row; layout: 1 version, 8 Ref, 1 number of blobs,
// 16 each, then the sealed bytes to the end.
type rowValue struct {
	ref    Ref
	blobs  []BlobID
	sealed []byte
}

func (v *rowValue) encode() []byte {
	b := make([]byte, 0, 10+16*len(v.blobs)+len(v.sealed))
	b = append(b, rowVersion)
	b = appendRef(b, v.ref)
	b = append(b, byte(len(v.blobs)))
	for _, id := range v.blobs {
		b = append(b, id[:]...)
	}
	return append(b, v.sealed...)
}

func decodeRow(b []byte) (rowValue, error) {
	var v rowValue
	c := cursor{b: b}
	if n := c.u8(); c.err == nil && n != rowVersion {
		return v, fmt.Errorf("decode row: version %d, want %d", n, rowVersion)
	}
	v.ref = c.ref()
	for n := int(c.u8()); n > 0 && c.err == nil; n-- {
		v.blobs = append(v.blobs, BlobID(c.id()))
	}
	if c.err != nil {
		return rowValue{}, fmt.Errorf("decode row: %w", c.err)
	}
	v.sealed = c.b
	return v, nil
}

// requestValue remembers a request; layout: 1 version, 32 value, 8 number,
// 8 time in ns, 16 subject, then the sealed answer to the end.
type requestValue struct {
	value   [32]byte
	number  uint64
	time    time.Time
	subject ID
	answer  []byte
}

func (v *requestValue) encode() []byte {
	b := make([]byte, 0, 65+len(v.answer))
	b = append(b, requestVersion)
	b = append(b, v.value[:]...)
	b = binary.BigEndian.AppendUint64(b, v.number)
	b = binary.BigEndian.AppendUint64(b, uint64(v.time.UnixNano()))
	b = append(b, v.subject[:]...)
	return append(b, v.answer...)
}

func decodeRequest(b []byte) (requestValue, error) {
	var v requestValue
	c := cursor{b: b}
	if n := c.u8(); c.err == nil && n != requestVersion {
		return v, fmt.Errorf("decode request: version %d, want %d", n, requestVersion)
	}
	copy(v.value[:], c.take(32))
	v.number = c.u64()
	v.time = time.Unix(0, int64(c.u64())).UTC()
	v.subject = c.id()
	if c.err != nil {
		return requestValue{}, fmt.Errorf("decode request: %w", c.err)
	}
	v.answer = c.b
	return v, nil
}

// blobValue counts the rows that name a blob; layout: 1 version, 16 subject, 4 uses.
type blobValue struct {
	subject ID
	uses    uint32
}

func (v *blobValue) encode() []byte {
	b := append([]byte{blobVersion}, v.subject[:]...)
	return binary.BigEndian.AppendUint32(b, v.uses)
}

func decodeBlob(b []byte) (blobValue, error) {
	c := cursor{b: b}
	if n := c.u8(); c.err == nil && n != blobVersion {
		return blobValue{}, fmt.Errorf("decode blob use: version %d, want %d", n, blobVersion)
	}
	v := blobValue{subject: c.id(), uses: c.u32()}
	if c.err == nil && (len(c.b) > 0 || v.uses == 0) {
		c.err = fmt.Errorf("%d trailing bytes and %d uses, want 0 and at least 1", len(c.b), v.uses)
	}
	if c.err != nil {
		return blobValue{}, fmt.Errorf("decode blob use: %w", c.err)
	}
	return v, nil
}
