package imaging

import "math"

// The weights below are float64 with every product rounded by an explicit conversion,
// so that no compiler joins it with a sum (FMA) and changes the last bit.

// newTaps makes the taps of n new pixels out of a side of old ones. For each, weigh
// gives the first old pixel (it may lie outside) and fills the weights, 0 before, of
// width of them; pixels outside are those of the border.
func newTaps(old, n, width int, weigh func(i int, weights []float64) (first int)) taps {
	exact := make([]float64, width)
	width = min(width, old)
	t := taps{first: make([]int32, n), weights: make([]int32, n*width), width: width}
	inside := make([]float64, width)
	for i := range n {
		clear(exact)
		clear(inside)
		first := weigh(i, exact)
		start := min(max(first, 0), old-width)
		sum := 0.0
		for j, w := range exact {
			at := min(max(first+j, 0), old-1) - start
			if w != 0 {
				inside[min(max(at, 0), width-1)] += w
				sum += w
			}
		}
		t.first[i] = int32(start)
		fix(t.weights[i*width:][:width], inside, sum)
	}
	return t
}

// fix rounds weights so that they sum to 1 exactly: a flat area stays as it is. What
// is missing goes to the largest.
func fix(fixed []int32, exact []float64, sum float64) {
	left, largest := int32(1)<<weightBits, 0
	for i, w := range exact {
		fixed[i] = int32(math.Round(float64(w/sum) * (1 << weightBits)))
		left -= fixed[i]
		if fixed[i] > fixed[largest] {
			largest = i
		}
	}
	fixed[largest] += left
}

// area weighs old pixels by how much of them a new one covers, for step >= 1 old
// pixels to a new one.
func area(old, n int, step float64) taps {
	return newTaps(old, n, int(math.Ceil(step))+1, func(i int, weights []float64) int {
		from, to := float64(float64(i)*step), float64(float64(i+1)*step)
		first := int(from)
		for j := range weights {
			at := float64(first + j)
			weights[j] = max(0, min(at+1, to)-max(at, from))
		}
		return first
	})
}

const lanczosLobes = 3

// lanczos weighs the old pixels around the centre of a new one: six of them upwards,
// downwards as many more as the new pixels are larger, so that what the new ones cannot
// hold is left out.
func lanczos(old, n int, step float64) taps {
	wide := max(step, 1)
	reach := float64(lanczosLobes * wide)
	return newTaps(old, n, int(math.Ceil(2*reach))+1, func(i int, weights []float64) int {
		centre := float64((float64(i)+0.5)*step) - 0.5
		first := int(math.Floor(centre-reach)) + 1
		for j := range weights {
			if x := (centre - float64(first+j)) / wide; math.Abs(x) < lanczosLobes {
				weights[j] = lanczosAt(x)
			}
		}
		return first
	})
}

// lanczosAt is sinc(x) * sinc(x/3) for |x| < 3.
func lanczosAt(x float64) float64 {
	if x == 0 {
		return 1
	}
	return float64(float64(sinPi(x)*sinPi(x/lanczosLobes))*lanczosLobes) / float64(float64(math.Pi*math.Pi)*float64(x*x))
}

// sinPi is sin(pi*x), by a series whose every step is rounded: math.Sin differs in its
// last bits from machine to machine. The error is below 1e-12.
func sinPi(x float64) float64 {
	whole := math.Round(x)
	x = float64((x - whole) * math.Pi) // -pi/2..pi/2
	term, sum := x, x
	for k := 2.0; k < 20; k += 2 {
		term = -float64(float64(term*float64(x*x)) / float64(k*(k+1)))
		sum += term
	}
	if int(whole)%2 != 0 {
		return -sum
	}
	return sum
}
