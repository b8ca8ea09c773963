package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	immisv1 "immis/api/immis/v1"
)

// manifestWriter writes the manifest that immis import reads.
type manifestWriter struct {
	out *bufio.Writer
	row [columns]string
	// reduced counts people about whom more is known than a manifest can say.
	reduced uint64
}

func newManifestWriter(w io.Writer) (*manifestWriter, error) {
	m := &manifestWriter{out: bufio.NewWriter(w), row: columnNames()}
	return m, m.write()
}

// write writes m.row.
func (m *manifestWriter) write() error {
	for i, cell := range m.row {
		if i > 0 {
			_ = m.out.WriteByte(',')
		}
		if strings.TrimSpace(cell) != cell || strings.ContainsAny(cell, `,;"`) {
			cell = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
		}
		_, _ = m.out.WriteString(cell)
	}
	return m.out.WriteByte('\n') // the first error is kept
}

func (m *manifestWriter) flush() error { return m.out.Flush() }

// subject writes the rows of a person.
func (m *manifestWriter) subject(s *immisv1.GetSubjectResponse, names *subjectNames) error {
	reduced := false
	for i, e := range s.GetEncounters() {
		rows := 0
		add := func(file string, sample *immisv1.Sample) error {
			m.row = [columns]string{}
			lost := m.encounter(s, e, i == 0)
			m.row[colSubject], m.row[colEncounter], m.row[colFile] = s.GetSubjectId(), e.GetEncounterId(), file
			if sample != nil && sampleCells(&m.row, sample) {
				lost = true
			}
			for c, cell := range m.row {
				if line := strings.Map(oneLine, cell); line != cell {
					m.row[c], lost = line, true
				}
			}
			reduced = reduced || lost
			rows++
			return m.write()
		}
		if names.documents[i] != "" {
			if err := add(names.documents[i], nil); err != nil {
				return err
			}
		}
		for j, name := range names.samples[i] {
			if name != "" {
				if err := add(name, e.GetSamples()[j]); err != nil {
					return err
				}
			}
		}
		if rows == 0 && len(e.GetMissingFingers()) > 0 {
			if err := add("", nil); err != nil {
				return err
			}
		}
	}
	if reduced {
		m.reduced++
	}
	return nil
}

// oneLine keeps a cell on its line.
func oneLine(r rune) rune {
	if r == '\n' || r == '\r' || r == 0 {
		return ' '
	}
	return r
}

// encounter fills in the cells of an encounter; lost tells that it holds more.
func (m *manifestWriter) encounter(s *immisv1.GetSubjectResponse, e *immisv1.Encounter, first bool) (lost bool) {
	r := &m.row
	r[colTime], r[colStation], r[colOperator] = timeCell(e.GetTime()), e.GetStation(), e.GetOperator()
	if first {
		r[colGallery] = strings.Join(s.GetGalleries(), "|")
	}
	var missing []string
	for _, f := range e.GetMissingFingers() {
		reason := "unable"
		if f.GetReason() == immisv1.MissingFingerReason_MISSING_FINGER_REASON_AMPUTATED {
			reason = "amputated"
		}
		missing = append(missing, positionName(f.GetPosition())+"="+reason)
	}
	r[colMissing] = strings.Join(missing, "|")
	if b := e.GetBiographicData(); b != nil {
		for i, n := range b.GetNames() {
			if i > 0 || n.GetKind() != immisv1.PersonName_KIND_CURRENT {
				lost = true
			}
			if i == 0 {
				r[colSurname], r[colGivenNames], r[colPatronymic] = n.GetSurname(), n.GetGivenNames(), n.GetPatronymic()
			}
		}
		r[colBirthDate], r[colBirthPlace], r[colNationality] = b.GetBirthDate(), b.GetBirthPlace(), strings.Join(b.GetNationalities(), "|")
		if b.GetSex() != immisv1.Sex_SEX_UNSPECIFIED {
			r[colSex] = strings.ToLower(strings.TrimPrefix(b.GetSex().String(), "SEX_"))
		}
	}
	for i, d := range e.GetDocuments() {
		if i > 0 {
			lost = true
			break
		}
		r[colDocumentType], r[colDocumentNumber], r[colDocumentIssuer], r[colDocumentExpiry] = d.GetType(), d.GetNumber(), d.GetIssuer(), d.GetExpiryDate()
	}
	return lost
}

// sampleCells fills in the cells of a sample; lost tells that it holds more.
func sampleCells(r *[columns]string, m *immisv1.Sample) (lost bool) {
	r[colModality] = modalityName(m.GetModality())
	if m.GetPosition() != immisv1.Position_POSITION_UNSPECIFIED {
		r[colPosition] = positionName(m.GetPosition())
	}
	r[colModel], r[colQualityAlgorithm], r[colDevice], r[colExtractor] = m.GetModel(), m.GetQualityAlgorithm(), m.GetCaptureDevice(), m.GetExtractor()
	if m.GetResolutionPpi() != 0 {
		r[colResolution] = strconv.FormatFloat(m.GetResolutionPpi(), 'g', -1, 64)
	}
	if m.Quality != nil {
		r[colQuality] = strconv.Itoa(int(m.GetQuality()))
	}
	r[colCaptured] = timeCell(m.GetCaptured())
	return m.GetPresentationAttack() != nil
}

func timeCell(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Format(time.RFC3339Nano)
}

func captured(m *immisv1.Sample) time.Time {
	if m.GetCaptured() == nil {
		return time.Time{}
	}
	return m.GetCaptured().AsTime()
}

// manifest writes the manifest of all people in the folder. It is made of the files
// that are there, so that it is whole after an export in several goes.
func (x *exporter) manifest() (err error) {
	if x.sealed != nil {
		x.reduced = x.sealed.manifest.reduced
		return x.sealed.close()
	}
	root, err := os.OpenRoot(x.c.Folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	f, err := os.CreateTemp(x.c.Folder, ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	w, err := newManifestWriter(f)
	walk(root, ".", walkNames, func(rel string, _ fs.FileMode, problem error) bool {
		if err = errors.Join(err, problem); err == nil && path.Base(rel) == subjectFile && strings.Count(rel, "/") == 1 {
			err = addSubject(root, path.Dir(rel), w)
		}
		return err == nil
	})
	x.reduced = w.reduced
	err = errors.Join(err, w.flush(), f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	return os.Rename(f.Name(), filepath.Join(x.c.Folder, manifestName))
}

// addSubject adds the person of a folder to the manifest.
func addSubject(root *os.Root, dir string, w *manifestWriter) error {
	b, err := root.ReadFile(path.Join(dir, subjectFile))
	if err != nil {
		return err
	}
	var s immisv1.GetSubjectResponse
	if err := protojson.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("%s: %w", path.Join(dir, subjectFile), err)
	}
	there := func(name string) string {
		if _, err := root.Stat(path.Join(dir, name)); err != nil {
			return ""
		}
		return path.Join(dir, name)
	}
	names := &subjectNames{}
	for i, e := range s.GetEncounters() {
		own := make([]string, len(e.GetSamples()))
		for j, m := range e.GetSamples() {
			own[j] = there(sampleFileName(i, j, m.GetFormat()))
		}
		names.documents, names.samples = append(names.documents, there(documentName(i))), append(names.samples, own)
	}
	return w.subject(&s, names)
}
