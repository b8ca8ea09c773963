package main

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"filippo.io/age"

	"immis/templates"
)

type importFilesCmd struct {
	client
	importFlags
	Paths       []string `arg:"" name:"path" help:"Folders, samples, CSV manifests."`
	SubjectBy   string   `enum:"file,folder" default:"file" help:"What is one person: each file, named by its path without extension; or each folder, whose files are one encounter (default ${default})."`
	Pattern     string   `placeholder:"RE" help:"Regular expression that finds the person in a file's path: named groups subject, encounter, position, modality. Files of one subject and encounter that follow each other are one encounter."`
	Modality    string   `enum:",face,finger,iris" default:"" help:"What the images show whose format does not tell: face, finger or iris."`
	Position    string   `placeholder:"POSITION" help:"Finger position to record; default: what each record says."`
	Resolution  float64  `placeholder:"PPI" help:"Resolution of finger images that state none, 100-2000."`
	Model       string   `placeholder:"NAME" help:"Model of the face vectors."`
	KeepImages  bool     `help:"Keep the bytes of images, sealed."`
	SkipUnknown bool     `help:"Pass over files whose format is not recognized, instead of rejecting them."`
	Add         bool     `help:"Add encounters to people who are enrolled already."`
	Job         string   `placeholder:"NAME" help:"Tells this import from others of the same names: another name enrolls again what was deleted since."`
	AgeIdentity []string `placeholder:"FILE" type:"existingfile" help:"Identities (age-keygen) with which files sealed by age are opened."`
}

// Help implements kong.HelpProvider.
func (*importFilesCmd) Help() string {
	return `Each PATH is a folder (its files in the order of their names, then its subfolders), a sample, or a CSV manifest; a folder with a manifest.csv is imported by it. Formats are recognized by content, face vectors by the extensions .f32, .f16 and .i8 (with --model).

A manifest has a header line, "," or ";" between its columns, one record per line, UTF-8. Rows of one subject and encounter that follow each other are one encounter. Columns: subject and file (relative to the manifest; both required), encounter (default 1), time, modality, position, model, resolution_ppi, quality, quality_algorithm, capture_device, extractor, captured, missing_fingers (right-thumb=amputated|left-ring=unable), station, operator, gallery (several by |), surname, given_names, patronymic, birth_date, birth_place, sex, nationality (several by |), document_type, document_number, document_issuer, document_expiry.

A record that is wrong is rejected, listed (--rejects: file, offset in bytes, reason, message), and the import goes on; it ends with 1 when anything was rejected. An encounter is taken whole or not at all.

An import that was interrupted is started again with the same command: nothing is enrolled twice, because a subject and its encounter name the request to the server. Where the content or an option changed since, the record is rejected (REQUEST_ID_REUSED). With --journal what is done is not even asked about. A server that is overloaded or restarts is waited for.

Examples:
  immis import --purpose permit --gallery residents people.csv --journal done --rejects rejects.csv
  immis import --purpose test records/
  immis import --purpose visa scans/ --pattern '(?P<subject>[^/_]+)_(?P<position>[a-z-]+)\.wsq$' --keep-images
  immis import --purpose visa portraits/ --subject-by folder --modality face --skip-unknown
  immis import --purpose test export/manifest.csv.age --age-identity key.txt

` + importJSONHelp
}

// filesImport is an import of files under way.
type filesImport struct {
	c          *importFilesCmd
	a          *app
	stated     stated
	pattern    *regexp.Regexp
	identities []age.Identity
	ignored    atomic.Uint64
}

// Run imports.
func (c *importFilesCmd) Run(a *app) error {
	m := &filesImport{c: c, a: a, stated: stated{model: c.Model, ppi: c.Resolution}}
	var err error
	if c.Modality != "" {
		if m.stated.anyModality, err = parseModality(c.Modality); err != nil {
			return err
		}
	}
	if c.Position != "" {
		if m.stated.anyPosition, err = parsePosition(c.Position); err != nil {
			return err
		}
	}
	if m.pattern, err = compilePattern(c.Pattern, c.SubjectBy); err != nil {
		return err
	}
	if m.identities, err = readIdentities(c.AgeIdentity); err != nil {
		return err
	}
	roots := make([]*inputPath, len(c.Paths))
	defer func() {
		for _, r := range roots {
			if r != nil {
				_ = r.folder.root.Close()
			}
		}
	}()
	for i, p := range c.Paths {
		if roots[i], err = m.open(p); err != nil {
			return err
		}
	}
	ctx, stop := context.WithCancel(a.ctx)
	defer stop()
	total, counted := m.count(ctx, roots)
	defer func() { stop(); <-counted }()
	err = c.importPeople(a, c.importFlags, importJob{
		id: jobID("files", c.Job), addTo: c.Add, total: total,
		people: func(yield func(person) bool) {
			to := &collector{m: m, yield: yield}
			for _, r := range roots {
				if !r.read(m, to) {
					return
				}
			}
			to.flush()
		},
	})
	if n := m.ignored.Load(); n > 0 {
		a.printf("%d files were passed over: format not recognized\n", n)
	}
	return err
}

