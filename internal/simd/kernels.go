package simd

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
)

//go:generate go run ./_asm -out .

// Op is an operation that has several kernels.
type Op int

// The operations, in the order of Kernels.
const (
	OpInt8 Op = iota
	OpInt8Batch
	OpHamming
	OpHammingBatch
	OpAsymmetric
	OpAsymmetricBatch
	OpDotF16
	OpSelect
	OpRotate
	OpToF16
	OpFromF16
	OpQuantizeInt8
	OpResidual
	OpSignBits
	OpPackInt8
	opCount
)

var opNames = [opCount]string{"int8", "int8-batch", "hamming", "hamming-batch", "asymmetric", "asymmetric-batch", "dot-f16", "select",
	"rotate", "to-f16", "from-f16", "quantize-int8", "residual", "sign-bits", "pack-int8"}

// String is the name of the operation in Kernels and Force.
func (o Op) String() string { return opNames[o] }

// Level is an implementation of an operation. A higher one is preferred.
type Level int

// The levels. Portable is Go and always there.
const (
	Portable Level = iota
	AVX2
	AVX512
	AMX
)

var levelNames = [...]string{"portable", "avx2", "avx512", "amx"}

// String is the name of the level in Kernels and Force.
func (l Level) String() string { return levelNames[l] }

// Kernel is one implementation of one operation.
type Kernel struct {
	Op     Op
	Level  Level
	Lacks  []string // what this machine would need to run it; empty if it can
	Chosen bool     // whether calls go to it now
}

// Name is "operation/level".
func (k Kernel) Name() string { return k.Op.String() + "/" + k.Level.String() }

// need is a feature of the machine that a kernel uses.
type need struct {
	name string
	has  bool
}

// table is which level each operation goes to. It is replaced as a whole.
type table [opCount]Level

// active is set once at start from what the machine has; Force replaces it.
var active = func() *atomic.Pointer[table] {
	var p atomic.Pointer[table]
	p.Store(best())
	return &p
}()

func level(o Op) Level { return active.Load()[o] }

func best() *table {
	var t table
	for _, k := range built() {
		if len(k.Lacks) == 0 {
			t[k.Op] = max(t[k.Op], k.Level)
		}
	}
	return &t
}

// built lists the kernels of this build, by operation and level.
func built() []Kernel {
	var out []Kernel
	for op := range opCount {
		out = append(out, Kernel{Op: op, Level: Portable})
		for _, l := range []Level{AVX2, AVX512, AMX} {
			needs := kernelNeeds(op, l)
			if needs == nil {
				continue
			}
			k := Kernel{Op: op, Level: l}
			for _, n := range needs {
				if !n.has {
					k.Lacks = append(k.Lacks, n.name)
				}
			}
			out = append(out, k)
		}
	}
	return out
}

// Kernels lists all kernels of this build, what the machine lacks for each, and which
// are chosen.
func Kernels() []Kernel {
	now, out := active.Load(), built()
	for i := range out {
		out[i].Chosen = now[out[i].Op] == out[i].Level
	}
	return out
}

// Force chooses kernels by name: "auto" the best that the machine can run, a level
// ("portable", "avx2", "avx512", "amx") for all operations that have it, or "operation/level" for one of
// them. It changes nothing if a kernel is not in this build or cannot run on this
// machine; the error says what is missing. undo puts back what was chosen before.
// Calls that run already end with the kernel they began with.
func Force(name string) (undo func(), err error) {
	before := active.Load()
	next := *before
	if name == "auto" {
		next = *best()
	} else {
		found := false
		for _, k := range built() {
			if name != k.Name() && name != k.Level.String() {
				continue
			}
			if len(k.Lacks) > 0 {
				return nil, fmt.Errorf("kernel %s: machine lacks %s", k.Name(), strings.Join(k.Lacks, ", "))
			}
			next[k.Op], found = k.Level, true
		}
		if !found {
			return nil, fmt.Errorf("kernel %q is not in this build for %s, want auto or %s", name, runtime.GOARCH, strings.Join(names(), ", "))
		}
	}
	active.Store(&next)
	return func() { active.Store(before) }, nil
}

// names lists what Force takes besides auto.
func names() []string {
	var levels, kernels []string
	for _, k := range built() {
		if !slices.Contains(levels, k.Level.String()) {
			levels = append(levels, k.Level.String())
		}
		kernels = append(kernels, k.Name())
	}
	return append(levels, kernels...)
}
