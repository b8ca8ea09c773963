package main

import (
	"fmt"
	"os"
	"path/filepath"

	"immis/bench"
	"immis/bench/synth"
	"immis/templates"
)

// writeSamples writes a face and both index fingers of one synthetic person as they
// were taken at two visits, so that enroll, identify and verify can be tried
// without any data of one's own.
func (a *app) writeSamples(dir string, seed uint64, difficulty float64) error {
	w, err := synth.New(synth.Config{Seed: seed, People: 1, FaceDifficulty: difficulty})
	if err != nil {
		return usage("%v", err)
	}
	var files []string
	for visit, name := range []string{"first", "second"} {
		folder := filepath.Join(dir, name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("make folder of samples: %w", err)
		}
		samples := map[string][]byte{"face.f32": bench.EncodeVector(w.Face(0, visit))}
		for file, position := range map[string]templates.Position{"right-index.fmr": templates.RightIndex, "left-index.fmr": templates.LeftIndex} {
			record, err := bench.EncodeFinger(w.Finger(0, position, visit))
			if err != nil {
				return err
			}
			samples[file] = record
		}
		for file, data := range samples {
			path := filepath.Join(folder, file)
			if err := os.WriteFile(path, data, 0o644); err != nil {
				return fmt.Errorf("write sample: %w", err)
			}
			files = append(files, path)
		}
	}
	if a.json {
		return a.printValue(map[string]any{"folder": dir, "model": w.FaceModel(), "files": len(files)})
	}
	a.printf("%d samples of a synthetic person in %s: first and second visit; model of the faces: %s\n", len(files), dir, w.FaceModel())
	return nil
}

// writeRecords writes the right index fingers of many synthetic people, a thousand
// files a folder.
func (a *app) writeRecords(dir string, people int, seed uint64) error {
	w, err := synth.New(synth.Config{Seed: seed, People: people})
	if err != nil {
		return usage("%v", err)
	}
	work := a.progress("written")
	defer work.end()
	for i := range people {
		folder := filepath.Join(dir, fmt.Sprintf("%05d", i/1000))
		if i%1000 == 0 {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return fmt.Errorf("make folder of samples: %w", err)
			}
		}
		record, err := bench.EncodeFinger(w.Finger(i, templates.RightIndex, 0))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("p%07d.fmr", i)), record, 0o644); err != nil {
			return fmt.Errorf("write sample: %w", err)
		}
		work.update(uint64(i+1), uint64(people))
	}
	a.printf("%d finger records of synthetic people in %s\n", people, dir)
	return nil
}
