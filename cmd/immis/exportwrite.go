package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"filippo.io/age"
	"google.golang.org/protobuf/encoding/protojson"

	"immis/api/immis/format"
	immisv1 "immis/api/immis/v1"
)

// writeFunc writes a file of a person and returns under which name.
type writeFunc func(name string, data []byte) (string, error)

// subjectNames are the names of a person's files: of each encounter's document, and of
// each sample that has a file of its own; "" for none.
type subjectNames struct {
	documents []string
	samples   [][]string
}

// writeSubject writes the files of a person, subject.json at last.
func writeSubject(c *converter, s *immisv1.GetSubjectResponse, write writeFunc) (*subjectNames, error) {
	names := &subjectNames{}
	for i, e := range s.GetEncounters() {
		alone, document, err := c.encounter(e)
		if err != nil {
			return nil, err
		}
		name := ""
		if document != nil {
			if name, err = write(documentName(i), document); err != nil {
				return nil, err
			}
		}
		names.documents = append(names.documents, name)
		own := make([]string, len(e.GetSamples()))
		for j, m := range e.GetSamples() {
			if alone[j] {
				if own[j], err = write(sampleFileName(i, j, m.GetFormat()), m.GetData()); err != nil {
					return nil, err
				}
			}
			m.Data = nil
		}
		names.samples = append(names.samples, own)
	}
	b, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(s)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := json.Indent(&text, b, "", "  "); err != nil {
		return nil, err
	}
	text.WriteByte('\n')
	_, err = write(subjectFile, text.Bytes())
	return names, err
}

func documentName(encounter int) string { return fmt.Sprintf("%03d.xml", encounter) }

func sampleFileName(encounter, sample int, f immisv1.Format) string {
	return fmt.Sprintf("%03d-%02d%s", encounter, sample, extension(f))
}

// extension is how the name of a sample's file ends: for people, and for face vectors,
// which have no signature.
func extension(f immisv1.Format) string {
	switch f {
	case immisv1.Format_FORMAT_FACE_FLOAT32:
		return ".f32"
	case immisv1.Format_FORMAT_FACE_FLOAT16:
		return ".f16"
	case immisv1.Format_FORMAT_FACE_INT8:
		return ".i8"
	case immisv1.Format_FORMAT_ISO_19794_2_2005:
		return ".iso"
	case immisv1.Format_FORMAT_PNG:
		return ".png"
	case immisv1.Format_FORMAT_JPEG:
		return ".jpg"
	case immisv1.Format_FORMAT_WSQ:
		return ".wsq"
	case immisv1.Format_FORMAT_JPEG2000:
		return ".jp2"
	}
	return "." + format.FromAPI(f).String()
}

// sealedFolder is an export whose files are encrypted and named by numbers.
type sealedFolder struct {
	dir        string
	recipients []age.Recipient

	mu       sync.Mutex
	next     int
	manifest *manifestWriter
	file     *os.File
	sealing  io.WriteCloser
}

func newSealedFolder(dir string, recipients []age.Recipient) (*sealedFolder, error) {
	there, err := os.ReadDir(dir)
	if err != nil {
		return nil, usage("folder %s: %v", dir, err)
	}
	if len(there) > 0 {
		return nil, usage("folder %s is not empty: a sealed export is not continued, what it holds cannot be read", dir)
	}
	s := &sealedFolder{dir: dir, recipients: recipients}
	if s.file, err = os.CreateTemp(dir, ".new-*"); err != nil {
		return nil, err
	}
	if s.sealing, err = age.Encrypt(s.file, recipients...); err == nil {
		s.manifest, err = newManifestWriter(s.sealing)
	}
	if err != nil {
		return nil, errors.Join(err, s.file.Close(), os.Remove(s.file.Name()))
	}
	return s, nil
}

// subject writes the files of a person and their rows.
func (s *sealedFolder) subject(c *converter, p *immisv1.GetSubjectResponse) error {
	names, err := writeSubject(c, p, s.write)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.manifest.subject(p, names)
}

// write seals a file under the next number.
func (s *sealedFolder) write(name string, data []byte) (string, error) {
	s.mu.Lock()
	n := s.next
	s.next++
	s.mu.Unlock()
	ext := path.Ext(name)
	if i := strings.IndexByte(name, '.'); i >= 0 {
		ext = name[i:]
	}
	rel := fmt.Sprintf("%05d/%08d%s%s", n/1000, n, ext, ageExt)
	out := filepath.Join(s.dir, filepath.FromSlash(rel))
	if err := os.MkdirAll(filepath.Dir(out), 0o700); err != nil {
		return "", err
	}
	var b bytes.Buffer
	w, err := age.Encrypt(&b, s.recipients...)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(data); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return rel, writeFile(out, b.Bytes())
}

// discard removes the manifest of an export that failed.
func (s *sealedFolder) discard() error {
	return errors.Join(s.file.Close(), os.Remove(s.file.Name()))
}

// close ends the manifest and gives it its name: before, the export is not complete.
func (s *sealedFolder) close() error {
	err := errors.Join(s.manifest.flush(), s.sealing.Close())
	err = errors.Join(err, s.file.Sync(), s.file.Close())
	if err != nil {
		return err
	}
	return os.Rename(s.file.Name(), filepath.Join(s.dir, manifestName+ageExt))
}
