// Package face compares face embeddings: the cosine of two vectors of one
// model. It refuses to normalize, to check models or to decide: vectors arrive
// as unit vectors of the same model (templates.Face, made by the decoder), and
// what a similarity means is the business of matcher/decision.
package face

import "immis/internal/simd"

// Compare gives the cosine similarity of two embeddings, in -1..1, larger for
// more alike. Both must be unit vectors (length 1 within 1e-6) of the same
// model and so of the same dimension; different dimensions panic, because the
// caller has mixed models. The result is symmetric bit by bit, the same on
// every machine, and within 1e-6 of the value in float64 arithmetic. Values of
// near-identical vectors are clamped to 1 (and to -1 on the other side).
func Compare(a, b []float32) float32 {
	return min(1, max(-1, simd.Dot(a, b)))
}
