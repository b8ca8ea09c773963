package store

import (
	"time"

	"immis/store/seal"
)

// Tables of rows. Callers number their own tables from 1 to 239; the store
// binds its own sealed values to the tables above.
const (
	MaxTable    = 0xef
	TableAnswer = 0xf0 // answers of requests
	TableBlob   = 0xf1 // blob files
	TableDetail = 0xf2 // details of entries
)

// Row names one sealed value. Subject zero: the row belongs to the store.
type Row struct {
	Table   byte
	Subject ID
	Key     ID
}

// AnswerRow is what the answer of a request is bound to when it is sealed.
func AnswerRow(request, subject ID) Row {
	return Row{Table: TableAnswer, Subject: subject, Key: request}
}

// DetailRow is what the detail of an entry is bound to when it is sealed; the
// number of the entry is not known yet, its body hash binds the two.
func DetailRow(object ID) Row { return Row{Table: TableDetail, Key: object} }

// Cond is what must hold for an operation.
type Cond uint8

const (
	Any     Cond = iota // no condition
	Absent              // the row must not exist, else ErrExists
	Present             // the row must exist, else ErrNotFound
)

// OpCode tells what an operation does.
type OpCode uint8

const (
	// OpNewSubject makes Subject live with the data key Ref.
	OpNewSubject OpCode = 1
	// OpDropSubject deletes all rows of Subject; with Erase its key is destroyed.
	OpDropSubject OpCode = 2
	// OpPut writes Row.
	OpPut OpCode = 3
	// OpDelete removes Row.
	OpDelete OpCode = 4
)

// Op is one change of state; which fields count follows from Code.
type Op struct {
	Code OpCode
	// Subject of OpNewSubject and OpDropSubject.
	Subject ID
	// Erase makes OpDropSubject destroy the data key.
	Erase bool
	// Row, Cond of OpPut and OpDelete.
	Row  Row
	Cond Cond
	// Ref is the data key: of a new subject, or the one Sealed was sealed with.
	Ref Ref
	// Sealed is the value of OpPut: a seal envelope under Ref, or empty.
	Sealed []byte
	// Blobs are the blob files the row names, at most 255, of the same subject.
	Blobs []BlobID
}

// NewSubject makes a subject live. On a deleted subject ref must be the one its
// tombstone keeps (else ErrStale), on an erased one a new one, on a live one the
// answer is ErrExists.
func NewSubject(subject ID, ref Ref) Op { return Op{Code: OpNewSubject, Subject: subject, Ref: ref} }

// DropSubject deletes a subject's rows and leaves a tombstone with Ref and status.
func DropSubject(subject ID, erase bool) Op {
	return Op{Code: OpDropSubject, Subject: subject, Erase: erase}
}

// Put writes a row. The subject must be live and have the data key ref, else
// ErrNotFound: an enrollment that races with an erasure resurrects nothing.
func Put(row Row, ref Ref, sealed []byte, cond Cond, blobs ...BlobID) Op {
	return Op{Code: OpPut, Row: row, Ref: ref, Sealed: sealed, Cond: cond, Blobs: blobs}
}

// Delete removes a row; with Any a missing row is no error.
func Delete(row Row, cond Cond) Op { return Op{Code: OpDelete, Row: row, Cond: cond} }

// Request makes a mutation happen once however often it is sent.
type Request struct {
	ID ID
	// Value stands for all the caller asked for (see ValueMAC).
	Value [32]byte
	// Subject the answer belongs to, or zero.
	Subject ID
	// Answer is what a repetition gets: an envelope sealed with the subject's
	// key or the store's, bound to AnswerRow; or empty.
	Answer []byte
}

