package eval

// Notes of a report: stable codes, which reports spell out in words.
const (
	noteTurned    = "both-orders"
	noteUnchecked = "duplicates-unchecked"
	noteLabels    = "persons-from-labels"
	noteSketch    = "sketch"
	NoteMissing   = "pairs-missing"
	NoteCommon    = "common-pairs"
	NoteFailed    = "failures-score-zero"
	NotePublic    = "not-operational"
	NoteAllPairs  = "all-pairs"
)

// Protocols: which comparisons were made. They are codes as notes are.
const (
	ProtocolListed   = "protocol-listed"
	ProtocolFVC      = "protocol-fvc-all-impostors"
	ProtocolAllPairs = "protocol-all-pairs"
)
