package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	immisv1 "immis/api/immis/v1"
	"immis/templates"
)

// A manifest is a CSV file that says whose samples the files beside it are. One record
// is one line, so that a quote that was never closed spoils a line and not the file.

// Columns of a manifest. Those from colTime on to the end are about the encounter, the
// ones before about the sample.
const (
	colSubject = iota
	colEncounter
	colFile
	colModality
	colPosition
	colModel
	colResolution
	colQuality
	colQualityAlgorithm
	colDevice
	colExtractor
	colCaptured
	colTime
	colMissing
	colStation
	colOperator
	colGallery
	colSurname
	colGivenNames
	colPatronymic
	colBirthDate
	colBirthPlace
	colSex
	colNationality
	colDocumentType
	colDocumentNumber
	colDocumentIssuer
	colDocumentExpiry
	columns
)

func columnNames() [columns]string {
	return [columns]string{
		colSubject: "subject", colEncounter: "encounter", colFile: "file", colModality: "modality", colPosition: "position", colModel: "model",
		colResolution: "resolution_ppi", colQuality: "quality", colQualityAlgorithm: "quality_algorithm", colDevice: "capture_device", colExtractor: "extractor",
		colCaptured: "captured", colTime: "time", colMissing: "missing_fingers", colStation: "station", colOperator: "operator", colGallery: "gallery",
		colSurname: "surname", colGivenNames: "given_names", colPatronymic: "patronymic", colBirthDate: "birth_date", colBirthPlace: "birth_place",
		colSex: "sex", colNationality: "nationality", colDocumentType: "document_type", colDocumentNumber: "document_number",
		colDocumentIssuer: "document_issuer", colDocumentExpiry: "document_expiry",
	}
}

// isManifest tells whether a file is one, by its first line; an error when it cannot be
// read, or is a manifest whose header is wrong.
func (f *folder) isManifest(rel string) (bool, error) {
	h, r, err := f.openText(rel)
	if err != nil {
		return false, err
	}
	defer func() { _ = h.Close() }()
	head := make([]byte, maxLine)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return false, err
	}
	head = head[:n]
	if recognize(rel, head) != templates.FormatUnknown {
		return false, nil
	}
	_, err = newCSVReader(bytes.NewReader(head))
	named := strings.EqualFold(filepath.Ext(strings.TrimSuffix(rel, ageExt)), ".csv")
	if err != nil && !named {
		return false, nil // a sample of no known format
	}
	return err == nil, err
}

// openText opens a file that may be sealed by age.
func (f *folder) openText(rel string) (io.Closer, io.Reader, error) {
	h, err := f.open(rel)
	if err != nil {
		return nil, nil, err
	}
	b := bufio.NewReader(h)
	if front, _ := b.Peek(len(ageMagic)); !isAge(front) {
		return h, b, nil
	}
	if len(f.identities) == 0 {
		return nil, nil, errors.Join(errSealed, h.Close())
	}
	r, err := age.Decrypt(b, f.identities...)
	if err != nil {
		return nil, nil, errors.Join(ageError(err), h.Close())
	}
	return h, r, nil
}

// readManifest gives the records of a manifest to the collector.
func (f *folder) readManifest(m *filesImport, rel string, to *collector) bool {
	shown := f.path(rel)
	fail := func(line int, reason templates.Reason, text string) *rejection {
		at := shown
		if line > 0 {
			text = fmt.Sprintf("line %d: %s", line, text)
		}
		return &rejection{File: at, Reason: string(reason), Message: text}
	}
	h, r, err := f.openText(rel)
	if err != nil {
		return to.reject(fail(0, "UNREADABLE", reasonOf(err)))
	}
	defer func() { _ = h.Close() }()
	c, err := newCSVReader(r)
	for err == nil {
		err = c.next()
		var bad *errLine
		switch {
		case err == nil:
		case errors.As(err, &bad):
			err = nil
			if c.row[colSubject] == "" {
				if !to.reject(fail(bad.line, bad.reason, bad.text)) {
					return false
				}
				continue
			}
		default:
			continue
		}
		encounter := c.row[colEncounter]
		if encounter == "" {
			encounter = defaultEncounter
		}
		if c.row[colSubject] == "" {
			if !to.reject(fail(c.line, templates.ReasonEmpty, "column subject is empty, want an identifier")) {
				return false
			}
			continue
		}
		u := to.at(f, c.row[colSubject], encounter, false)
		if to.ended {
			return false
		}
		u.rows++
		switch {
		case u.bad != nil:
		case bad != nil:
			u.bad = fail(bad.line, bad.reason, bad.text)
		default:
			if problem := m.addRow(u, &c.row); problem != nil {
				u.bad = fail(c.line, problem.Reason, problem.Error())
			}
		}
	}
	if !errors.Is(err, io.EOF) {
		return to.reject(fail(0, "UNREADABLE", reasonOf(err)))
	}
	return !to.ended
}

