package engine

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"immis/index"
	"immis/templates"
)

// filter says which subjects a search may put forward, and on which of their
// references.
type filter struct {
	principal string
	galleries []*gallery
	without   *subject
	narrow    *narrowing // nil: not
	// everyone passes what no principal but the system may search.
	everyone bool
}

// newFilter checks what a request narrows its search by. Errors: *templates.InputError,
// ErrNotFound for a gallery.
func (e *Engine) newFilter(c Caller, galleries []string, by *SearchFilter) (*filter, error) {
	if err := checkCount("galleries", len(galleries), maxGalleries); err != nil {
		return nil, err
	}
	if err := checkFilter(by, c.Purpose); err != nil {
		return nil, err
	}
	f := &filter{principal: c.Principal, narrow: by.narrowing()}
	for _, id := range galleries {
		if id == everyone {
			f.galleries = nil
			return f, nil
		}
		g, err := e.readableGallery(c, id)
		if err != nil {
			return nil, err
		}
		f.galleries = append(f.galleries, g)
	}
	return f, nil
}

// biographic tells whether a search is narrowed by what people say of themselves.
func (s *SearchFilter) biographic() bool {
	return s.Sex != 0 || len(s.Nationalities) > 0 || s.BirthYearFrom != 0 || s.BirthYearTo != 0
}

// checkFilter refuses what cannot be meant, and biographic values where a search is
// for people who hide: who comes back under another birth year would be left out by
// the very value that was changed.
func checkFilter(s *SearchFilter, p Purpose) error {
	if s.biographic() && (p == PurposeDeduplication || p == PurposeWatchlist) {
		return templates.Bad(ReasonFilter, "filter", "sex, nationality or birth year in a search for duplicates or wanted people",
			"none of them for this purpose: who comes back under other data would be left out")
	}
	seen := map[templates.Modality]bool{}
	for i, m := range s.Modalities {
		if m < templates.ModalityFace || m > templates.ModalityIris || seen[m] {
			return templates.Bad(ReasonModality, fmt.Sprintf("filter.modalities[%d]", i), uint8(m), "face, finger or iris, each once")
		}
		seen[m] = true
	}
	switch {
	case s.MinQuality > 100:
		return templates.Bad(templates.ReasonOutOfRange, "filter.min_quality", s.MinQuality, "0..100")
	case s.Sex > 3:
		return templates.Bad(templates.ReasonOutOfRange, "filter.sex", s.Sex, "0..3")
	}
	if err := checkNationalities("filter.nationalities", s.Nationalities); err != nil {
		return err
	}
	for _, y := range []struct {
		name string
		year int
	}{{"filter.birth_year_from", s.BirthYearFrom}, {"filter.birth_year_to", s.BirthYearTo}} {
		if y.year != 0 && (y.year < earliestBirth || y.year > 9999) {
			return templates.Bad(templates.ReasonOutOfRange, y.name, y.year, fmt.Sprintf("%d..9999, or 0", earliestBirth))
		}
	}
	if s.BirthYearTo != 0 && s.BirthYearFrom > s.BirthYearTo {
		return templates.Bad(templates.ReasonOutOfRange, "filter.birth_year_from", s.BirthYearFrom, "at most birth_year_to")
	}
	return nil
}

// keep drops the views of other modalities than the given ones; none: all stay.
func (p *probe) keep(modalities []templates.Modality) error {
	if len(modalities) == 0 {
		return nil
	}
	if !slices.Contains(modalities, templates.ModalityFace) {
		p.faces = nil
	}
	if !slices.Contains(modalities, templates.ModalityFinger) {
		p.fingers = nil
	}
	if p.empty() {
		return &Error{Reason: ReasonNotSearchable, Err: ErrPrecondition, What: "filter.modalities", Got: "a probe without them", Want: "a modality that the probe has and that searches compare"}
	}
	return nil
}

// narrowing is a SearchFilter as references are held against it, in the index and
// beside it.
type narrowing index.Filter

