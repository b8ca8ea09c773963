package synth

import (
	"fmt"
	"math"
)

// clusterSeed is the seed of the clusters of look-alikes. It does not depend on
// Config.Seed: shards and strangers share the clusters, as real populations
// share families and regions, and that is what gives the non-mated scores their
// heavy tail.
const clusterSeed = 0x6c6f6f6b616c696b // "lookalik"

// recipe holds what a spectrum does not: clusters and spread of one network,
// fitted together with the spectrum on people of Labeled Faces in the Wild and
// checked on others (Kolmogorov-Smirnov distance 0.01-0.03 mated, 0.02-0.03
// non-mated, tail quantiles within about 0.02 down to 1e-6).
type recipe struct {
	coarse, fine           int     // number of coarse and of fine clusters
	coarseShare, fineShare float64 // their shares of the variance between people
	spreadPerson           float64 // kappa: lognormal spread of a person's distance from the mean
	spreadSample           float64 // tau: lognormal spread of a sample's noise, which is its quality
}

// recipeOf returns the fitted recipe of the network with this many dimensions.
func recipeOf(dims int) (recipe, error) {
	switch dims {
	case 128:
		return recipe{coarse: 32, coarseShare: 0.22, fine: 500, fineShare: 0.25, spreadSample: 0.25, spreadPerson: 0.15}, nil
	case 512:
		return recipe{coarse: 64, coarseShare: 0.26, fine: 250, fineShare: 0.25, spreadSample: 0.2, spreadPerson: 0.2}, nil
	}
	return recipe{}, fmt.Errorf("face dimensions %d, want 128 or 512", dims)
}

// faceGenerator makes face vectors in O(dims) each:
//
//	person: b = sqrt(lambda) * (sqrt(r1) c1[z1] + sqrt(r2) c2[z2] + sqrt(1-r1-r2) e) * exp(kappa g - kappa^2)
//	sample: x = normalize(mean + b + exp(tau h - tau^2) * sqrt(nu) * w)
//
// with e, w ~ N(0, I), g, h ~ N(0, 1), and z1, z2 uniform over the clusters.
type faceGenerator struct {
	dims   int
	recipe recipe
	mean   []float64
	own    []float64 // sqrt(lambda (1-r1-r2)): what is a person's own
	noise  []float64 // sqrt(nu)
	coarse []float64 // coarse clusters, row-major, scaled by sqrt(lambda r1)
	fine   []float64 // fine clusters, row-major, scaled by sqrt(lambda r2)
}

// newFaceGenerator prepares the generator at difficulty f in (0, 1]: the
// variance within a person is multiplied by f, and the energy freed goes to the
// variance between people by one factor for all axes, so that the shape of that
// spectrum stays. Giving each axis its own freed energy would flatten it and make
// strangers easier: measured once with 100,000 enrolled at f = 0.5 and a false
// positive share of 0.3 %, 5.3 % of returns were missed that way, 6.8 % this way,
// where the fit had about 6.5 %.
func newFaceGenerator(dims int, f float64) (*faceGenerator, error) {
	r, err := recipeOf(dims)
	if err != nil {
		return nil, err
	}
	s, err := readSpectrum(dims)
	if err != nil {
		return nil, err
	}
	g := &faceGenerator{
		dims: dims, recipe: r, mean: s.mean,
		own: make([]float64, dims), noise: make([]float64, dims),
	}
	sumBetween, sumWithin := 0.0, 0.0
	for k := range dims {
		sumBetween += s.between[k]
		sumWithin += s.within[k]
	}
	gain := 1 + float64((1-f)*sumWithin/sumBetween)
	between := make([]float64, dims)
	for k := range dims {
		g.noise[k] = math.Sqrt(f * s.within[k])
		between[k] = math.Sqrt(gain * s.between[k])
		g.own[k] = between[k] * math.Sqrt(1-r.coarseShare-r.fineShare)
	}
	g.coarse = clusters(dims, 0, r.coarse, math.Sqrt(r.coarseShare), between)
	g.fine = clusters(dims, 1, r.fine, math.Sqrt(r.fineShare), between)
	return g, nil
}

// clusters draws n centers of one level, scaled to their share of the variance.
func clusters(dims, level, n int, share float64, between []float64) []float64 {
	rows := make([]float64, n*dims)
	for i := range n {
		s := newStream(clusterSeed, drawClusters, uint64(i), uint64(level)<<32|uint64(dims))
		for k := range dims {
			rows[i*dims+k] = float64(share * between[k] * s.gauss())
		}
	}
	return rows
}

// FaceModel names the synthetic network and its difficulty. Vectors of worlds
// with different names must not be compared. The name is one that templates takes.
func (w *World) FaceModel() string {
	return fmt.Sprintf("synth-%d-f%g", w.config.FaceDims, w.config.FaceDifficulty)
}

// Face returns one sample of a person's face: FaceDims values of Euclidean
// length 1. Different samples of one person are independent given the person.
// It panics on a negative argument.
func (w *World) Face(person, sample int) []float32 {
	checkIndex("person", person)
	checkIndex("face sample", sample)
	identity := newStream(w.config.Seed, drawFace, uint64(person), 0)
	noise := newStream(w.config.Seed, drawFaceSample, uint64(person), uint64(sample))
	return w.faces.sample(&identity, &noise)
}

func (g *faceGenerator) sample(identity, noise *stream) []float32 {
	r := g.recipe
	z1 := int(identity.below(uint64(r.coarse)))
	z2 := int(identity.below(uint64(r.fine)))
	person := exp(float64(r.spreadPerson*identity.gauss()) - float64(r.spreadPerson*r.spreadPerson))
	spread := exp(float64(r.spreadSample*noise.gauss()) - float64(r.spreadSample*r.spreadSample))

	c1 := g.coarse[z1*g.dims : (z1+1)*g.dims]
	c2 := g.fine[z2*g.dims : (z2+1)*g.dims]
	x := make([]float64, g.dims)
	sum := 0.0
	for k := range x {
		b := c1[k] + c2[k] + float64(g.own[k]*identity.gauss())
		v := g.mean[k] + float64(person*b) + float64(spread*g.noise[k]*noise.gauss())
		x[k] = v
		sum += float64(v * v)
	}
	scale := 1 / math.Sqrt(sum)
	unit := make([]float32, g.dims)
	for k, v := range x {
		unit[k] = float32(v * scale)
	}
	return unit
}
