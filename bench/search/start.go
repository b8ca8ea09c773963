package search

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"immis/bench"
	"immis/index"
	"immis/index/segfile"
)

// Start is how long an index takes from its files until it searches: files opened,
// decrypted and checked, rows claimed and counted. What a register does besides, to know
// which rows it wants, is not in it; bench restart measures the whole.
type Start struct {
	// SaveSeconds is how long the files took to write, FileBytes their size.
	SaveSeconds float64 `json:"save_seconds"`
	FileBytes   int64   `json:"file_bytes"`
	// Warm is with the files in the system's cache, Cold with the cache emptied of them:
	// by this system, not by disks or by hosts of virtual machines. Cold is absent where
	// the system does not do that.
	Warm *float64 `json:"warm_seconds,omitempty"`
	Cold *float64 `json:"cold_seconds,omitempty"`
	// Differ is how many of Compared searches answer otherwise after the start.
	Compared int `json:"compared"`
	Differ   int `json:"differ"`
}

const (
	// comparedStart searches are compared before and after a start.
	comparedStart = 64
	// saveEvery is after how many batches a filling with rows on disk writes what is full,
	// so that no more than two segments wait in memory.
	saveEvery = 64
	// rowCache is the memory for rows that are read from files.
	rowCache = 256 << 20
)

// fileKeys seals the keys of files under a key of this run alone.
type fileKeys struct{ aead cipher.AEAD }

func newFileKeys() (*fileKeys, error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	return &fileKeys{aead}, nil
}

// Wrap implements segfile.Wrapper.
func (k *fileKeys) Wrap(key []byte) ([]byte, error) { return k.aead.Seal(nil, nil, key, nil), nil }

// Unwrap implements segfile.Wrapper.
func (k *fileKeys) Unwrap(wrapped []byte) ([]byte, error) {
	return k.aead.Open(nil, nil, wrapped, nil)
}

// newFiles makes a folder for files of an index of src. The caller removes it.
func (r *run) newFiles(src source) (*index.Files, error) {
	keys, err := newFileKeys()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "immis-index-")
	if err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	f := &index.Files{FS: segfile.OS(), Dir: folder, Model: r.Workload.String(), Keys: keys}
	if r.Disk {
		f.Cache = segfile.NewCache(rowCache)
		f.Vector = func(key uint64) ([]float32, error) {
			v := make([]float32, r.Dim)
			src.fill(v, int(key))
			return v, nil
		}
	}
	return f, nil
}

// save writes the files of an index and asks what it has to answer after a start.
func (r *run) save(ctx context.Context, x *index.Index, f *index.Files, src source) ([]index.Answer, error) {
	begun := time.Now()
	if _, err := x.Save(ctx, true); err != nil {
		return nil, fmt.Errorf("save: %w", err)
	}
	r.res.Start.SaveSeconds = bench.Seconds(time.Since(begun))
	if err := eachFile(f.Dir, func(file *os.File) error {
		info, err := file.Stat()
		if err == nil {
			r.res.Start.FileBytes += info.Size()
		}
		return err
	}); err != nil {
		return nil, err
	}
	return startAnswers(ctx, x, src)
}

func startAnswers(ctx context.Context, x *index.Index, src source) ([]index.Answer, error) {
	probes, err := prepare(src, comparedStart)
	if err != nil {
		return nil, err
	}
	queries := make([]index.Query, len(probes))
	for i := range queries {
		queries[i] = index.Query{Probe: probes[i], K: 10}
	}
	answers, err := x.SearchAll(ctx, queries)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	return answers, nil
}

// start makes an index for all cores from files, after measuring that with the files in
// the cache and without.
func (r *run) start(ctx context.Context, f *index.Files, src source, before []index.Answer) (*index.Index, error) {
	forgotten := true
	if err := eachFile(f.Dir, func(file *os.File) error {
		ok, err := forget(file)
		forgotten = forgotten && ok
		return err
	}); err != nil {
		return nil, err
	}
	if forgotten {
		x, took, err := r.restore(ctx, f, src)
		if err != nil {
			return nil, err
		}
		r.res.Start.Cold = &took
		x.Close()
	}
	x, took, err := r.restore(ctx, f, src)
	if err != nil {
		return nil, err
	}
	r.res.Start.Warm = &took
	after, err := startAnswers(ctx, x, src)
	if err != nil {
		x.Close()
		return nil, err
	}
	r.res.Start.Compared = len(after)
	for i := range after {
		if !sameCandidates(&before[i], &after[i]) {
			r.res.Start.Differ++
		}
	}
	return x, nil
}

// restore makes an index from files as a register would that knows what it wants.
func (r *run) restore(ctx context.Context, f *index.Files, src source) (_ *index.Index, seconds float64, err error) {
	begun := time.Now()
	x, err := index.New(r.Dim, index.Options{Workers: r.res.Workers, Files: f})
	if err != nil {
		return nil, 0, fmt.Errorf("start: %w", err)
	}
	defer func() {
		if err != nil {
			x.Close()
		}
	}()
	restored, err := x.Restore(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("start: %w", err)
	}
	var missing atomic.Int64
	batches := (src.rows() + fillBatch - 1) / fillBatch
	err = bench.Each(ctx, r.res.Workers, batches, func(_ context.Context, i int) error {
		rows := make([]index.Row, min(fillBatch, src.rows()-i*fillBatch))
		for j := range rows {
			key := uint64(i*fillBatch + j)
			rows[j] = index.Row{Key: key, Person: key, Origin: originOf(key)}
		}
		missing.Add(int64(len(x.Claim(rows...))))
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("start: %w", err)
	}
	x.Settle()
	if missing.Load() > 0 || x.Rows() != src.rows() {
		return nil, 0, fmt.Errorf("start: %d rows of %d in %d files, dropped: %w", x.Rows(), src.rows(), restored.Files, errors.Join(restored.Dropped...))
	}
	return x, bench.Seconds(time.Since(begun)), nil
}

// originOf stands for what a register would know a record by.
func originOf(key uint64) uint64 { return key + 1 }

// sameCandidates tells whether two answers name the same keys with the same scores.
func sameCandidates(a, b *index.Answer) bool {
	if len(a.Candidates) != len(b.Candidates) {
		return false
	}
	for i := range a.Candidates {
		p, q := &a.Candidates[i], &b.Candidates[i]
		if p.Person != q.Person || p.Score != q.Score {
			return false
		}
	}
	return true
}

func eachFile(folder string, do func(*os.File) error) error {
	names, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("list %s: %w", folder, err)
	}
	for _, name := range names {
		file, err := os.Open(filepath.Join(folder, name.Name()))
		if err != nil {
			return fmt.Errorf("open a segment: %w", err)
		}
		if err := errors.Join(do(file), file.Close()); err != nil {
			return fmt.Errorf("file %s: %w", name.Name(), err)
		}
	}
	return nil
}
