package engine

import (
	"time"

	"immis/templates"
)

// Purpose is why a person's data is processed. The values are those of the API's
// enumeration; the ledger stores them.
type Purpose uint8

const (
	PurposeUnspecified Purpose = iota
	PurposeAsylum
	PurposeTemporaryProtection
	PurposePermit
	PurposeVisa
	PurposeBorderControl
	PurposeReturn
	PurposeReadmission
	PurposeIdentification
	PurposeDeduplication
	PurposeWatchlist
	PurposeLawEnforcement
	PurposeDataSubjectRequest
	PurposeAudit
	PurposeAdministration
	PurposeTest
	purposeEnd
)

// Caller is on whose behalf and for what a request is made. The transport fills
// it in; the engine never guesses it.
type Caller struct {
	// Principal is the authenticated name, 1-128 bytes.
	Principal string
	Purpose   Purpose
	// Case is the case reference, 0-64 characters of [A-Za-z0-9._:/-].
	Case string
}

// PresentationAttack is the result of presentation-attack detection made by a
// station (ISO/IEC 30107-3).
type PresentationAttack struct {
	// Outcome is 0 not stated, 1 bona fide, 2 attack, 3 undecided.
	Outcome uint8
	// Score is 0-100, or templates.QualityUnknown.
	Score     uint8
	Algorithm string
}

// Sample is one biometric sample as it was sent.
type Sample struct {
	Modality templates.Modality
	// Position is taken from the record when unknown and the format has one.
	Position templates.Position
	Format   templates.Format
	// Data holds 1 byte to 8 MiB. Empty for an image that was not kept.
	Data []byte
	// Model of a face vector.
	Model string
	// Quality is 0-100, or templates.QualityUnknown.
	Quality            uint8
	QualityAlgorithm   string
	CaptureDevice      string
	Extractor          string
	PresentationAttack PresentationAttack
	// Captured is zero when not stated.
	Captured time.Time
	// Resolution of a finger image in pixels per inch where its bytes state none; 0:
	// what they say.
	Resolution float64
	// Origin tells which part of a container the sample was; empty: it came alone.
	Origin string
	// NotSearchable is why searches do not see a stored sample; empty when they do.
	NotSearchable string
}

// NameKind tells a current name from earlier ones.
type NameKind uint8

// PersonName is a name as declared or as a document shows it.
type PersonName struct {
	// Kind is 0 not stated, 1 current, 2 at birth, 3 previous, 4 alias.
	Kind                            NameKind
	Surname, GivenNames, Patronymic string
}

// Biographic is biographic data as declared.
type Biographic struct {
	Names []PersonName
	// BirthDate is YYYY-MM-DD, YYYY-MM, YYYY or empty.
	BirthDate string
	// Sex is 0 not stated, 1 male, 2 female, 3 other.
	Sex uint8
	// Nationalities are ICAO 9303 codes of three letters.
	Nationalities []string
	BirthPlace    string
}

// Document is a document as presented.
type Document struct {
	Type, Number, Issuer string
	// Expiry is YYYY-MM-DD or empty.
	Expiry string
}

// MissingFinger is a finger that could not be captured.
type MissingFinger struct {
	Position templates.Position
	// Reason is 1 amputated, 2 unable.
	Reason uint8
}

// Encounter is one contact with a person in which samples were taken.
type Encounter struct {
	ID      string
	Subject string
	// Time is when it took place.
	Time              time.Time
	Station, Operator string
	Purpose           Purpose
	Galleries         []string
	Biographic        Biographic
	Documents         []Document
	Samples           []Sample
	MissingFingers    []MissingFinger
	KeepImages        bool
}

// EnrollRequest asks to enroll one encounter.
type EnrollRequest struct {
	Caller    Caller
	RequestID string
	// Subject is 0-128 bytes; empty: a new one is made.
	Subject         string
	Encounter       Encounter
	CheckDuplicates bool
}

// SampleReport says what became of one sample.
type SampleReport struct {
	Sample     int
	Searchable bool
	// Reason is why a sample is not searchable.
	Reason string
	Views  int
	// Origin tells which part of a container; several parts have one Sample.
	Origin string
}

// EnrollResult is the acknowledgement of an enrolment.
type EnrollResult struct {
	Subject, Encounter string
	Entry              uint64
	Recorded           time.Time
	Samples            []SampleReport
}

// SubjectView is a stored subject as it is shown.
type SubjectView struct {
	ID         string
	Galleries  []string
	Encounters []Encounter
	Entry      uint64
}

