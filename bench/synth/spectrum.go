package synth

import (
	"embed"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The spectra are aggregates over thousands of people; each file states its
// origin in its first lines.
//
//go:embed spectrum/128.csv spectrum/512.csv
var spectrumFiles embed.FS

// spectrum describes the embeddings of one network in their eigenbasis, where
// axes are uncorrelated: no rotation is needed, because no cosine changes under
// one.
type spectrum struct {
	mean    []float64 // of all samples
	between []float64 // variance between people, >= 0; 0 beyond the rank of the network
	within  []float64 // variance within a person, >= 0
}

// readSpectrum reads the embedded spectrum of a dimension.
func readSpectrum(dims int) (spectrum, error) {
	name := fmt.Sprintf("spectrum/%d.csv", dims)
	text, err := spectrumFiles.ReadFile(name)
	if err != nil {
		return spectrum{}, fmt.Errorf("read face spectrum: %w", err)
	}
	s, err := parseSpectrum(string(text), dims)
	if err != nil {
		return spectrum{}, fmt.Errorf("read face spectrum %s: %w", name, err)
	}
	return s, nil
}

// parseSpectrum reads lines "mean,between,within"; lines that start with # are
// comments.
func parseSpectrum(text string, dims int) (spectrum, error) {
	s := spectrum{
		mean:    make([]float64, 0, dims),
		between: make([]float64, 0, dims),
		within:  make([]float64, 0, dims),
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, ",")
		if len(fields) != 3 {
			return spectrum{}, fmt.Errorf("axis %d: %d fields, want 3", len(s.mean), len(fields))
		}
		var v [3]float64
		for i, field := range fields {
			var err error
			if v[i], err = strconv.ParseFloat(field, 64); err != nil {
				return spectrum{}, fmt.Errorf("axis %d: %w", len(s.mean), err)
			}
		}
		// Written so that NaN fails; the bound keeps infinities out.
		if !(math.Abs(v[0]) <= 1 && v[1] >= 0 && v[1] <= 1 && v[2] >= 0 && v[2] <= 1) {
			return spectrum{}, fmt.Errorf("axis %d: mean %v and variances %v and %v, want a mean of -1..1 and variances of 0..1",
				len(s.mean), v[0], v[1], v[2])
		}
		s.mean = append(s.mean, v[0])
		s.between = append(s.between, v[1])
		s.within = append(s.within, v[2])
	}
	if len(s.mean) != dims {
		return spectrum{}, fmt.Errorf("%d axes, want %d", len(s.mean), dims)
	}
	return s, nil
}
