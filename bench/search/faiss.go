package search

import (
	"bufio"
	"bytes"
	"context"
	_ "embed" // the program that is compiled where a libfaiss is found
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"immis/internal/simd"
)

// Faiss is what a libfaiss of this machine did with the same rows and probes, in one
// thread of a process of its own.
type Faiss struct {
	// Skipped says why there is nothing, "" if there is.
	Skipped string `json:"skipped,omitempty"`
	Version string `json:"version"`
	// Options are those it was compiled with, as it says itself: the instruction sets.
	Options string `json:"options"`
	Index   string `json:"index"`
	// BuildSeconds is the time to train it and to add the rows.
	BuildSeconds float64 `json:"build_seconds"`
	OnePerCore   float64 `json:"one_per_core_second"`
	BatchPerCore float64 `json:"batch_per_core_second"`
	// Seen are probes whose mate the exact search ranks first, Lost those of them where
	// libfaiss does not.
	Seen int `json:"seen"`
	Lost int `json:"lost"`
}

// counts tells whether a ratio to it says something: an old version, or one for any
// machine, is no peer.
func (f *Faiss) counts() bool {
	major, rest, _ := strings.Cut(f.Version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(minor)
	return errA == nil && errB == nil && (a > 1 || a == 1 && b >= 15) && strings.Contains(f.Options, "AVX512")
}

//go:embed faiss/compare.cpp
var faissProgram []byte

// faissCandidates are scored again for each candidate wanted: the depth at which the
// index of the comparison missed no mate.
const faissCandidates = 30

// faiss compares with libfaiss, where asked for.
func (r *run) faiss(ctx context.Context, src source) (err error) {
	if !r.Faiss {
		return nil
	}
	if r.Dim%4 != 0 {
		r.res.Faiss = &Faiss{Skipped: "dimensions are no multiple of 4"}
		return nil
	}
	folder, err := os.MkdirTemp("", "immis-faiss-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	program, why := buildFaiss(ctx, folder)
	if why != "" {
		r.res.Faiss = &Faiss{Skipped: why}
		return ctx.Err()
	}
	rows := filepath.Join(folder, "rows")
	if err := r.writeRows(ctx, rows, src); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	c := exec.CommandContext(ctx, program, rows, strconv.Itoa(src.rows()), strconv.Itoa(r.Dim), strconv.Itoa(src.probes()),
		strconv.Itoa(faissCandidates), strconv.FormatFloat(r.Duration.Seconds(), 'f', -1, 64))
	c.Env = append(os.Environ(), "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1")
	if hasAVX512() {
		// OpenBLAS does not know machines younger than itself and falls back to kernels of
		// half the speed; this one runs on all that have AVX-512.
		c.Env = append(c.Env, "OPENBLAS_CORETYPE=SKYLAKEX")
	}
	var out, complaint bytes.Buffer
	c.Stdout, c.Stderr = &out, &complaint
	if err := c.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.res.Faiss = &Faiss{Skipped: fmt.Sprintf("the program with libfaiss ended: %v %s", err, firstLine(complaint.String()))}
		return nil
	}
	f := &Faiss{}
	if err := json.Unmarshal(out.Bytes(), f); err != nil {
		return fmt.Errorf("read the answer of the program with libfaiss: %w", err)
	}
	r.res.Faiss = f
	return nil
}

func hasAVX512() bool {
	for _, k := range simd.Kernels() {
		if k.Level == simd.AVX512 && len(k.Lacks) == 0 {
			return true
		}
	}
	return false
}

// buildFaiss compiles the program, or says why it cannot.
func buildFaiss(ctx context.Context, folder string) (program, why string) {
	compiler, err := exec.LookPath("g++")
	if err != nil {
		return "", "no g++ on this machine"
	}
	source, object, program := filepath.Join(folder, "compare.cpp"), filepath.Join(folder, "compare.o"), filepath.Join(folder, "compare")
	if err := os.WriteFile(source, faissProgram, 0o600); err != nil {
		return "", err.Error()
	}
	if out, err := exec.CommandContext(ctx, compiler, "-O2", "-std=c++17", "-fopenmp", "-c", source, "-o", object).CombinedOutput(); err != nil {
		return "", "no libfaiss on this machine: g++: " + firstLine(string(out))
	}
	// A build for AVX-512 has a name of its own beside the one for any machine. Static
	// libraries need to be told of their algebra.
	var names []string
	if hasAVX512() {
		names = append(names, "-lfaiss_avx512")
	}
	said := ""
	for _, name := range append(names, "-lfaiss") {
		for _, algebra := range [][]string{{}, {"-lopenblas"}, {"-llapack", "-lblas"}} {
			args := append([]string{"-fopenmp", object, "-o", program, name}, algebra...)
			out, err := exec.CommandContext(ctx, compiler, args...).CombinedOutput()
			if err == nil {
				return program, ""
			}
			said = firstLine(string(out))
		}
	}
	return "", "no libfaiss that can be linked on this machine: " + said
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

// writeRows writes rows, probes and for each probe its mate, as the program reads them.
func (r *run) writeRows(ctx context.Context, path string, src source) (err error) {
	f, err := os.OpenFile(filepath.Clean(path), os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	cores := runtime.GOMAXPROCS(0)
	pieces := make([][]byte, cores)
	for at := 0; at < src.rows(); at += cores * fillBatch {
		if err := ctx.Err(); err != nil {
			return err
		}
		var group errgroup.Group
		for c := range pieces {
			group.Go(func() error {
				row := make([]float32, r.Dim)
				pieces[c] = pieces[c][:0]
				first := at + c*fillBatch
				for i := first; i < min(first+fillBatch, src.rows()); i++ {
					src.fill(row, i)
					pieces[c] = appendFloats(pieces[c], row)
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for _, p := range pieces {
			if _, err := w.Write(p); err != nil {
				return err
			}
		}
		r.Progress.Tell(PhaseFaiss, min(at+cores*fillBatch, src.rows()), src.rows())
	}
	if err := r.writeProbes(w, src); err != nil {
		return err
	}
	return w.Flush()
}

func (r *run) writeProbes(w io.Writer, src source) error {
	var line []byte
	for i := range src.probes() {
		line = appendFloats(line[:0], src.probe(i).vector)
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	line = line[:0]
	for _, key := range r.mates {
		line = binary.LittleEndian.AppendUint64(line, uint64(key))
	}
	_, err := w.Write(line)
	return err
}

func appendFloats(b []byte, v []float32) []byte {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}
