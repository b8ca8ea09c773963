//go:build !linux

package simd

import "testing"

// Guard pages are tested on Linux.
func guardScan(*testing.T, Op)        {}
func guardDotF16(*testing.T, Op)      {}
func guardSelect(*testing.T, Op)      {}
func guardBatchSelect(*testing.T, Op) {}
func guardRows(*testing.T, Op)        {}
