package demo

import (
	"slices"
	"testing"

	"immis/bench/synth"
)

// TestPlan: whoever returns is a different person each time, the kinds are mixed,
// a quarter of the travellers are impostors, and nobody who enrolls again is the
// one who is erased. For sizes that do not divide each other, too.
func TestPlan(t *testing.T) {
	for _, c := range []Config{{}, {People: 10}, {People: 101, Returning: 101, Verified: 101}, {People: 997, Returning: 13, Verified: 444, Again: 100}} {
		c = c.WithDefaults()
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		p := newPlan(c)
		people := map[int]bool{}
		byKind := map[Kind]int{}
		for _, s := range p.searches {
			people[s.person] = true
			byKind[s.kind]++
		}
		if len(p.searches) != c.Returning+c.Strangers || len(people) != len(p.searches) || len(byKind) != int(kinds) {
			t.Errorf("%+v: %d searches of %d people in %d kinds", c, len(p.searches), len(people), len(byKind))
		}
		impostors, travellers := 0, map[int]bool{}
		for _, q := range p.claims {
			travellers[q.person] = true
			count(&impostors, !q.mated())
			if q.person >= c.People || q.claimed >= c.People {
				t.Errorf("%+v: claim %+v of somebody who is not enrolled", c, q)
			}
		}
		if len(travellers) != c.Verified || impostors != c.Verified/4 {
			t.Errorf("%+v: %d travellers, %d impostors", c, len(travellers), impostors)
		}
		if len(p.again) == 0 || slices.Contains(p.again, p.erased) || p.erased >= c.People || people[p.newcomer] || p.newcomer < c.People {
			t.Errorf("%+v: again %v, erased %d, newcomer %d", c, p.again, p.erased, p.newcomer)
		}
	}
}

// TestExample: the names that are shown differ in the surname.
func TestExample(t *testing.T) {
	c := Config{}.WithDefaults()
	w, err := synth.New(c.world())
	if err != nil {
		t.Fatal(err)
	}
	s := newPlan(c).example(w)
	if v := w.Visit(s.person, s.visit); v.Changes&synth.ChangeSurname == 0 {
		t.Errorf("changes %v, want another surname", v.Changes)
	}
}

func TestConfigRefuses(t *testing.T) {
	for _, c := range []Config{
		{People: 9}, {People: 2_000_000}, {Returning: 5}, {Returning: 2401}, {Verified: 3}, {Verified: 2401}, {Strangers: -1},
		{Again: 121}, {Callers: 5000}, {Difficulty: 1.5}, {Difficulty: -1},
	} {
		if c = c.WithDefaults(); c.Validate() == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}
