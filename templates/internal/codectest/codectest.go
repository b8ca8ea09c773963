// Package codectest is what the tests of the template codecs have in common: the
// reason of an error, the mutation of good records, drawn fingers, the folder of
// evaluation data, and the comparison with independent readings in JSON. It refuses
// to pass on nothing: a folder without files, a document without values and a
// record of which no change is accepted fail.
package codectest

import (
	"bytes"
	"errors"
	"testing"

	"immis/templates"
)

// Reason is the reason of an input error, "" for none; any other error fails.
func Reason(t testing.TB, err error) templates.Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	var bad *templates.InputError
	if !errors.As(err, &bad) {
		t.Fatalf("error %T %v is not an InputError", err, err)
	}
	if bad.Field == "" || bad.Got == "" || bad.Want == "" {
		t.Fatalf("error %+v leaves a part empty", *bad)
	}
	return bad.Reason
}

// InPlace fails where an error of a decoder stands at no byte of its data or
// behind their end.
func InPlace(t testing.TB, data []byte, err error) {
	t.Helper()
	var bad *templates.InputError
	if errors.As(err, &bad) && (bad.Offset < 0 || bad.Offset > len(data)) {
		t.Errorf("%v: at byte %d of %d", err, bad.Offset, len(data))
	}
}

// Codec decodes data and encodes what was decoded; encoding must not fail.
type Codec func(data []byte) ([]byte, error)

// EveryPrefix checks that each prefix of a good record is refused as TRUNCATED,
// and as EMPTY where nothing is left.
func EveryPrefix(t testing.TB, data []byte, codec Codec) {
	t.Helper()
	for n := range data {
		_, err := codec(data[:n])
		want := templates.ReasonTruncated
		if n == 0 {
			want = templates.ReasonEmpty
		}
		if got := Reason(t, err); got != want {
			t.Errorf("%d of %d bytes: %q, want %q", n, len(data), got, want)
		}
		InPlace(t, data[:n], err)
	}
}

// EveryByte checks that each change of each byte of a good record is refused or
// shows in what is written back; nothing is skipped.
func EveryByte(t testing.TB, data []byte, codec Codec) {
	t.Helper()
	accepted := 0
	for i := range data {
		for change := 1; change < 256; change++ {
			mutated := bytes.Clone(data)
			mutated[i] ^= byte(change)
			again, err := codec(mutated)
			if err != nil {
				Reason(t, err)
				InPlace(t, mutated, err)
				continue
			}
			accepted++
			if !bytes.Equal(again, mutated) {
				t.Fatalf("byte %d changed by %02x: written back differently", i, change)
			}
		}
	}
	if accepted == 0 {
		t.Error("no change was accepted: the test compares nothing")
	}
}
