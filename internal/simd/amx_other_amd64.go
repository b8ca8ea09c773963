//go:build !linux && !purego

package simd

// amxAskSystem: how to ask is known for Linux only.
func amxAskSystem() string { return "a system that is asked for leave to use tiles (Linux)" }
