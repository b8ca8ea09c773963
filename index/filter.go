package index

import (
	"math/bits"
	"slices"
	"sync/atomic"
)

// Filter bounds a search to a part of the rows. The zero value bounds nothing.
type Filter struct {
	// In: a row must be in at least one gallery of each list.
	In [][]Gallery
	// Without is a person never to be listed, if HasWithout. Its rows count as compared.
	Without    uint64
	HasWithout bool
	// MinQuality leaves out rows of less; those of unknown quality stay.
	MinQuality uint8
	// Sex, Nationalities and BirthYears leave out rows that have another one; rows of
	// which it is not known stay. Zero values leave out nothing. People lie about these
	// and clerks mistype them: who looks for duplicates or wanted people must not use
	// them, which is for the caller to refuse.
	Sex           uint8
	Nationalities []uint16 // any of them will do
	// BirthYears is the first and the last year, both included; 0, 0 for all.
	BirthYears [2]uint16
}

// biographic tells whether attributes have to be looked at.
func (f *Filter) biographic() bool {
	return f.MinQuality > 0 || f.Sex > 0 || len(f.Nationalities) > 0 || f.BirthYears != [2]uint16{}
}

// Lets tells whether rows with these attributes may be seen, as far as attributes go.
func (f *Filter) Lets(a *Attributes) bool {
	switch {
	case a.Quality > 0 && a.Quality-1 < f.MinQuality:
	case f.Sex > 0 && a.Sex > 0 && a.Sex != f.Sex:
	case len(f.Nationalities) > 0 && a.Nationality > 0 && !slices.Contains(f.Nationalities, a.Nationality):
	case f.BirthYears != [2]uint16{} && a.BirthYear > 0 && (a.BirthYear < f.BirthYears[0] || a.BirthYear > f.BirthYears[1]):
	default:
		return true
	}
	return false
}

// allowed sets the bits of the rows of one page that a search may see, and returns
// how many there are, and how many are alive.
func (v *view) allowed(out *page, f *Filter, number int) (allowed, alive int) {
	rows := min(v.count-number*pageRows, pageRows)
	dead := v.dead.page(number)
	for w := range out {
		word := ^uint64(0)
		if left := rows - 64*w; left < 64 {
			word = 1<<max(left, 0) - 1
		}
		if dead != nil {
			word &^= dead[w] // bits of rows that this version has never change
		}
		out[w] = word
		alive += bits.OnesCount64(word)
	}
	for _, anyOf := range f.In {
		var in page
		for _, g := range anyOf {
			if p := v.galleries[g].page(number); p != nil {
				for w := range in {
					in[w] |= atomic.LoadUint64(&p[w])
				}
			}
		}
		for w := range out {
			out[w] &= in[w]
		}
	}
	if f.biographic() {
		for w, word := range out {
			for ; word != 0; word &= word - 1 {
				r := bits.TrailingZeros64(word)
				if !f.Lets(&v.attributes[number*pageRows+64*w+r]) {
					out[w] &^= 1 << r
				}
			}
		}
	}
	for _, word := range out {
		allowed += bits.OnesCount64(word)
	}
	return allowed, alive
}
