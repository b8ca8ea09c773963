package synth

import "fmt"

// FaceRows makes face vectors of the recipe of World.Face for galleries of millions,
// about ten times as fast: in float32, and with Deviates for what is drawn for each
// axis. What is drawn once for a vector (clusters, spread) is drawn as for people,
// since that is where the heavy tail of the scores comes from. It makes other vectors
// than a World does, of people who fall into the same clusters. It never changes and
// may be used by several goroutines.
type FaceRows struct {
	seed             uint64
	dims             int
	recipe           recipe
	deviates         *Deviates
	mean, own, noise []float32
	coarse, fine     []float32 // clusters, row-major
}

// NewFaceRows prepares rows with dims (128 or 512) dimensions of the difficulty f in
// (0, 1]; see Config.FaceDifficulty. Rows of different seeds hold different people.
func NewFaceRows(seed uint64, dims int, f float64) (*FaceRows, error) {
	// Written so that NaN fails.
	if !(f > 0 && f <= 1) {
		return nil, fmt.Errorf("synthetic faces: difficulty %v, want more than 0 and at most 1", f)
	}
	g, err := newFaceGenerator(dims, f)
	if err != nil {
		return nil, fmt.Errorf("synthetic faces: %w", err)
	}
	return &FaceRows{
		seed: seed, dims: dims, recipe: g.recipe, deviates: NewDeviates(),
		mean: narrow(g.mean), own: narrow(g.own), noise: narrow(g.noise), coarse: narrow(g.coarse), fine: narrow(g.fine),
	}, nil
}

func narrow(v []float64) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	return out
}

// Fill sets out, of length dims, to one sample of a person's face, of length 1.
// Samples of one person are independent given the person. It panics on a negative
// person or sample and on another length.
func (r *FaceRows) Fill(out []float32, person, sample int) {
	checkIndex("person", person)
	checkIndex("face sample", sample)
	if len(out) != r.dims {
		panic(fmt.Sprintf("synth: face of %d values, want %d", len(out), r.dims))
	}
	identity := newStream(r.seed, drawRow, uint64(person), 0)
	noise := newStream(r.seed, drawRowSample, uint64(person), uint64(sample))
	c := &r.recipe
	z1 := int(identity.below(uint64(c.coarse)))
	z2 := int(identity.below(uint64(c.fine)))
	spreadPerson := float32(exp(float64(c.spreadPerson*identity.gauss()) - float64(c.spreadPerson*c.spreadPerson)))
	spreadSample := float32(exp(float64(c.spreadSample*noise.gauss()) - float64(c.spreadSample*c.spreadSample)))

	// The two draws of each axis side by side, in pieces that stay in the first cache.
	var e, w [64]float32
	c1, c2 := r.coarse[z1*r.dims:(z1+1)*r.dims], r.fine[z2*r.dims:(z2+1)*r.dims]
	for at := 0; at < r.dims; at += len(e) {
		n := min(len(e), r.dims-at)
		r.deviates.fill(e[:n], &identity)
		r.deviates.fill(w[:n], &noise)
		c1, c2, mean, own, wide, to := c1[at:][:n], c2[at:][:n], r.mean[at:][:n], r.own[at:][:n], r.noise[at:][:n], out[at:][:n]
		for k := range to {
			b := c1[k] + c2[k] + float32(own[k]*e[k])
			to[k] = mean[k] + float32(spreadPerson*b) + float32(spreadSample*float32(wide[k]*w[k]))
		}
	}
	unitLength(out)
}
