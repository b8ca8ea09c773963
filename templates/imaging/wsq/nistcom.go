package wsq

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// A comment that starts with NIST_COM is a list of attributes, one a line, name
// and value parted by blanks; the first says how many there are. It is a custom
// of NIST's programs and not part of the specification, and the only place where
// a file states its resolution.
const nistcom = "NIST_COM"

// resolution returns the PPI of a NIST_COM comment, 0 where it states none that
// can be, and whether the comment is one. Of several statements the last counts,
// as for NIST's programs.
func resolution(comment []byte) (ppi int, is bool) {
	if !bytes.HasPrefix(comment, []byte(nistcom)) {
		return 0, false
	}
	comment, _, _ = bytes.Cut(comment, []byte{0})
	for line := range bytes.Lines(comment) {
		fields := bytes.Fields(line)
		if len(fields) != 2 || string(fields[0]) != "PPI" {
			continue
		}
		// Programs write -1 for a resolution they do not know.
		n, err := strconv.ParseUint(string(fields[1]), 10, 16)
		if err != nil {
			n = 0
		}
		ppi = int(n)
	}
	return ppi, true
}

// attributes writes the NIST_COM comment of an encoded image.
func attributes(width, height int, o Options) string {
	var b strings.Builder
	entries := 8
	if o.PPI > 0 {
		entries++
	}
	fmt.Fprintf(&b, "%s %d\nPIX_WIDTH %d\nPIX_HEIGHT %d\nPIX_DEPTH 8\n", nistcom, entries, width, height)
	if o.PPI > 0 {
		fmt.Fprintf(&b, "PPI %d\n", o.PPI)
	}
	fmt.Fprintf(&b, "LOSSY 1\nCOLORSPACE GRAY\nCOMPRESSION WSQ\nWSQ_BITRATE %.6f", o.BitRate)
	return b.String()
}
