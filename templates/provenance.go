package templates

import (
	"crypto/sha256"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// MaxProvenanceText bounds each text of Quality and Provenance, in bytes.
const MaxProvenanceText = 128

// Quality is the predicted usefulness of a sample for comparison, and who says
// so: values of different algorithms do not compare (ISO/IEC 29794-1).
type Quality struct {
	// Value is 0 (worst) to 100 (best), or QualityUnknown.
	Value uint8
	// Algorithm names the algorithm and its version, e.g. "nfiq2/2.3"; empty when
	// the source does not tell.
	Algorithm string
}

// Validate checks value and algorithm; a known value may lack its algorithm,
// an algorithm without a value is refused as a mistake of the caller.
func (q Quality) Validate() error {
	if err := CheckQuality("quality", q.Value); err != nil {
		return err
	}
	if err := checkText("quality algorithm", q.Algorithm); err != nil {
		return err
	}
	if q.Value == QualityUnknown && q.Algorithm != "" {
		return Bad(ReasonQuality, "quality", "is unknown but names an algorithm", "a value, or no algorithm")
	}
	return nil
}

// AttackResult is the result of presentation attack detection at the capture
// (ISO/IEC 30107). It is stated by the station; nothing here detects attacks.
type AttackResult uint8

const (
	// AttackNotTested: the station did not test.
	AttackNotTested AttackResult = iota
	// AttackNone: classified as a bona fide presentation.
	AttackNone
	// AttackFound: classified as an attack.
	AttackFound
)

// String is the name of the result in exports.
func (a AttackResult) String() string {
	switch a {
	case AttackNotTested:
		return "not-tested"
	case AttackNone:
		return "bona-fide"
	case AttackFound:
		return "attack"
	}
	return "unknown"
}

// Provenance tells where a template came from, so that a bad device or a
// faulty version of an algorithm can be traced to the templates it made.
type Provenance struct {
	// Device is the capture device as its station names it; empty when unknown.
	Device string
	// Algorithm and AlgorithmVersion made the template from the sample: the
	// extractor of minutiae; for a face vector the extractor around the model.
	Algorithm, AlgorithmVersion string
	// Attack is the station's result of presentation attack detection.
	Attack AttackResult
	// Format and Source name the exchange form that the template was decoded
	// from: its format and the SHA-256 of its bytes.
	Format Format
	Source [sha256.Size]byte
}

// SourceHash is the hash for Provenance.Source.
func SourceHash(exchange []byte) [sha256.Size]byte { return sha256.Sum256(exchange) }

// Validate checks the texts (valid UTF-8 without control characters, at most
// MaxProvenanceText bytes), the format, and the attack result. A version
// without an algorithm is refused.
func (p Provenance) Validate() error {
	for _, t := range []struct{ field, text string }{
		{"capture device", p.Device},
		{"algorithm", p.Algorithm},
		{"algorithm version", p.AlgorithmVersion},
	} {
		if err := checkText(t.field, t.text); err != nil {
			return err
		}
	}
	if p.Algorithm == "" && p.AlgorithmVersion != "" {
		return Bad(ReasonOutOfRange, "algorithm", "is empty but has a version", "a name")
	}
	if p.Attack > AttackFound {
		return Bad(ReasonOutOfRange, "presentation attack result", uint8(p.Attack), "0..2")
	}
	if !p.Format.Known() {
		return Bad(ReasonFormat, "format", uint8(p.Format), fmt.Sprintf("1..%d", formatEnd-1))
	}
	return nil
}

func checkText(field, s string) error {
	if len(s) > MaxProvenanceText {
		return Bad(ReasonOversized, field+" of", fmt.Sprintf("%d bytes", len(s)), fmt.Sprintf("<= %d", MaxProvenanceText))
	}
	if !utf8.ValidString(s) {
		return Bad(ReasonUTF8, field, "is not valid UTF-8", "UTF-8")
	}
	for i, r := range s {
		if unicode.IsControl(r) {
			return Bad(ReasonOutOfRange, field, fmt.Sprintf("with a control character at byte %d", i), "printable text")
		}
	}
	return nil
}
