// Package immisv1 is the API of IMMIS, version 1, generated from the .proto files
// beside it. It holds messages and transport only; what they mean is written at
// every field of those files. Nothing of it is ever stored or hashed.
package immisv1
