package eval

import (
	"bytes"
	"fmt"
	"testing"
)

// Peers' scores of the development sets give the published anchors, to the last digit.
func TestPeerAnchors(t *testing.T) {
	for peer, want := range map[string]struct{ pooled, first, second string }{
		"sourceafis-java":                        {"8.39 11.88 15.54", "3.03 5.71", "11.43 27.50"},
		"nbis-mindtct-bozorth3":                  {"8.83 16.61 22.32", "4.17 11.07", "7.87 28.21"},
		"sourceafis-java-on-commercial-minutiae": {"5.98 9.02 13.04", "", ""},
	} {
		ft := NewFingerTest(nil)
		for _, set := range []string{"fvc2002_DB1_B", "fvc2002_DB3_B", "fvc2004_DB2_B", "fvc2004_DB4_B"} {
			if err := ft.Read(t.Context(), bytes.NewReader(shared(t, "data", "fingerprints", "peer-scores", peer, set+".csv.gz"))); err != nil {
				t.Fatal(err)
			}
		}
		if err := ft.Finish(); err != nil {
			t.Fatal(err)
		}
		c, err := ft.All.Curve()
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%.2f %.2f %.2f", 100*c.EER().Value, 100*c.FNMRAt(.01).Value, 100*c.FNMRAt(.001).Value); got != want.pooled {
			t.Errorf("%s pooled: %s, want %s", peer, got, want.pooled)
		}
		if c.Mated() != 1120 || c.NonMated() != 11520 || ft.Missing() != 0 {
			t.Errorf("%s: %d mated, %d non-mated, %d missing", peer, c.Mated(), c.NonMated(), ft.Missing())
		}
		for set, want := range map[string]string{"set=fvc2002_DB1_B": want.first, "set=fvc2002_DB3_B": want.second} {
			c, err := ft.Cells[set].Sample.Curve()
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%.2f %.2f", 100*c.EER().Value, 100*c.FNMRAt(.001).Value); want != "" && got != want {
				t.Errorf("%s %s: %s, want %s", peer, set, got, want)
			}
		}
		v, err := Resample(t.Context(), 200, 1, Targets(), nil, ft.All)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(peer, "rank-1", ft.Identify().CMC(1)[0], "EER 95 %", *Percentiles(v[0][0]))
	}
}
