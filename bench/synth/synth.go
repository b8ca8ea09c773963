// Package synth makes seeded synthetic people: names in Cyrillic and Latin
// letters, documents, face vectors and fingers as minutiae, and the same people
// coming back later, some of them under another name. Demonstrations, load
// tests and fault tests use it where no real person's data may be.
//
// Synthetic results show that the arithmetic is right, not how real people are
// told apart. No error rate measured on these people may be quoted as an error
// rate of the system, nor stand beside a regulator's operational limit.
//
// Everything is a pure function of (Config, index): person 1,000,000 is made
// without making the 999,999 before, and with the same bytes on every machine.
// For that the package has its own elementary functions (exact.go), rounds every
// product before it is added to something, and draws from a generator whose
// output is fixed by specification.
//
// The package refuses to read files, clocks and the environment, to encode
// exchange formats and files of images (the codecs below templates do that), and
// to hold anything of a real person.
package synth

import "fmt"

// Config chooses a population. The zero value of every field but People is
// usable; two worlds with equal values are equal byte for byte.
type Config struct {
	// Seed picks the population. Worlds of different seeds hold different people
	// whose faces still fall into the same clusters of look-alikes, so people of
	// one seed serve as strangers to a gallery of another.
	Seed uint64
	// People is the size of the population: 1..MaxPeople. Indexes at and beyond
	// it are valid too: they are strangers, who belong to no gallery.
	People int
	// FaceDims is the length of a face vector: 512 (default) or 128. The two come
	// from different networks: 128 is the weaker one.
	FaceDims int
	// FaceDifficulty is f in (0, 1], default 0.25: the share of a real network's
	// variance within a person that is kept. 1 is the measured network, which
	// misses many in a large gallery; 0.20-0.25 is the size of the best known.
	FaceDifficulty float64
	// FingerDifficulty scales every disturbance of an impression: placement,
	// distortion, missing and spurious minutiae, noise. (0, 2], default 1: the
	// figures fitted to touch sensors. Near 0 two impressions of a finger differ
	// only in the area of contact.
	FingerDifficulty float64
	// AliasShare in [0, 1] is the share of returns (visits after the first) that
	// happen under another name. Default 0.5. A negative value means none.
	AliasShare float64
}

// MaxPeople is the largest population: document numbers stay unique below it.
const MaxPeople = documentSpace / documentsPerPerson

// Defaults of Config.
const (
	DefaultFaceDims         = 512
	DefaultFaceDifficulty   = 0.25
	DefaultFingerDifficulty = 1.0
	DefaultAliasShare       = 0.5
)

// WithDefaults returns c with defaults in place of zero values.
func (c Config) WithDefaults() Config {
	if c.FaceDims == 0 {
		c.FaceDims = DefaultFaceDims
	}
	if c.FaceDifficulty == 0 {
		c.FaceDifficulty = DefaultFaceDifficulty
	}
	if c.FingerDifficulty == 0 {
		c.FingerDifficulty = DefaultFingerDifficulty
	}
	switch {
	case c.AliasShare == 0:
		c.AliasShare = DefaultAliasShare
	case c.AliasShare < 0:
		c.AliasShare = 0
	}
	return c
}

// Validate says what is wrong with c, whose defaults are filled in.
func (c Config) Validate() error {
	if c.People < 1 || c.People > MaxPeople {
		return fmt.Errorf("synthetic people: count %d, want 1..%d", c.People, MaxPeople)
	}
	if c.FaceDims != 128 && c.FaceDims != 512 {
		return fmt.Errorf("synthetic people: face dimensions %d, want 128 or 512", c.FaceDims)
	}
	// Written so that NaN fails.
	if !(c.FaceDifficulty > 0 && c.FaceDifficulty <= 1) {
		return fmt.Errorf("synthetic people: face difficulty %v, want more than 0 and at most 1", c.FaceDifficulty)
	}
	if !(c.FingerDifficulty > 0 && c.FingerDifficulty <= 2) {
		return fmt.Errorf("synthetic people: finger difficulty %v, want more than 0 and at most 2", c.FingerDifficulty)
	}
	if !(c.AliasShare >= 0 && c.AliasShare <= 1) {
		return fmt.Errorf("synthetic people: alias share %v, want at most 1", c.AliasShare)
	}
	return nil
}

// World makes the people of one Config. It never changes after New and is safe
// for concurrent use. It holds about 1.5 MB, whatever the number of people.
type World struct {
	config Config
	names  nameTables
	faces  *faceGenerator
}

// New prepares a world: a few milliseconds for the clusters of look-alikes. It
// fails when c is not valid.
func New(c Config) (*World, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	faces, err := newFaceGenerator(c.FaceDims, c.FaceDifficulty)
	if err != nil {
		return nil, fmt.Errorf("synthetic people: %w", err)
	}
	return &World{config: c, names: newNameTables(), faces: faces}, nil
}

// Config returns the configuration with its defaults filled in.
func (w *World) Config() Config { return w.config }

// checkIndex panics on a negative index: it can only be a fault of the caller.
func checkIndex(what string, i int) {
	if i < 0 {
		panic(fmt.Sprintf("synth: %s %d, want >= 0", what, i))
	}
}
