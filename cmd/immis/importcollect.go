package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	"filippo.io/age"
	"google.golang.org/protobuf/proto"

	immisv1 "immis/api/immis/v1"
	"immis/templates"
)

// folder is where the files of an import lie. Nothing outside of it is read, by no path
// and through no symbolic link.
type folder struct {
	root       *os.Root
	shown      string // as the user wrote it
	name       string // its own
	identities []age.Identity
}

// path names a file of the folder for people.
func (f *folder) path(rel string) string { return path.Join(f.shown, rel) }

// open opens a regular file. It does not wait for what is a pipe.
func (f *folder) open(rel string) (*os.File, error) {
	h, err := f.root.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := h.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("is not a regular file")
	}
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

// read reads a sample, opened with the identities when it is sealed by age.
func (f *folder) read(rel string) ([]byte, error) {
	h, err := f.open(rel)
	if err != nil {
		return nil, &rejection{File: f.path(rel), Reason: "UNREADABLE", Message: reasonOf(err)}
	}
	defer func() { _ = h.Close() }()
	size := 0
	if info, err := h.Stat(); err == nil {
		size = int(min(info.Size(), maxSample))
	}
	data, err := readBounded(h, size, maxSample+maxAgeOverhead)
	if err == nil && isAge(data) {
		if data, err = openAge(data, f.identities, maxSample); err != nil {
			return nil, &rejection{File: f.path(rel), Reason: string(templates.ReasonEncrypted), Message: err.Error()}
		}
	}
	if err != nil {
		return nil, &rejection{File: f.path(rel), Reason: "UNREADABLE", Message: reasonOf(err)}
	}
	if len(data) > maxSample {
		return nil, &rejection{File: f.path(rel), Reason: string(templates.ReasonOversized), Message: fmt.Sprintf("file has more than %d bytes, want <= %d", maxSample, maxSample)}
	}
	return data, nil
}

// reasonOf is an error without the path that is told beside it.
func reasonOf(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// sampleFile is one file of an encounter and what is said about it.
type sampleFile struct {
	rel string
	stated
	// facts are fields of the sample that are taken over, nil for none.
	facts *immisv1.Sample
}

// unit is one encounter as it is put together.
type unit struct {
	folder             *folder
	subject, encounter string
	files              []sampleFile
	facts              *immisv1.Encounter // what is said about it as a whole, nil for nothing
	cells              []string           // of a manifest, from which facts were made
	rows               int                // of a manifest
	bad                *rejection         // it is not sent
}

// collector puts files that follow each other together to encounters, and encounters
// to people.
type collector struct {
	m      *filesImport
	yield  func(person) bool
	person person
	unit   *unit
	ended  bool
}

// addFile takes a file that is named by its path.
func (c *collector) addFile(f *folder, rel string) bool {
	if !utf8.ValidString(rel) {
		return c.reject(&rejection{File: strings.ToValidUTF8(f.path(rel), "\uFFFD"), Reason: string(templates.ReasonUTF8), Message: "name of the file is not UTF-8: rename it"})
	}
	subject, encounter, st, problem := c.m.named(f, rel)
	if problem != "" {
		if c.m.c.SkipUnknown {
			c.m.ignored.Add(1)
			return true
		}
		return c.reject(&rejection{File: f.path(rel), Reason: string(templates.ReasonFormat), Message: problem})
	}
	alone := c.m.pattern == nil && c.m.c.SubjectBy == "file"
	u := c.at(f, subject, encounter, alone)
	u.files = append(u.files, sampleFile{rel: rel, stated: st})
	return !c.ended
}

// at is the unit of an encounter: the one under way, or a new one.
func (c *collector) at(f *folder, subject, encounter string, alone bool) *unit {
	if u := c.unit; u == nil || alone || u.folder != f || u.subject != subject || u.encounter != encounter {
		c.endUnit()
		if c.person.subject != subject {
			c.endPerson()
		}
		c.unit = &unit{folder: f, subject: subject, encounter: encounter}
	}
	return c.unit
}

// reject hands a rejection on in its place; it is of nobody.
func (c *collector) reject(r *rejection) bool {
	c.flush()
	if !c.ended {
		c.ended = !c.yield(person{items: []item{{name: r.File, load: func() (*immisv1.Encounter, error) { return nil, r }}}})
	}
	return !c.ended
}

// flush ends what is under way.
func (c *collector) flush() {
	c.endUnit()
	c.endPerson()
}

func (c *collector) endUnit() {
	if c.unit != nil {
		c.person.subject = c.unit.subject
		c.person.items = append(c.person.items, c.m.item(c.unit))
		c.unit = nil
	}
}

func (c *collector) endPerson() {
	if len(c.person.items) > 0 && !c.ended {
		c.ended = !c.yield(c.person)
	}
	c.person = person{}
}

// item is a unit as the importer sends it.
func (m *filesImport) item(u *unit) item {
	name := u.folder.path(u.subject)
	if len(u.files) > 0 {
		name = u.folder.path(u.files[0].rel)
	}
	var used []string
	return item{
		name: name, request: hashed(m.c.SubjectPrefix+u.subject, u.encounter), records: max(len(u.files), u.rows),
		files: func() []string { return used },
		load: func() (e *immisv1.Encounter, err error) {
			e, used, err = m.load(u)
			return e, err
		},
	}
}

// load reads the files of a unit; without an encounter where there is nothing to send.
func (m *filesImport) load(u *unit) (*immisv1.Encounter, []string, error) {
	if u.bad != nil {
		return nil, nil, u.bad
	}
	e := &immisv1.Encounter{}
	if u.facts != nil {
		e = u.facts
	}
	e.EncounterId, e.KeepImages = u.encounter, m.c.KeepImages
	var used []string
	for _, f := range u.files {
		data, err := u.folder.read(f.rel)
		if err != nil {
			return nil, nil, err
		}
		s, err := newSample(f.rel, data, f.stated)
		var bad *templates.InputError
		if errors.As(err, &bad) {
			if bad.Reason == templates.ReasonFormat && m.c.SkipUnknown {
				m.ignored.Add(1)
				continue
			}
			r := &rejection{File: u.folder.path(f.rel), Reason: string(bad.Reason), Message: err.Error()}
			if bad.Offset != templates.NoOffset {
				r.Offset = strconv.Itoa(bad.Offset)
			}
			return nil, nil, r
		}
		if err != nil {
			return nil, nil, err
		}
		if f.facts != nil {
			proto.Merge(s, f.facts)
		}
		e.Samples = append(e.Samples, s)
		used = append(used, u.folder.path(f.rel))
	}
	if len(e.GetSamples()) == 0 && len(e.GetMissingFingers()) == 0 {
		return nil, nil, nil
	}
	return e, used, nil
}
