//go:build !race

package server

// slower is how much longer things may take under the race detector.
const slower = 1