// addRow adds a row to its encounter.
func (m *filesImport) addRow(u *unit, row *[columns]string) *templates.InputError {
	if bad := mergeFacts(u, row); bad != nil {
		return bad
	}
	if row[colFile] == "" {
		if row[colMissing] == "" {
			return templates.Bad(templates.ReasonEmpty, "column file", "is empty", "a path, or missing_fingers")
		}
		return nil
	}
	if !filepath.IsLocal(filepath.FromSlash(row[colFile])) {
		return templates.Bad(templates.ReasonOutOfRange, "column file", "leads out of the manifest's folder", "a path below it")
	}
	f := sampleFile{rel: row[colFile], stated: m.stated, facts: &immisv1.Sample{
		QualityAlgorithm: row[colQualityAlgorithm], CaptureDevice: row[colDevice], Extractor: row[colExtractor],
	}}
	var err error
	if v := row[colModality]; v != "" {
		if f.modality, err = parseModality(strings.ToLower(v)); err != nil {
			return templates.Bad(templates.ReasonOutOfRange, "column modality", "is something else", "face, finger or iris")
		}
	}
	if v := row[colPosition]; v != "" {
		if f.position, err = parsePosition(strings.ReplaceAll(strings.ToLower(v), "_", "-")); err != nil {
			return templates.Bad(templates.ReasonPosition, "column position", "is something else", "a finger position such as right-index")
		}
	}
	if row[colModel] != "" {
		f.model = row[colModel]
	}
	if v := row[colResolution]; v != "" {
		if f.ppi, err = strconv.ParseFloat(v, 64); err != nil {
			return templates.Bad(templates.ReasonResolution, "column resolution_ppi", "is not a number", "pixels per inch")
		}
	}
	if v := row[colQuality]; v != "" {
		n, err := strconv.ParseUint(v, 10, 8)
		if err != nil || n > 100 {
			return templates.Bad(templates.ReasonQuality, "column quality", "is something else", "0 to 100")
		}
		f.facts.Quality = proto.Uint32(uint32(n))
	}
	if f.facts.Captured, err = parseTime(row[colCaptured]); err != nil {
		return templates.Bad(templates.ReasonOutOfRange, "column captured", "is something else", wantTime)
	}
	u.files = append(u.files, f)
	return nil
}

// mergeFacts takes what a row says about the encounter. The first row says it; a later
// one repeats it or leaves it empty.
func mergeFacts(u *unit, row *[columns]string) *templates.InputError {
	if u.cells == nil {
		facts, bad := encounterFacts(row)
		u.facts, u.cells = facts, slices.Clone(row[colTime:])
		return bad
	}
	for i, v := range row[colTime:] {
		if v != "" && v != u.cells[i] {
			return templates.Bad(templates.ReasonMalformed, "column "+columnNames()[colTime+i], "differs from the first row of the encounter", "the same, or empty")
		}
	}
	return nil
}

func encounterFacts(row *[columns]string) (*immisv1.Encounter, *templates.InputError) {
	e := &immisv1.Encounter{Station: row[colStation], Operator: row[colOperator], Galleries: splitList(row[colGallery])}
	var err error
	if e.Time, err = parseTime(row[colTime]); err != nil {
		return nil, templates.Bad(templates.ReasonOutOfRange, "column time", "is something else", wantTime)
	}
	for _, text := range splitList(row[colMissing]) {
		f, err := parseMissing(text)
		if err != nil {
			return nil, templates.Bad(templates.ReasonPosition, "column missing_fingers", "is something else", "POSITION=amputated or POSITION=unable, several by |")
		}
		e.MissingFingers = append(e.MissingFingers, f)
	}
	sex, ok := map[string]immisv1.Sex{
		"": 0, "m": immisv1.Sex_SEX_MALE, "male": immisv1.Sex_SEX_MALE, "f": immisv1.Sex_SEX_FEMALE, "female": immisv1.Sex_SEX_FEMALE, "x": immisv1.Sex_SEX_OTHER, "other": immisv1.Sex_SEX_OTHER,
	}[strings.ToLower(row[colSex])]
	if !ok {
		return nil, templates.Bad(templates.ReasonOutOfRange, "column sex", "is something else", "male, female or other (M, F, X)")
	}
	b := &immisv1.BiographicData{BirthDate: row[colBirthDate], BirthPlace: row[colBirthPlace], Sex: sex, Nationalities: splitList(row[colNationality])}
	if row[colSurname] != "" || row[colGivenNames] != "" || row[colPatronymic] != "" {
		b.Names = []*immisv1.PersonName{{Kind: immisv1.PersonName_KIND_CURRENT, Surname: row[colSurname], GivenNames: row[colGivenNames], Patronymic: row[colPatronymic]}}
	}
	if !proto.Equal(b, &immisv1.BiographicData{}) {
		e.BiographicData = b
	}
	d := &immisv1.Document{Type: row[colDocumentType], Number: row[colDocumentNumber], Issuer: row[colDocumentIssuer], ExpiryDate: row[colDocumentExpiry]}
	if !proto.Equal(d, &immisv1.Document{}) {
		e.Documents = []*immisv1.Document{d}
	}
	return e, nil
}

func splitList(text string) []string {
	if text == "" {
		return nil
	}
	out := strings.Split(text, "|")
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return out
}

const wantTime = "2026-01-31T12:00:00Z or 2026-01-31"

func parseTime(text string) (*timestamppb.Timestamp, error) {
	if text == "" {
		return nil, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		if t, err = time.Parse(time.DateOnly, text); err != nil {
			return nil, err
		}
	}
	return timestamppb.New(t), nil
}
