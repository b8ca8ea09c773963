package synth

import "fmt"

// Presets are the names that FingerPreset knows, easiest first.
func Presets() []string { return []string{"easy", "fvc", "hard"} }

// FingerPreset is the FingerDifficulty of a name: easy is a careful enrollment,
// fvc the competition sets that the figures are fitted to, hard a hasty one with
// dry or wet fingers.
func FingerPreset(name string) (float64, error) {
	switch name {
	case "easy":
		return 0.5, nil
	case "fvc":
		return DefaultFingerDifficulty, nil
	case "hard":
		return 1.6, nil
	}
	return 0, fmt.Errorf("finger preset %q, want one of %v", name, Presets())
}
