package cbeff

import (
	"errors"
	"reflect"
	"testing"

	"immis/templates"
)

// reasonOf is the reason of an input error, "" for none; any other error fails.
func reasonOf(t testing.TB, err error) templates.Reason {
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

// decodeReason is reasonOf for errors of Decode, which have an offset in the data.
func decodeReason(t testing.TB, data []byte, err error) templates.Reason {
	t.Helper()
	reason := reasonOf(t, err)
	var bad *templates.InputError
	if errors.As(err, &bad) && (bad.Offset < 0 || bad.Offset > len(data)) {
		t.Fatalf("%v: offset %d in %d bytes", err, bad.Offset, len(data))
	}
	return reason
}

// same compares documents without the offsets of their elements.
func same(a, b *Document) bool {
	x, y := *a, *b
	x.Root, y.Root = bare(a.Root), bare(b.Root)
	return reflect.DeepEqual(x, y)
}

func bare(b BIR) BIR {
	b.at, b.infoAt, b.bdbAt = 0, 0, 0
	if b.BIRs != nil {
		birs := make([]BIR, len(b.BIRs))
		for i := range birs {
			birs[i] = bare(b.BIRs[i])
		}
		b.BIRs = birs
	}
	return b
}
