package engine

import (
	"encoding/binary"
	"fmt"
	"time"

	"immis/templates"
)

// encoder writes our own fixed encoding: the stored form of records and the
// value of a request that idempotency compares. One value has one encoding on
// every machine and in every version of this build's libraries, which is why it
// is not an API message.
type encoder struct{ b []byte }

func (w *encoder) u8(v uint8)   { w.b = append(w.b, v) }
func (w *encoder) u32(v uint32) { w.b = binary.LittleEndian.AppendUint32(w.b, v) }
func (w *encoder) u64(v uint64) { w.b = binary.LittleEndian.AppendUint64(w.b, v) }
func (w *encoder) bool(v bool) {
	if v {
		w.u8(1)
	} else {
		w.u8(0)
	}
}

func (w *encoder) bytes(v []byte) {
	w.u32(uint32(len(v)))
	w.b = append(w.b, v...)
}

func (w *encoder) text(v string) {
	w.u32(uint32(len(v)))
	w.b = append(w.b, v...)
}

func (w *encoder) texts(v []string) {
	w.u32(uint32(len(v)))
	for _, s := range v {
		w.text(s)
	}
}

// time writes nanoseconds since 1970 plus a flag, so that "not stated" and any
// instant differ.
func (w *encoder) time(t time.Time) {
	w.bool(!t.IsZero())
	if !t.IsZero() {
		w.u64(uint64(t.UnixNano()))
	}
}

// decoder reads the same form. The first failure sticks; every length is checked
// against what is left before anything is allocated.
type decoder struct {
	b    []byte
	what string
	err  error
}

func (r *decoder) fail(got, want any) {
	if r.err == nil {
		r.err = templates.Bad(templates.ReasonTruncated, "decode "+r.what, got, want)
	}
	r.b = nil
}

func (r *decoder) take(n int) []byte {
	if n > len(r.b) {
		r.fail(fmt.Sprintf("%d bytes left", len(r.b)), fmt.Sprintf("%d", n))
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *decoder) u8() uint8 {
	if v := r.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (r *decoder) u32() uint32 {
	if v := r.take(4); v != nil {
		return binary.LittleEndian.Uint32(v)
	}
	return 0
}

func (r *decoder) u64() uint64 {
	if v := r.take(8); v != nil {
		return binary.LittleEndian.Uint64(v)
	}
	return 0
}

func (r *decoder) bool() bool {
	v := r.u8()
	if v > 1 {
		r.fail(fmt.Sprintf("flag %d", v), "0 or 1")
	}
	return v == 1
}

func (r *decoder) bytes() []byte {
	if n := int(r.u32()); n > 0 && r.err == nil {
		return append([]byte(nil), r.take(n)...)
	}
	return nil
}

func (r *decoder) text() string { return string(r.take(int(r.u32()))) }

// count reads the length of a list whose elements take at least size bytes.
func (r *decoder) count(size int) int {
	n := int(r.u32())
	if n*size > len(r.b) {
		r.fail(fmt.Sprintf("a list of %d", n), fmt.Sprintf("<= %d", len(r.b)/size))
		return 0
	}
	return n
}

func (r *decoder) texts() []string {
	n := r.count(4)
	if n == 0 {
		return nil
	}
	v := make([]string, n)
	for i := range v {
		v[i] = r.text()
	}
	return v
}

func (r *decoder) time() time.Time {
	if !r.bool() {
		return time.Time{}
	}
	return time.Unix(0, int64(r.u64())).UTC()
}

// end reports the first failure, or bytes that nobody read.
func (r *decoder) end() error {
	if r.err == nil && len(r.b) > 0 {
		return templates.Bad(templates.ReasonTrailing, "decode "+r.what, fmt.Sprintf("%d trailing bytes", len(r.b)), "none")
	}
	return r.err
}