// EncounterRef names one encounter.
type EncounterRef struct{ Subject, Encounter string }

// DuplicateState is the state of a duplicate check.
type DuplicateState uint8

const (
	DuplicateUnspecified DuplicateState = iota
	DuplicatePending
	DuplicateNew
	DuplicateKnown
	DuplicateUnderReview
)

// DuplicateCheck is the result of the search that follows an enrolment.
type DuplicateCheck struct {
	Ref      EncounterRef
	State    DuplicateState
	Subjects []string
	Time     time.Time
	Entry    uint64
}

// Gallery is a purpose-bound set of subjects.
type Gallery struct {
	ID, Description string
	// Readers are the principals that may see and search it; empty: everyone.
	Readers []string
	// Subjects is how many are in it; output only.
	Subjects uint64
}

// SearchMode is how much of the gallery is compared.
type SearchMode uint8

const (
	ModeUnspecified SearchMode = iota
	ModeExact
	ModeFast
)

// ProbeSource says what is asked about: exactly one of the three is set.
type ProbeSource struct {
	Samples   []Sample
	Subject   string
	Encounter *EncounterRef
}

// IdentifyRequest is a 1:N search.
type IdentifyRequest struct {
	Caller    Caller
	Probe     ProbeSource
	Galleries []string
	// MaxCandidates is 1-100; 0 means 10.
	MaxCandidates int
	Mode          SearchMode
	Filter        SearchFilter
}

// SearchFilter narrows a search to a part of the references, beside galleries. The
// zero value narrows nothing. It never leaves out a reference for what is not known
// of it.
type SearchFilter struct {
	// Modalities of the probe that are compared, 0-3, each once; empty: all.
	Modalities []templates.Modality
	// MinQuality is the least stated quality, 0-100, that is compared.
	MinQuality uint8
	// Sex, Nationalities and the years are compared with what an encounter states.
	// They are refused for PurposeDeduplication and PurposeWatchlist.

	// Sex is 1 male, 2 female, 3 other; 0: any.
	Sex uint8
	// Nationalities are 0-8 codes of ICAO 9303, any of which will do. An encounter that
	// states several is never left out by them.
	Nationalities []string
	// BirthYearFrom and BirthYearTo, 1850-9999, are included; 0: open.
	BirthYearFrom, BirthYearTo int
}

// Outcome is what the machine says. The values are those of the API.
type Outcome uint8

const (
	OutcomeUnspecified Outcome = iota
	OutcomeNonMatch
	OutcomeRefer
	OutcomeMatch
)

// SampleScore is the best comparison of one probe sample with a subject.
type SampleScore struct {
	Modality  templates.Modality
	Position  templates.Position
	Model     string
	Encounter string
	// Score is a cosine for faces, [0, 1] for fingers.
	Score float64
	// Log10LR is the contribution to the sum.
	Log10LR float64
}

// Candidate is a person that a search puts forward.
type Candidate struct {
	Subject string
	Outcome Outcome
	Log10LR float64
	Scores  []SampleScore
	Reasons []string
}

// IdentifyResult is the answer of a 1:N search.
type IdentifyResult struct {
	Outcome     Outcome
	Candidates  []Candidate
	Mode        SearchMode
	Subjects    uint64
	Comparisons uint64
	// Excluded is how many face rows of the probe's models galleries and filter left out;
	// 0 for principals who may not see everybody.
	Excluded uint64
	// SureAbove is, in fast mode, the face similarity from which on a face is missed less
	// than once in 30,000 searches for it; 0: nothing can be missed.
	SureAbove float32
	Version   uint64
	Entry     uint64
}

// VerifyRequest is a 1:1 comparison; the claim is exactly one source.
type VerifyRequest struct {
	Caller Caller
	Probe  []Sample
	Claim  ProbeSource
}

// VerifyResult is the answer of a 1:1 comparison.
type VerifyResult struct {
	Outcome Outcome
	Log10LR float64
	Scores  []SampleScore
	Reasons []string
	Entry   uint64
}

// ModelStatistics describes what is held in memory for one model.
type ModelStatistics struct {
	Modality    templates.Modality
	Model       string
	Dimensions  int
	Rows, Bytes uint64
}

// Statistics describes the whole.
type Statistics struct {
	Subjects, Encounters, Galleries uint64
	Models                          []ModelStatistics
	LedgerEntries, PendingChecks    uint64
	KeyEpoch                        uint32
	DiskBytes                       uint64
	Ready                           time.Duration
}
