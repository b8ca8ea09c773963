package seal

import "fmt"

// Damage is the kind of a finding; its text is stable.
type Damage string

// The kinds of findings.
const (
	DamagedFile Damage = "file"        // a file is missing, or its header is damaged
	DamagedSlot Damage = "slot"        // a slot is damaged, or differs from the other file
	TornAppend  Damage = "torn-append" // an unfinished block at the end; none of its keys was ever handed out
	HalfErased  Damage = "half-erased" // an erased marker was in one file only
	Leftover    Damage = "leftover"    // a file or a secret of another epoch
	Unreadable  Damage = "unreadable"  // the operating system refused to read
)

// NoSlot is the Slot of a finding about a whole file.
const NoSlot = ^uint32(0)

// Finding is one thing that is not as it should be.
type Finding struct {
	Kind Damage
	// File is the name of the file or secret, without its directory.
	File string
	// Slot is the slot's number, or NoSlot.
	Slot uint32
	// Problem says what was found.
	Problem string
	// Repaired is true when nothing is lost and both files are whole again.
	Repaired bool
	// Lost is true when the content is in neither file.
	Lost bool
}

// String is the finding in one line.
func (f Finding) String() string {
	state := "not repaired"
	switch {
	case f.Lost:
		state = "lost"
	case f.Repaired:
		state = "repaired"
	}
	if f.Slot == NoSlot {
		return fmt.Sprintf("%s %s: %s: %s", f.Kind, f.File, f.Problem, state)
	}
	return fmt.Sprintf("%s %s slot %d: %s: %s", f.Kind, f.File, f.Slot, f.Problem, state)
}

// maxFindings bounds the list of a Report; the counts go on.
const maxFindings = 1024

// Report is what OpenTable found.
type Report struct {
	// Epoch is the key epoch in force.
	Epoch uint32
	// Slots is the number of minted slots, Erased that of erased ones among them.
	Slots, Erased int
	// Found, Repaired and Lost count all findings; Findings lists the first 1,024.
	Found, Repaired, Lost int
	Findings              []Finding
	// RolledForward names the slots whose erased marker stood in one file only: the
	// erasure was under way when the power went. They are erased now; the caller writes
	// what it writes after a Destroy. An erasure that was cut after both files were
	// written, or while one file was missing, is not listed, so the caller compares its
	// live keys with Erased as well.
	RolledForward []Ref
}

func (r *Report) add(f Finding) {
	r.Found++
	if f.Repaired {
		r.Repaired++
	}
	if f.Lost {
		r.Lost++
	}
	if len(r.Findings) < maxFindings {
		r.Findings = append(r.Findings, f)
	}
}
