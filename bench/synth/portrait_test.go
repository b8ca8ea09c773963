package synth

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"testing"
)

func TestPortraits(t *testing.T) {
	w := newWorld(t, Config{Seed: 3, People: 1})
	seen := map[string]bool{}
	for i := range 20 {
		p := w.Portrait(i)
		d := xml.NewDecoder(bytes.NewReader(p.SVG()))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("portrait %d: %v", i, err)
			}
		}
		if i < 3 {
			pix := p.Pixels()
			if len(pix) != 3*PortraitWidth*PortraitHeight || !bytes.Equal(pix, w.Portrait(i).Pixels()) {
				t.Errorf("portrait %d: %d bytes, or two drawings of one person", i, len(pix))
			}
		}
		seen[string(p.SVG())] = true
	}
	if len(seen) != 20 {
		t.Errorf("%d different portraits of 20 people", len(seen))
	}
}
