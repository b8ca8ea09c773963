// Package ansi378 reads and writes finger minutiae records of ANSI INCITS 378, one
// file per version, and turns them into the normal form of package templates. It
// refuses to guess: what a record does not say clearly is an error, except for the
// deviations listed at Tolerance. It does not read images and does not compare.
package ansi378

import (
	"immis/templates"
	"immis/templates/internal/fmr"
)

// Bounds of a record of any version.
const (
	// MaxRecord is the largest record accepted, in bytes.
	MaxRecord = fmr.MaxRecord
	// MaxViews is 16 views of each of 11 finger positions.
	MaxViews = fmr.MaxViews
	// MinResolution and MaxResolution are what a finger can be captured with, in
	// pixels per cm: 250 ppi (cut) to 4,000 ppi.
	MinResolution = fmr.MinResolution
	MaxResolution = fmr.MaxResolution
)

// Record is the exchange form of any version: exact integers as they stand in the
// bytes. The layouts are drawn at Decode2004, Decode2007, Decode2009 and
// Decode2009AM1. Every record that is decoded is encoded back to the same bytes.
type Record struct {
	// Format is the version: FormatANSI378_2004, FormatANSI378_2007,
	// FormatANSI378_2009 or FormatANSI378_2009AM1.
	Format templates.Format
	// Owner and Product are the CBEFF product identifier. The standard wants an owner
	// other than 0; records of extractors under test have 0, and it changes nothing.
	Owner, Product uint16
	// Certification of the capture device is 0..15 and Device 0..4095 in the versions
	// of 2004 and 2007; each takes all its bits later. Device 0 is not reported.
	Certification uint8
	Device        uint16
	Views         []View
	// Long: the length stands in six bytes, the first two 0. Only in the version of
	// 2004, where a record of 65,536 bytes needs it.
	Long bool
	// Deviations is what was tolerated.
	Deviations Deviations
}

// View is one impression of one finger.
type View struct {
	Position templates.Position
	// Number counts views of one finger, 0..15. Two views with one number are
	// accepted: position 0 (unknown) is often used for several fingers.
	Number     uint8
	Impression Impression
	// Quality of the finger is 0..100; after 2004 also QualityNotReported and
	// QualityFailed.
	Quality uint8
	// QualityVendor and QualityAlgorithm computed it; 0 in the version of 2004, which
	// has no place for them.
	QualityVendor, QualityAlgorithm uint16
	// Width and Height are in pixels, at least 1, ResolutionX and ResolutionY in
	// pixels per cm, MinResolution..MaxResolution. In the version of 2004 they stand
	// in the header and are the same in all views.
	Width, Height, ResolutionX, ResolutionY uint16
	// Minutiae holds 0..255 entries. A view without minutiae is a valid record of a
	// failed extraction; Fingers refuses it.
	Minutiae []Minutia
	// Extended is the extended data (ridge counts, cores and deltas, vendors' own),
	// kept and not interpreted.
	Extended []byte
	// Overstated counts bytes that the length of the extended data claims and the
	// record does not have, see TolerateOverstatedExtension.
	Overstated uint8
	// Understated counts bytes at the end of Extended that its length leaves out, see
	// TolerateUnderstatedExtension.
	Understated uint8
}

// Minutia is six bytes: type (2 bits) and x (14 bits), 2 reserved bits and y (14
// bits), angle, quality. X and Y are in pixels, origin upper left, inside the
// image; Angle is 0..179 in units of 2 degrees, counter-clockwise from the x axis;
// Quality is 1..100 and 0 for not reported in the version of 2004, later 0..100,
// QualityNotReported or QualityFailed. templates.MinutiaOther is "other" in the
// versions of 2004 and 2007 and "either of the two" in those of 2009.
type Minutia = fmr.Minutia

// Qualities after the version of 2004 that are no qualities.
const (
	QualityNotReported = fmr.NotReported
	QualityFailed      = fmr.Failed
)

// Impression is how the finger was captured.
type Impression uint8

// The impression types of one finger. Those of palms, 10 and 11, are refused.
const (
	LivePlain     Impression = 0
	LiveRolled    Impression = 1
	NonlivePlain  Impression = 2
	NonliveRolled Impression = 3
	Swipe         Impression = 8
	// LiveContactless is not in the versions of 2009.
	LiveContactless Impression = 9
	// The others are not in the version of 2004.
	OpticalPlain               Impression = 20
	OpticalRolled              Impression = 21
	NonopticalPlain            Impression = 22
	NonopticalRolled           Impression = 23
	OpticalContactlessPlain    Impression = 24
	OpticalContactlessRolled   Impression = 25
	NonopticalContactlessPlain Impression = 26
	NonopticalContactlessRoll  Impression = 27
	OtherImpression            Impression = 28
	Unknown                    Impression = 29
)

// Impression types of the versions, one bit each.
const (
	impressions2004 = 1<<LivePlain | 1<<LiveRolled | 1<<NonlivePlain | 1<<NonliveRolled | 1<<Swipe | 1<<LiveContactless
	impressions2009 = impressions2004&^(1<<LiveContactless) | 0x3ff<<OpticalPlain
)

// Tolerance is a set of deviations from the standard that are accepted on demand.
// Each was seen in real records, changes no minutia, and is written back as it was
// found. Nothing else is tolerated.
type Tolerance uint8

const (
	// TolerateOverstatedExtension: the extended data of the last view claims one
	// byte more than the record, by its own length, has.
	TolerateOverstatedExtension Tolerance = 1 << iota
	// TolerateZeroPadding: zero bytes after the end of the record, as read from
	// memory slots of fixed size, up to MaxRecord in all.
	TolerateZeroPadding
	// TolerateUnderstatedLength: the header states one or two bytes less than the
	// views take. Seen in published samples that were made from records with shorter
	// headers.
	TolerateUnderstatedLength
	// TolerateVersionDigits: the version of 2004 is written "020" instead of " 20".
	TolerateVersionDigits
	// TolerateUnderstatedExtension: one or two bytes of the record follow what the
	// last view states as its extended data, and belong to them. Seen in a published
	// conformance sample that counts its core and delta block wrongly.
	TolerateUnderstatedExtension
	// TolerateWideAngles: angles of 180..255, which are no angles in units of 2
	// degrees. Seen in a published sample, which probably means the units of ISO/IEC
	// 19794-2; since nobody can know, such a record is read, kept and written, and
	// Fingers refuses it.
	TolerateWideAngles

	allTolerances = TolerateOverstatedExtension | TolerateZeroPadding | TolerateUnderstatedLength | TolerateVersionDigits |
		TolerateUnderstatedExtension | TolerateWideAngles
)

// Deviations is what a record has of the tolerated deviations, apart from
// View.Overstated and View.Understated.
type Deviations struct {
	// Padding counts zero bytes after the record.
	Padding int
	// Understated counts bytes that the header leaves out of its length, 0..2.
	Understated uint8
	// VersionDigits: the version is written "020".
	VersionDigits bool
	// WideAngles: at least one angle is 180..255.
	WideAngles bool
}