// narrowing returns nil where nothing is left out.
func (s *SearchFilter) narrowing() *narrowing {
	if !s.biographic() && s.MinQuality == 0 {
		return nil
	}
	n := &narrowing{MinQuality: s.MinQuality, Sex: s.Sex}
	for _, code := range s.Nationalities {
		n.Nationalities = append(n.Nationalities, nationality(code))
	}
	if s.BirthYearFrom != 0 || s.BirthYearTo != 0 {
		n.BirthYears = [2]uint16{uint16(s.BirthYearFrom), uint16(s.BirthYearTo)}
		if s.BirthYearTo == 0 {
			n.BirthYears[1] = 9999
		}
	}
	return n
}

// lets tells whether a view of an encounter may be compared.
func (n *narrowing) lets(enc *encounter, quality uint8) bool {
	if n == nil {
		return true
	}
	a := enc.with(quality)
	return (*index.Filter)(n).Lets(&a)
}

// letsAny tells whether some view of an encounter may be compared.
func (n *narrowing) letsAny(enc *encounter) bool {
	return slices.ContainsFunc(enc.faces, func(f faceRow) bool { return n.lets(enc, f.quality) }) ||
		slices.ContainsFunc(enc.fingers, func(f fingerView) bool { return n.lets(enc, f.quality) })
}

// attributesOf are what an encounter states, in the numbers of the index; quality is
// not among them. Several nationalities become none: all of them are the person's,
// and none may leave the person out.
func attributesOf(b *Biographic) index.Attributes {
	a := index.Attributes{Sex: b.Sex}
	if len(b.Nationalities) == 1 {
		a.Nationality = nationality(b.Nationalities[0])
	}
	if len(b.BirthDate) >= 4 {
		if year, err := strconv.ParseUint(b.BirthDate[:4], 10, 16); err == nil {
			a.BirthYear = uint16(year)
		}
	}
	return a
}

// nationality is the number of a code of one to three capital letters.
func nationality(code string) uint16 {
	n := uint16(0)
	for i := range len(code) {
		n = 27*n + uint16(code[i]-'A') + 1
	}
	return n
}

// qualityOf is a stated quality as the index has it: 0 unknown, else one more.
func qualityOf(stated uint8) uint8 {
	if stated == templates.QualityUnknown {
		return 0
	}
	return stated + 1
}

// with are the attributes of one view.
func (enc *encounter) with(quality uint8) index.Attributes {
	a := enc.attributes
	a.Quality = quality
	return a
}

// seesAll tells whether the principal may see everybody.
func (f *filter) seesAll(r *register) bool { return f.everyone || r.readsAll(f.principal) }

// rows is the filter as the index knows it.
func (f *filter) rows(r *register) index.Filter {
	var out index.Filter
	if f.narrow != nil {
		out = index.Filter(*f.narrow)
	}
	if f.without != nil {
		out.Without, out.HasWithout = f.without.person, true
	}
	if len(f.galleries) > 0 {
		out.In = append(out.In, numbers(f.galleries))
	}
	if readable, all := r.readable(f.principal); !all && !f.everyone {
		out.In = append(out.In, append(readable, noGallery))
	}
	return out
}

// accepts tells whether a subject may be put forward, on some of its references.
func (f *filter) accepts(s *subject, st *subjectState) bool {
	switch {
	case st == nil || s == f.without || !f.everyone && !st.visible(f.principal):
		return false
	case len(f.galleries) > 0 && !slices.ContainsFunc(f.galleries, func(g *gallery) bool { return slices.Contains(st.galleries, g) }):
		return false
	}
	return f.narrow == nil || slices.ContainsFunc(st.encounters, f.narrow.letsAny)
}

// reach is what a filter leaves of the register.
type reach struct {
	subjects uint64
	// faces are comparisons of the probe's faces to be made, excluded face rows of the
	// probe's models that are left out.
	faces, excluded uint64
}

func (f *filter) reach(ctx context.Context, p *probe, all []*subject) (reach, error) {
	var out reach
	for i, s := range all {
		if i%16384 == 0 && ctx.Err() != nil {
			return reach{}, ctx.Err()
		}
		st := s.state.Load()
		if st == nil || s == f.without {
			continue
		}
		in := f.accepts(s, st)
		if in {
			out.subjects++
		}
		for _, enc := range st.encounters {
			for _, row := range enc.faces {
				views := p.facesOf(row.model.name)
				switch {
				case in && f.narrow.lets(enc, row.quality):
					out.faces += views
				case views > 0:
					out.excluded++
				}
			}
		}
	}
	return out, nil
}
