// Package mutant seeds known faults into the product, so that the tests of
// faults can show that they would notice. Without the build tag "mutants"
// On is a constant false and every fault compiles away.
package mutant

// Name is one seeded fault.
type Name string

// The ten seeded faults. Each fault test names those it must catch.
const (
	NoSync       Name = "no-sync"       // commits skip the sync of the write-ahead log
	EarlyAck     Name = "early-ack"     // a write is acknowledged before it is committed
	SkipAnchor   Name = "skip-anchor"   // the signed head is not written after a commit
	ApplyTwice   Name = "apply-twice"   // a mutation is applied two times
	PublishLate  Name = "publish-late"  // a record becomes searchable after its acknowledgement
	DropMask     Name = "drop-mask"     // a deleted row stays visible to searches
	ReuseNonce   Name = "reuse-nonce"   // two seals under one key use one nonce
	KeepKey      Name = "keep-key"      // an erasure leaves the wrapped key in one of the two files
	ForgetEntry  Name = "forget-entry"  // a change of state gets no ledger entry
	SwallowError Name = "swallow-error" // a failed write is reported as a success
)

// Names lists all seeded faults in the order of the documentation.
func Names() []Name {
	return []Name{NoSync, EarlyAck, SkipAnchor, ApplyTwice, PublishLate, DropMask, ReuseNonce, KeepKey, ForgetEntry, SwallowError}
}
