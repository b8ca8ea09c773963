package ansinist

import (
	"fmt"

	"immis/templates"
)

// Decode reads a transaction strictly. Errors wrap a *templates.InputError:
// EMPTY, OVERSIZED, TRUNCATED, TRAILING_BYTES (a second transaction behind the
// first among them), WRONG_LENGTH, WRONG_MAGIC for what does not start with a
// Type-1 record, WRONG_VERSION, OUT_OF_RANGE, MALFORMED, INVALID_UTF8, and
// UNSUPPORTED for text in UTF-16 or UTF-32, whose bytes can look like separators.
//
// Memory is bounded by the bytes at hand, not by what they claim: a record of
// many short fields costs about ten times its bytes, up to MaxAllItems of them,
// images nothing.
func Decode(data []byte) (*Transaction, error) { return DecodeTolerant(data, 0) }

// DecodeTolerant reads a transaction and accepts the deviations in allow; those
// found are in Transaction.Deviations.
func DecodeTolerant(data []byte, allow Tolerance) (*Transaction, error) {
	t, err := decode(data, allow)
	if err != nil {
		return nil, fmt.Errorf("decode ANSI/NIST transaction: %w", err)
	}
	return t, nil
}

func decode(data []byte, allow Tolerance) (*Transaction, error) {
	switch {
	case len(data) == 0:
		return nil, templates.BadAt(0, templates.ReasonEmpty, "transaction", "is empty", "a Type-1 record")
	case len(data) > MaxTransaction:
		return nil, templates.Bad(templates.ReasonOversized, "transaction of", fmt.Sprintf("%d bytes", len(data)), fmt.Sprintf("<= %d", MaxTransaction))
	case !startsTransaction(data):
		return nil, templates.BadAt(0, templates.ReasonWrongMagic, "transaction", "starts with other bytes", `the tag "1.001:" or "1.01:"`)
	}
	d := decoder{data: data, allow: allow}
	first, err := d.tagged(0, 1)
	if err != nil {
		return nil, err
	}
	if err := checkVersion(&first); err != nil {
		return nil, err
	}
	contents, err := parseContents(&first)
	if err != nil {
		return nil, err
	}
	t := &Transaction{Records: make([]Record, 1, 1+len(contents))}
	t.Records[0] = first
	for i, announced := range contents {
		r, err := d.record(i+1, announced.recordType)
		if err != nil {
			return nil, err
		}
		if r.IDC != announced.idc {
			if allow&TolerateIDC == 0 {
				return nil, templates.BadAt(r.Offset, templates.ReasonMalformed, recordPath(i+1, r.Type, "IDC"), r.IDC,
					fmt.Sprintf("%d by field 1.003", announced.idc))
			}
			d.found |= TolerateIDC
		}
		t.Records = append(t.Records, r)
	}
	if rest := data[d.offset:]; len(rest) != 0 {
		what := fmt.Sprintf("%d bytes after its last record", len(rest))
		if startsTransaction(rest) {
			what = "a second transaction after its last record"
		}
		return nil, templates.BadAt(d.offset, templates.ReasonTrailing, "transaction with", what, "none")
	}
	if err := checkText(t); err != nil {
		return nil, err
	}
	t.Deviations = d.found
	return t, nil
}

// startsTransaction takes a prefix of the tag for the tag, so that what is cut
// off inside it is called truncated.
func startsTransaction(data []byte) bool {
	for _, tag := range []string{"1.001:", "1.01:"} {
		if n := min(len(data), len(tag)); string(data[:n]) == tag[:n] {
			return true
		}
	}
	return false
}

// decoder walks the records of a transaction.
type decoder struct {
	data   []byte
	offset int
	items  int // of all records so far
	allow  Tolerance
	found  Tolerance
}

func (d *decoder) record(index, recordType int) (Record, error) {
	if shapeOf(recordType) == shapeTagged {
		return d.tagged(index, recordType)
	}
	return d.binary(index, recordType)
}

// take checks the length that a record states and returns its bytes.
func (d *decoder) take(index, recordType, length, least int) ([]byte, error) {
	left := len(d.data) - d.offset
	switch {
	case length < least:
		return nil, templates.BadAt(d.offset, templates.ReasonWrongLength, recordPath(index, recordType, "length"), length, fmt.Sprintf(">= %d", least))
	case length > left:
		return nil, templates.BadAt(d.offset, templates.ReasonTruncated, recordPath(index, recordType, "record with"), fmt.Sprintf("%d bytes", left),
			fmt.Sprintf("%d by its length", length))
	}
	record := d.data[d.offset : d.offset+length : d.offset+length]
	d.offset += length
	return record, nil
}