// Mutation is what Commit writes as one entry: all of it or nothing.
type Mutation struct {
	// Principal, 1..128 bytes, and Case, 0..64 bytes: printable ASCII without
	// space. Both stand in the header in clear, for ever.
	Principal string
	Purpose   uint8
	Case      string
	// Kind from KindEngine on. Kinds that are reads carry no Ops.
	Kind    Kind
	Object  ID
	Result  uint8
	Request *Request
	Ops     []Op
	// Detail is a sealed envelope or empty; it is part of the body, not of the state.
	Detail []byte
	// Frees says that a change which frees space follows: taken when the disk is
	// nearly full, like that change.
	Frees bool
	// Publish is called by the committer in the order of the ledger, after the
	// anchor and before the answer. It must be quick and must not call Commit.
	Publish func(Receipt)
}

// Receipt is the answer to a committed mutation.
type Receipt struct {
	Number uint64
	Time   time.Time
	// Repeated: the request was known; Number, Time and Answer are those of the first time.
	Repeated bool
	Answer   []byte
}

// Limits of one mutation.
const (
	MaxOps       = 4096
	MaxBlobs     = 255      // per row
	MaxBodyBytes = 16 << 20 // of the encoded body
)

// check looks at the form of a mutation; state is not consulted.
func (m *Mutation) check() error {
	if m.Principal == "" {
		return invalid("principal is empty, want 1..%d bytes", MaxPrincipal)
	}
	if err := headerText(m.Principal, MaxPrincipal); err != nil {
		return invalid("principal: %w", err)
	}
	if err := headerText(m.Case, MaxCase); err != nil {
		return invalid("case: %w", err)
	}
	if m.Kind == 0 {
		return invalid("kind 0, want 1..255")
	}
	if m.Kind.IsRead() && len(m.Ops) > 0 {
		return invalid("kind %d is a read with %d operations, want 0", m.Kind, len(m.Ops))
	}
	if len(m.Ops) > MaxOps {
		return invalid("%d operations, want at most %d", len(m.Ops), MaxOps)
	}
	for i := range m.Ops {
		if err := m.Ops[i].check(); err != nil {
			return invalid("operation %d: %w", i, err)
		}
	}
	if len(m.Detail) > 0 {
		if _, err := seal.SealedRef(m.Detail); err != nil {
			return invalid("detail is not sealed: %w", err)
		}
	}
	if r := m.Request; r != nil {
		if r.ID == (ID{}) {
			return invalid("request identifier is zero")
		}
		if len(r.Answer) > 0 {
			if _, err := seal.SealedRef(r.Answer); err != nil {
				return invalid("answer is not sealed: %w", err)
			}
		}
	}
	return nil
}

func (o *Op) check() error {
	switch o.Code {
	case OpNewSubject:
		if o.Subject == (ID{}) {
			return invalid("new subject: identifier is zero")
		}
		if o.Ref.Slot == 0 {
			return invalid("new subject: key slot 0 is the store's, want another")
		}
	case OpDropSubject:
		if o.Subject == (ID{}) {
			return invalid("drop subject: identifier is zero")
		}
	case OpPut:
		if err := o.checkRow(); err != nil {
			return err
		}
		if len(o.Blobs) > MaxBlobs {
			return invalid("put: %d blobs, want at most %d", len(o.Blobs), MaxBlobs)
		}
		if (o.Row.Subject == ID{}) != (o.Ref.Slot == 0) {
			return invalid("put: key slot %d does not fit the owner of the row", o.Ref.Slot)
		}
		if len(o.Sealed) > 0 {
			ref, err := seal.SealedRef(o.Sealed)
			if err != nil {
				return invalid("put: value is not sealed: %w", err)
			}
			if ref != o.Ref {
				return invalid("put: value is sealed with key %v, want %v", ref, o.Ref)
			}
		}
	case OpDelete:
		if o.Cond == Absent {
			return invalid("delete: condition absent makes no sense")
		}
		return o.checkRow()
	default:
		return invalid("unknown code %d", o.Code)
	}
	return nil
}

func (o *Op) checkRow() error {
	if o.Row.Table == 0 || o.Row.Table > MaxTable {
		return invalid("table %d, want 1..%d", o.Row.Table, MaxTable)
	}
	if o.Cond > Present {
		return invalid("condition %d, want 0..%d", o.Cond, Present)
	}
	return nil
}
