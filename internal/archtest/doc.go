// Package archtest holds the tests of the house's own rules: which package may
// import which, where errors become codes, and where the environment is read. It
// has no code of its own.
package archtest