// compilePattern checks that the groups of a pattern have a meaning here.
func compilePattern(text, by string) (*regexp.Regexp, error) {
	if text == "" {
		return nil, nil
	}
	if by != "file" {
		return nil, usage("give --subject-by or --pattern, not both")
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, usage("pattern: %v", err)
	}
	for i, g := range re.SubexpNames() {
		if i > 0 && !slices.Contains([]string{"", "subject", "encounter", "position", "modality"}, g) {
			return nil, usage("pattern group %q, want subject, encounter, position or modality", g)
		}
	}
	if re.SubexpIndex("subject") < 0 {
		return nil, usage("pattern without a group subject, want one such as '(?P<subject>[^_]+)'")
	}
	return re, nil
}

// inputPath is one PATH.
type inputPath struct {
	folder *folder
	// file is the only file to be taken, "" for the whole folder.
	file     string
	manifest bool
}

const manifestName = "manifest.csv"

func (m *filesImport) open(p string) (*inputPath, error) {
	info, err := os.Stat(p)
	if err != nil {
		return nil, usage("%v", err)
	}
	in, dir := &inputPath{}, p
	if !info.IsDir() {
		dir, in.file = filepath.Dir(p), filepath.Base(p)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, usage("%v", err)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, usage("%v", err)
	}
	in.folder = &folder{root: root, shown: filepath.ToSlash(filepath.Clean(dir)), name: filepath.Base(abs), identities: m.identities}
	for _, name := range []string{manifestName, manifestName + ageExt} {
		if info.IsDir() && in.file == "" {
			if at, err := root.Stat(name); err == nil && at.Mode().IsRegular() {
				in.file, in.manifest = name, true
			}
		}
	}
	if in.file != "" {
		isOne, err := in.folder.isManifest(in.file)
		if err != nil {
			return nil, usage("read %s: %v", p, err)
		}
		if in.manifest && !isOne {
			return nil, usage("%s is no manifest, want a header line with the columns subject and file", in.folder.path(in.file))
		}
		in.manifest = isOne
	}
	return in, nil
}

// count counts the files beside the import; the sum is 0 until it is known, and where
// it is not.
func (m *filesImport) count(ctx context.Context, roots []*inputPath) (total func() uint64, counted <-chan struct{}) {
	var n atomic.Uint64
	done := make(chan struct{})
	go func() {
		defer close(done)
		sum := uint64(0)
		for _, r := range roots {
			switch {
			case r.manifest:
				return
			case r.file != "":
				sum++
			default:
				sum += countFiles(ctx, r.folder.root, ".")
			}
		}
		n.Store(sum)
	}()
	return n.Load, done
}

// read gives the records of a PATH to the collector; false: the import has ended.
func (r *inputPath) read(m *filesImport, to *collector) bool {
	switch {
	case r.manifest:
		return r.folder.readManifest(m, r.file, to)
	case r.file != "":
		return to.addFile(r.folder, r.file)
	}
	return walk(r.folder.root, ".", walkNames, func(rel string, typ fs.FileMode, err error) bool {
		switch {
		case err != nil:
			return to.reject(&rejection{File: r.folder.path(rel), Reason: "UNREADABLE", Message: err.Error()})
		case !typ.IsRegular():
			if m.c.SkipUnknown {
				m.ignored.Add(1)
				return true
			}
			return to.reject(&rejection{File: r.folder.path(rel), Reason: string(templates.ReasonUnsupported), Message: "is not a regular file; symbolic links are not followed"})
		}
		return to.addFile(r.folder, rel)
	})
}

// named says whose a file is and what it shows, by its path.
func (m *filesImport) named(f *folder, rel string) (subject, encounter string, st stated, problem string) {
	st = m.stated
	stem := strings.TrimSuffix(rel, ageExt)
	stem = strings.TrimSuffix(stem, path.Ext(stem))
	if m.pattern == nil {
		if m.c.SubjectBy == "file" {
			return stem, defaultEncounter, st, ""
		}
		if dir := path.Dir(rel); dir != "." {
			return dir, defaultEncounter, st, ""
		}
		return f.name, defaultEncounter, st, ""
	}
	groups := m.pattern.FindStringSubmatch(rel)
	if groups == nil {
		return "", "", st, "path does not match --pattern"
	}
	group := func(name string) string {
		if i := m.pattern.SubexpIndex(name); i >= 0 {
			return groups[i]
		}
		return ""
	}
	if subject = group("subject"); subject == "" {
		return "", "", st, "path has an empty group subject"
	}
	if encounter = group("encounter"); encounter == "" {
		encounter = defaultEncounter
	}
	if v := group("modality"); v != "" {
		v, err := parseModality(strings.ToLower(v))
		if err != nil {
			return "", "", st, err.Error()
		}
		st.modality = v
	}
	if v := group("position"); v != "" {
		v, err := parsePosition(strings.ReplaceAll(strings.ToLower(v), "_", "-"))
		if err != nil {
			return "", "", st, err.Error()
		}
		st.position = v
	}
	return subject, encounter, st, ""
}

// defaultEncounter names the only encounter of a person.
const defaultEncounter = "1"
