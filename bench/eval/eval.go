// Package eval measures biometric performance from scores and ground truth, in
// the terms of ISO/IEC 19795-1: error rates with their confidence, in memory that
// does not grow with the number of comparisons, and a report for people who have
// to judge them. It refuses to choose thresholds for an operation, to call
// anything an error rate of persons when the comparisons do not say whose they
// are, and to answer for a tail the data cannot bear without saying so.
//
// A score is larger for more alike, and a comparison is accepted at a score >= the
// threshold, everywhere.
package eval

import (
	"fmt"
	"math"
)

// Comparison is one comparison score and whose samples were compared. A and B are
// numbers of persons (of fingers, where the protocol takes a finger for a person)
// from 0 up. The comparison is mated where they are the same.
type Comparison struct {
	Score float64
	A, B  int32
}

// Mated says whether both samples are of one biometric source.
func (c Comparison) Mated() bool { return c.A == c.B }

// Sample is a set of comparisons from which rates are computed, in bounded memory:
// see Class. The zero value is ready. One goroutine at a time; several samples are
// joined with Merge.
type Sample struct {
	MatedScores, NonMatedScores Class
	// Images, if set, says that every pair of images was compared once, and how many
	// images each person has. It gives the bootstrap the number of comparisons of a
	// resampled test when only the ends of the scores were kept.
	Images []int32
}

// NewSample gives a sample that keeps at least keep comparisons of each class; 0 is
// the default, 1,048,576 (16 MB a class, at most 32).
func NewSample(keep int) *Sample {
	return &Sample{MatedScores: Class{keep: keep, low: true}, NonMatedScores: Class{keep: keep}}
}

// Add takes one comparison. A score that is not finite is a *ScoreError.
func (s *Sample) Add(c Comparison) error {
	if math.IsNaN(c.Score) || math.IsInf(c.Score, 0) {
		return &ScoreError{Score: c.Score}
	}
	if c.Mated() {
		s.MatedScores.add(c)
	} else {
		s.NonMatedScores.add(c)
	}
	return nil
}

// Merge adds the comparisons of another sample, which is spent.
func (s *Sample) Merge(o *Sample) {
	s.MatedScores.merge(&o.MatedScores)
	s.NonMatedScores.merge(&o.NonMatedScores)
}

// Exact says whether every comparison was kept.
func (s *Sample) Exact() bool { return s.MatedScores.Exact() && s.NonMatedScores.Exact() }

// check says why no error rate can be computed, if so.
func (s *Sample) check() error {
	if s.MatedScores.Count() == 0 || s.NonMatedScores.Count() == 0 {
		return &ClassError{Mated: s.MatedScores.Count(), NonMated: s.NonMatedScores.Count()}
	}
	return nil
}

// ScoreError is a score that is no number to compare.
type ScoreError struct {
	Score float64
	Line  int // of the file, 0 if there is none
}

func (e *ScoreError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("line %d: score %v, want a finite number", e.Line, e.Score)
	}
	return fmt.Sprintf("score %v, want a finite number", e.Score)
}

// ClassError is a test without mated or without non-mated comparisons: one person
// only, or no person twice.
type ClassError struct{ Mated, NonMated int64 }

func (e *ClassError) Error() string {
	if e.NonMated == 0 && e.Mated > 0 {
		return fmt.Sprintf("%d mated and no non-mated comparisons, want both: one person alone has no FMR", e.Mated)
	}
	return fmt.Sprintf("%d mated and %d non-mated comparisons, want both", e.Mated, e.NonMated)
}

// LabelError is ground truth that contradicts itself.
type LabelError struct {
	Line int
	What string
}

func (e *LabelError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.What) }

// DuplicateError is one pair of samples given twice.
type DuplicateError struct {
	Line  int
	Pair  string
	First int // the line before
}

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("line %d: pair %s again, first on line %d", e.Line, e.Pair, e.First)
}

// UnknownError is an identifier the protocol or the list of samples does not know.
type UnknownError struct {
	Line     int
	ID, Want string
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("line %d: unknown identifier %q, want %s", e.Line, e.ID, e.Want)
}

// FormatError is a file that is not what it should be, or ends too early.
type FormatError struct {
	Line int
	What string
	Err  error
}

func (e *FormatError) Error() string {
	s := fmt.Sprintf("line %d: %s", e.Line, e.What)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *FormatError) Unwrap() error { return e.Err }
