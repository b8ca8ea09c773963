package engine

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"immis/matcher/finger"
	"immis/templates"
)

// TestReferencesArePreparedOnce: whoever asks, and however many at once, gets one
// template, the one that preparing gives; its bytes are counted once and go with it.
func TestReferencesArePreparedOnce(t *testing.T) {
	w := crowd(t)
	f := w.Finger(1, templates.RightIndex, 0)
	want := finger.Prepare(&f)
	size := newRegister(0)
	r := newReference(&f)
	r.count(&size.fingerSize, true)
	got := make([]*finger.Template, 16)
	var wg sync.WaitGroup
	for i := range got {
		wg.Add(1)
		go func() {
			defer wg.Done()
			got[i] = r.get()
		}()
	}
	wg.Wait()
	for _, g := range got {
		if g != got[0] {
			t.Fatal("two templates of one reference")
		}
	}
	probe := w.Finger(1, templates.RightIndex, 1)
	if p := finger.Prepare(&probe); p.Compare(got[0]) != p.Compare(want) {
		t.Errorf("score %v, want %v", p.Compare(got[0]), p.Compare(want))
	}
	if n := size.fingerSize.Load(); n != int64(want.Bytes()) {
		t.Errorf("%d bytes counted, want %d", n, want.Bytes())
	}
	r.count(&size.fingerSize, false)
	if n := size.fingerSize.Load(); n != 0 {
		t.Errorf("%d bytes counted after the end, want 0", n)
	}
}

// TestIdleWorkPreparesReferences: without any search, references get ready.
func TestIdleWorkPreparesReferences(t *testing.T) {
	h, w := open(t, plan{}), crowd(t)
	const people = 20
	for i := range people {
		r := enrollFace(w, fmt.Sprintf("p-%d", i), i, 0)
		r.Encounter.Samples = append(r.Encounter.Samples, fingerSample(t, w, i, 0, templates.RightIndex))
		mustEnroll(t, h, r)
	}
	waiting := func() (n int) {
		for _, s := range h.engine.register.all() {
			for _, enc := range s.state.Load().encounters {
				for _, f := range enc.fingers {
					if !f.prepared() {
						n++
					}
				}
			}
		}
		return n
	}
	for late := time.Now().Add(30 * time.Second); waiting() > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("%d references are not prepared", waiting())
		}
	}
	if st, err := h.engine.Statistics(context.Background(), clerk); err != nil || st.Models[len(st.Models)-1].Rows != people || st.Models[len(st.Models)-1].Bytes == 0 {
		t.Errorf("statistics %+v, %v", st.Models, err)
	}
}
