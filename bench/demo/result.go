package demo

import (
	"fmt"

	"immis/bench"
)

// Note stands above every figure of the demo.
const Note = "synthetic results show that the arithmetic is right, not how real people are told apart"

// Result is what happened. Times are in milliseconds or seconds as their names
// say.
type Result struct {
	Note       string  `json:"note"`
	Seed       uint64  `json:"seed"`
	Difficulty float64 `json:"difficulty"`
	People     int     `json:"people"`
	Returning  int     `json:"returning"`
	Verified   int     `json:"verified"`
	Strangers  int     `json:"strangers"`

	Enrolled        int     `json:"enrolled"`
	EnrollSeconds   float64 `json:"enroll_seconds"`
	EnrollPerSecond float64 `json:"enroll_per_second"`

	// Identified counts returning people whose search put them first with outcome
	// match; Missed the other returning people. FalseMatches counts wrong people
	// with outcome match, in searches and in verifications.
	Identified   int `json:"identified"`
	Missed       int `json:"missed"`
	FalseMatches int `json:"false_matches"`

	IdentifyP50MS float64 `json:"identify_p50_ms"`
	IdentifyP99MS float64 `json:"identify_p99_ms"`
	VerifyP50MS   float64 `json:"verify_p50_ms"`
	VerifyP99MS   float64 `json:"verify_p99_ms"`

	TwinIdentified    int     `json:"twin_identified"`
	TwinMissed        int     `json:"twin_missed"`
	TwinFalseMatches  int     `json:"twin_false_matches"`
	TwinIdentifyP50MS float64 `json:"twin_identify_p50_ms"`
	TwinIdentifyP99MS float64 `json:"twin_identify_p99_ms"`
	TwinVerifyP50MS   float64 `json:"twin_verify_p50_ms"`
	TwinVerifyP99MS   float64 `json:"twin_verify_p99_ms"`

	// Searches by kind of probe, of returning people.
	Searches []SearchResult `json:"searches"`
	// StrangerMatches are strangers that were found to be somebody,
	// StrangerReferrals those a person would have to look at.
	StrangerMatches       int `json:"stranger_matches"`
	TwinStrangerMatches   int `json:"twin_stranger_matches"`
	StrangerReferrals     int `json:"stranger_referrals"`
	TwinStrangerReferrals int `json:"twin_stranger_referrals"`

	Verify     Verification `json:"verify"`
	TwinVerify Verification `json:"twin_verify"`

	// Ties counts searches in which the first had exactly the evidence of another
	// person; who comes first then depends on who was enrolled first.
	Ties int `json:"ties"`
	// Differences are all answers in which server and twin differ.
	Differences []Difference `json:"differences"`

	Example    *Example     `json:"example,omitempty"`
	Duplicates []Duplicate  `json:"duplicates"`
	Erasure    Erasure      `json:"erasure"`
	Ledger     LedgerResult `json:"ledger"`

	Machine bench.Machine `json:"machine"`
	Seconds float64       `json:"seconds"`
}

// SearchResult is what searches of one kind of probe came to.
type SearchResult struct {
	Kind             string        `json:"kind"`
	Identified       int           `json:"identified"`
	Missed           int           `json:"missed"`
	Referred         int           `json:"referred"`
	FalseMatches     int           `json:"false_matches"`
	TwinIdentified   int           `json:"twin_identified"`
	TwinMissed       int           `json:"twin_missed"`
	TwinReferred     int           `json:"twin_referred"`
	TwinFalseMatches int           `json:"twin_false_matches"`
	Latency          bench.Summary `json:"latency"`
	TwinLatency      bench.Summary `json:"twin_latency"`
}

// Verification counts the outcomes of verifications by the truth.
type Verification struct {
	MatedMatch       int `json:"mated_match"`
	MatedRefer       int `json:"mated_refer"`
	MatedNonMatch    int `json:"mated_non_match"`
	ImpostorMatch    int `json:"impostor_match"`
	ImpostorRefer    int `json:"impostor_refer"`
	ImpostorNonMatch int `json:"impostor_non_match"`
}

// Difference is an answer in which server and twin differ.
type Difference struct {
	// What is "identify" or "verify"; Kind is that of the probe.
	What string `json:"what"`
	Kind string `json:"kind"`
	// Person is the truth; a person who is enrolled has the subject "demo-" and
	// this number with six digits.
	Person      int     `json:"person"`
	Outcome     string  `json:"outcome"`
	TwinOutcome string  `json:"twin_outcome"`
	Subject     string  `json:"subject"`
	TwinSubject string  `json:"twin_subject"`
	Log10LR     float64 `json:"log10_lr"`
	TwinLog10LR float64 `json:"twin_log10_lr"`
}

// Example is one of the returning people: the name declared now and the name
// that the record holds.
type Example struct {
	Subject  string `json:"subject"`
	Declared string `json:"declared"`
	Enrolled string `json:"enrolled"`
	Changes  string `json:"changes"`
}

// Duplicate is what the duplicate check of a new enrolment found.
type Duplicate struct {
	Subject string `json:"subject"`
	// Truth is the subject the person is enrolled under already; "" for a new person.
	Truth string `json:"truth"`
	// State is "new", "known" or "under review".
	State string   `json:"state"`
	Found []string `json:"found"`
	// Right tells whether state and subject are the truth. A person that is left to
	// review is neither right nor wrong.
	Right bool `json:"right"`
	Wrong bool `json:"wrong"`
}

// Erasure is what became of the person who was erased.
type Erasure struct {
	Subject string `json:"subject"`
	// FoundBefore and FoundAfter tell whether a search put the person forward.
	FoundBefore bool `json:"found_before"`
	FoundAfter  bool `json:"found_after"`
	// ReadableAfter tells whether the record could still be read.
	ReadableAfter bool `json:"readable_after"`
	// KeyEpoch is the epoch after which the record is unreadable in backups too.
	KeyEpoch uint32 `json:"key_epoch"`
}

// LedgerResult is the newest signed head, and whether it could be proved.
type LedgerResult struct {
	Entries uint64 `json:"entries"`
	Head    string `json:"head"`
	// Signed: the signature is good. Proved: the root recomputed from the headers
	// of all entries is the one that was signed.
	Signed bool `json:"signed"`
	Proved bool `json:"proved"`
}

// Faults lists what must not happen, whatever the difficulty; empty when all is
// well. A missed person is not a fault: at a high difficulty some are missed,
// and the twin misses the same.
func (r *Result) Faults() []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if n := len(r.Differences); n > 0 {
		d := r.Differences[0]
		add("server and twin differ in %d answers, want none; the first: %s person %d by %s: %s %s, twin %s %s",
			n, d.What, d.Person, d.Kind, d.Outcome, d.Subject, d.TwinOutcome, d.TwinSubject)
	}
	if r.Identified != r.TwinIdentified || r.Missed != r.TwinMissed {
		add("identified %d and missed %d, the twin %d and %d, want the same", r.Identified, r.Missed, r.TwinIdentified, r.TwinMissed)
	}
	if r.Enrolled != r.People {
		add("%d people are enrolled, want %d", r.Enrolled, r.People)
	}
	if r.Erasure.FoundAfter {
		add("%s was found after the erasure", r.Erasure.Subject)
	}
	if r.Erasure.ReadableAfter {
		add("%s was readable after the erasure", r.Erasure.Subject)
	}
	if !r.Ledger.Signed {
		add("the signature of the ledger's head is not good")
	}
	if !r.Ledger.Proved {
		add("the ledger's head does not cover its entries")
	}
	return out
}
