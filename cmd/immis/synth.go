package main

// synthCmd is the group of makers of synthetic samples, one field each.
type synthCmd struct {
	Fingers synthFingersCmd `cmd:"" help:"Images of fingers with their true minutiae."`
	Faces   synthFacesCmd   `cmd:"" help:"Drawn portraits of nobody."`
}
