package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"
)

// ageExt ends the names of files sealed by age.
const ageExt = ".age"

// maxAgeFile bounds a file of identities or recipients, in bytes.
const maxAgeFile = 4 << 20

// ageMagic begins a file sealed by age.
const ageMagic = "age-encryption.org/v1\n"

// maxAgeOverhead bounds what sealing adds to a sample: a header with a few dozen
// recipients, and 16 bytes for each 64 KiB.
const maxAgeOverhead = 64 << 10

func isAge(data []byte) bool { return bytes.HasPrefix(data, []byte(ageMagic)) }

var errSealed = errors.New("is sealed by age: give --age-identity FILE, or open it with age -d")

// openAge opens a sealed sample of at most limit bytes; more is cut behind limit.
func openAge(data []byte, identities []age.Identity, limit int64) ([]byte, error) {
	if len(identities) == 0 {
		return nil, errSealed
	}
	r, err := age.Decrypt(bytes.NewReader(data), identities...)
	if err != nil {
		return nil, ageError(err)
	}
	out, err := readBounded(r, len(data), limit)
	if err != nil {
		return nil, ageError(err)
	}
	return out, nil
}

// ageError is an error of age without its inner words.
func ageError(err error) error {
	var none *age.NoIdentityMatchError
	if errors.As(err, &none) {
		return errors.New("is sealed by age for somebody else: no identity of --age-identity opens it")
	}
	return fmt.Errorf("is sealed by age and damaged: %w", err)
}

// readBounded reads at most limit bytes and one more, which tells that there are more.
func readBounded(r io.Reader, size int, limit int64) ([]byte, error) {
	b := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	_, err := b.ReadFrom(io.LimitReader(r, limit+1))
	return b.Bytes(), err
}

// readIdentities reads files of age identities.
func readIdentities(files []string) ([]age.Identity, error) {
	var out []age.Identity
	for _, name := range files {
		err := withFile(name, func(f *os.File) error {
			ids, err := age.ParseIdentities(io.LimitReader(f, maxAgeFile))
			out = append(out, ids...)
			return err
		})
		if err != nil {
			return nil, usage("age identity %s: %v", name, err)
		}
	}
	return out, nil
}

// readRecipients reads recipients from the command line and from files.
func readRecipients(texts, files []string) ([]age.Recipient, error) {
	var out []age.Recipient
	for _, t := range texts {
		r, err := age.ParseRecipients(bytes.NewReader([]byte(t)))
		if err != nil {
			return nil, usage("age recipient: %v", err)
		}
		out = append(out, r...)
	}
	for _, name := range files {
		err := withFile(name, func(f *os.File) error {
			r, err := age.ParseRecipients(io.LimitReader(f, maxAgeFile))
			out = append(out, r...)
			return err
		})
		if err != nil {
			return nil, usage("age recipients %s: %v", name, err)
		}
	}
	return out, nil
}

func withFile(name string, fn func(*os.File) error) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(fn(f), f.Close())
}
