package format

import (
	"testing"

	immisv1 "immis/api/immis/v1"
	"immis/templates"
)

// Every format of either side has exactly one on the other.
func TestPairsAreComplete(t *testing.T) {
	if len(immisv1.Format_name) < 10 {
		t.Fatalf("%d formats in the API, want all", len(immisv1.Format_name))
	}
	for n, name := range immisv1.Format_name {
		f := immisv1.Format(n)
		if ours := FromAPI(f); ToAPI(ours) != f || ours.Known() == (f == immisv1.Format_FORMAT_UNSPECIFIED) {
			t.Errorf("%s becomes %v, which becomes %v", name, ours, ToAPI(ours))
		}
	}
	for _, name := range templates.FormatNames() {
		f, err := templates.ParseFormat(name)
		if err != nil || FromAPI(ToAPI(f)) != f {
			t.Errorf("%s becomes %v, which becomes %v (%v)", name, ToAPI(f), FromAPI(ToAPI(f)), err)
		}
	}
	if got := FromAPI(9999); got != templates.FormatUnknown {
		t.Errorf("number 9999 is %v, want unknown", got)
	}
	if got := ToAPI(250); got != immisv1.Format_FORMAT_UNSPECIFIED {
		t.Errorf("format 250 is %v, want unspecified", got)
	}
}
