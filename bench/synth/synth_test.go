package synth

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"

	"immis/templates"
)

// writeWorld writes all that the first people of a world are made of.
func writeWorld(out io.Writer, w *World, people int) {
	for i := range people {
		fmt.Fprintf(out, "%+v\n", w.Person(i))
		for n := range 3 {
			fmt.Fprintf(out, "%+v\n", w.Visit(i, n))
			for _, v := range w.Face(i, n) {
				binary.Write(out, binary.LittleEndian, math.Float32bits(v))
			}
			for p := templates.RightThumb; p <= templates.LeftLittle; p++ {
				f := w.Finger(i, p, n)
				binary.Write(out, binary.LittleEndian, f.Minutiae)
				fmt.Fprintln(out, f.Position, f.Width, f.Height, f.Quality)
			}
		}
	}
}

// The first people of three worlds, computed once. A difference means that
// published figures of earlier versions can no longer be repeated: change the
// hash only together with a line in the change log.
func TestGoldenPeople(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{Seed: 1, People: 10}, "967a0483da13e4e472c2298cc9b1fc143372569f32b1e1198e8ac142191f94a4"},
		{Config{Seed: 2, People: 10, FaceDims: 128, FaceDifficulty: 1, FingerDifficulty: 2, AliasShare: 1}, "ca819db2118e5de2fcfcab9cc03d79fd6862888c9df6037333f291bdeee88aa7"},
		{Config{Seed: math.MaxUint64, People: MaxPeople, FaceDifficulty: 0.1, FingerDifficulty: 0.3, AliasShare: -1}, "8fa5fef46306088e91783cfc0c808fdbe35f77e71f8b44ad26961de7bb462b96"},
	} {
		h := sha256.New()
		writeWorld(h, newWorld(t, c.config), 20)
		if got := hex.EncodeToString(h.Sum(nil)); got != c.want {
			t.Errorf("%+v: hash %s, want %s", c.config, got, c.want)
		}
	}
}

// A person is the same whoever was made before, in whatever order, by whichever
// goroutine, and however many people there are.
func TestPeopleDoNotDependOnOrder(t *testing.T) {
	one := newWorld(t, Config{Seed: 41, People: 1})
	many := newWorld(t, Config{Seed: 41, People: 1_000_000})
	type all struct {
		visit  Visit
		face   []float32
		finger templates.Finger
	}
	get := func(w *World, i int) all {
		return all{w.Visit(i, 2), w.Face(i, 2), w.Finger(i, templates.LeftRing, 2)}
	}
	const people = 64
	var backward [people]all
	var group sync.WaitGroup
	for part := range 4 {
		group.Go(func() {
			for i := people - 1 - part; i >= 0; i -= 4 {
				backward[i] = get(many, i)
			}
		})
	}
	group.Wait()
	for i := range people {
		if got := get(one, i); !reflect.DeepEqual(got, backward[i]) {
			t.Fatalf("person %d differs", i)
		}
	}
}

// Another seed, person, sample, impression or position is another thing.
func TestEverythingDiffers(t *testing.T) {
	a, b := newWorld(t, Config{Seed: 1, People: 1}), newWorld(t, Config{Seed: 2, People: 1})
	for name, pair := range map[string][2]any{
		"people of two seeds":        {a.Person(0).Identity, b.Person(0).Identity},
		"people of one seed":         {a.Person(0).Identity, a.Person(1).Identity},
		"faces of two seeds":         {a.Face(0, 0), b.Face(0, 0)},
		"faces of two people":        {a.Face(0, 0), a.Face(1, 0)},
		"samples of a face":          {a.Face(0, 0), a.Face(0, 1)},
		"fingers of two seeds":       {a.Finger(0, 1, 0).Minutiae, b.Finger(0, 1, 0).Minutiae},
		"fingers of two people":      {a.Finger(0, 1, 0).Minutiae, a.Finger(1, 1, 0).Minutiae},
		"two fingers":                {a.Finger(0, 1, 0).Minutiae, a.Finger(0, 2, 0).Minutiae},
		"impressions of one finger":  {a.Finger(0, 1, 0).Minutiae, a.Finger(0, 1, 1).Minutiae},
		"impression and position":    {a.Finger(0, 1, 2).Minutiae, a.Finger(0, 2, 1).Minutiae},
		"far samples of far persons": {a.Face(1<<40, 1<<20), a.Face(1<<40+1, 1<<20)},
	} {
		if reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s are equal", name)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{}, "count 0, want 1.."},
		{Config{People: MaxPeople + 1}, "count 84500001"},
		{Config{People: 1, FaceDims: 256}, "face dimensions 256, want 128 or 512"},
		{Config{People: 1, FaceDifficulty: 1.01}, "face difficulty 1.01"},
		{Config{People: 1, FaceDifficulty: -0.1}, "face difficulty -0.1"},
		{Config{People: 1, FaceDifficulty: math.NaN()}, "face difficulty NaN"},
		{Config{People: 1, FingerDifficulty: 2.5}, "finger difficulty 2.5"},
		{Config{People: 1, FingerDifficulty: math.Inf(1)}, "finger difficulty +Inf"},
		{Config{People: 1, AliasShare: 1.5}, "alias share 1.5"},
		{Config{People: 1, AliasShare: math.NaN()}, "alias share NaN"},
	} {
		if _, err := New(c.config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want %q", c.config, err, c.want)
		}
	}
	got := newWorld(t, Config{Seed: 7, People: 3}).Config()
	want := Config{Seed: 7, People: 3, FaceDims: 512, FaceDifficulty: 0.25, FingerDifficulty: 1, AliasShare: 0.5}
	if got != want {
		t.Errorf("defaults %+v, want %+v", got, want)
	}
}

func TestFaultsOfTheCallerPanic(t *testing.T) {
	w := newWorld(t, Config{People: 1})
	for name, call := range map[string]func(){
		"person":     func() { w.Person(-1) },
		"visit":      func() { w.Visit(0, -1) },
		"face":       func() { w.Face(-1, 0) },
		"sample":     func() { w.Face(0, -1) },
		"impression": func() { w.Finger(0, templates.RightThumb, -1) },
		"unknown":    func() { w.Finger(0, templates.PositionUnknown, 0) },
		"eleventh":   func() { w.Finger(0, templates.LeftLittle+1, 0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			call()
		}()
	}
}

func BenchmarkPerson(b *testing.B) {
	w := newWorld(b, Config{Seed: 1, People: 1})
	for i := 0; b.Loop(); i++ {
		w.Person(i)
	}
}
