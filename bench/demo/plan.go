package demo

import (
	"fmt"
	"slices"

	"immis/bench/synth"
	"immis/templates"
)

// Kind is what a probe consists of.
type Kind uint8

const (
	KindFace Kind = iota
	KindFingers
	KindBoth
	kinds
)

// String is the name of a kind in results.
func (k Kind) String() string {
	return [...]string{KindFace: "face", KindFingers: "two fingers", KindBoth: "face + two fingers"}[k]
}

func (k Kind) face() bool { return k != KindFingers }

func (k Kind) fingers() []templates.Position {
	if k == KindFace {
		return nil
	}
	return probeFingers()
}

// probeFingers are the fingers checkpoints take: both index fingers.
func probeFingers() []templates.Position {
	return []templates.Position{templates.RightIndex, templates.LeftIndex}
}

// kindOf mixes the probes: ten of twelve face, one fingers, one both. A
// finger costs a comparison with everyone, by the server and once more by the twin:
// with more of them the demo would be mostly waiting.
func kindOf(i int) Kind {
	switch i % 12 {
	case 2:
		return KindFingers
	case 5:
		return KindBoth
	}
	return KindFace
}

// search is somebody who is searched for among all.
type search struct {
	// person is who it is; People and above were never enrolled.
	person, visit int
	kind          Kind
}

// claim is somebody who claims to be enrolled.
type claim struct{ person, visit, claimed int }

func (c claim) mated() bool { return c.person == c.claimed }

// plan is who comes when. It is a pure function of the Config.
type plan struct {
	searches []search // returning people, then strangers
	claims   []claim
	// again are enrolled people who enroll once more under another name, newcomer
	// is not enrolled yet, erased asks to be erased.
	again            []int
	newcomer, erased int
}

// example is the returning person whose names are shown: the first who came under
// another surname, else the first.
func (p plan) example(w *synth.World) search {
	for _, s := range p.searches {
		if w.Visit(s.person, s.visit).Changes&synth.ChangeSurname != 0 {
			return s
		}
	}
	return p.searches[0]
}

// Numbers of visits: every visit has samples of its own.
const (
	visitEnroll = iota
	visitReturn
	visitTravel
	visitAgain
)

func newPlan(c Config) plan {
	var p plan
	for k := range c.Returning {
		p.searches = append(p.searches, search{spread(k, c.Returning, c.People, 0), visitReturn, kindOf(k)})
	}
	for k := range c.Strangers {
		p.searches = append(p.searches, search{c.People + k, visitReturn, kindOf(k)})
	}
	p.newcomer = c.People + c.Strangers
	for k := range c.Verified {
		who := claim{person: spread(k, c.Verified, c.People, c.People/3), visit: visitTravel}
		who.claimed = who.person
		if k%4 == 3 {
			who.claimed = (who.person + 1) % c.People
		}
		p.claims = append(p.claims, who)
	}
	// One who was searched for by face and fingers.
	p.erased = p.searches[slices.IndexFunc(p.searches, func(s search) bool { return s.kind == KindBoth })].person
	for _, who := range p.claims {
		if len(p.again) < c.Again && who.mated() && who.person != p.erased {
			p.again = append(p.again, who.person)
		}
	}
	return p
}

// spread is the k-th of n different people, evenly among all.
func spread(k, n, people, offset int) int {
	return (k*people/n + offset) % people
}

// subjectID is under which a person is enrolled. It holds no name.
func subjectID(person int) string { return fmt.Sprintf("demo-%06d", person) }

// againID is under which a person enrolls once more.
func againID(k int) string { return fmt.Sprintf("demo-again-%02d", k) }

// galleryOf is the gallery a person is put into: every third is a case of asylum.
func galleryOf(person int) string {
	if person%3 == 0 {
		return galleryAsylum
	}
	return galleryProtection
}

const (
	galleryAsylum     = "demo/asylum"
	galleryProtection = "demo/temporary-protection"
)
