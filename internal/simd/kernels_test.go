package simd

import (
	"flag"
	"os"
	"runtime"
	"strings"
	"testing"
)

// suite is what each kernel of an operation must pass.
func suite(op Op) []func(*testing.T, Op) {
	if s := rowSuite(op); s != nil {
		return s
	}
	if op == OpSelect {
		return []func(*testing.T, Op){conformSelect, guardSelect}
	}
	if op == OpDotF16 {
		return []func(*testing.T, Op){conformDotF16, guardDotF16}
	}
	if op == OpInt8Batch || op == OpAsymmetricBatch {
		return []func(*testing.T, Op){conformScan, conformAlignment, guardScan, conformBatchSelect, guardBatchSelect, conformBusy}
	}
	return []func(*testing.T, Op){conformScan, conformAlignment, guardScan}
}

// machineHas are the flags of the first processor as the kernel of the system tells
// them, so that a mistake in asking the processor does not hide a kernel from its test.
func machineHas(t *testing.T) map[string]bool {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return nil
	}
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(b), "\nflags")
	line, _, _ := strings.Cut(rest, "\n")
	if !found || line == "" {
		t.Fatal("no flags in /proc/cpuinfo")
	}
	has := map[string]bool{}
	for _, f := range strings.Fields(line) {
		has[f] = true
	}
	// The processor has it and the system gives it: only then there is a kernel to run.
	has["amx_leave"] = systemLetsUseTiles()
	return has
}

// Each kernel that the machine can run is run against the plain reader, and the test
// fails when there is one that the machine has the features for and was not run.
func TestKernels(t *testing.T) {
	ran := map[string]bool{}
	for _, k := range built() {
		t.Run(k.Op.String()+"="+k.Level.String(), func(t *testing.T) {
			if len(k.Lacks) > 0 {
				t.Skipf("machine lacks %v", k.Lacks)
			}
			undo, err := Force(k.Name())
			if err != nil {
				t.Fatal(err)
			}
			defer undo()
			if level(k.Op) != k.Level {
				t.Fatalf("%s was forced, calls go to %s", k.Name(), level(k.Op))
			}
			for _, conform := range suite(k.Op) {
				conform(t, k.Op)
			}
			ran[k.Name()] = true
		})
	}
	if f := flag.Lookup("test.run"); f != nil && f.Value.String() != "" {
		return // a part of the tests was asked for
	}
	has := machineHas(t)
	wants := map[Level][opCount]string{Portable: {}}
	if vectors {
		wants[AVX2] = [opCount]string{OpInt8: "avx2", OpInt8Batch: "avx2", OpHamming: "avx2", OpHammingBatch: "avx2", OpAsymmetric: "avx2", OpAsymmetricBatch: "avx2", OpDotF16: "avx2 f16c", OpSelect: "avx2"}
		wants[AVX512] = [opCount]string{
			OpInt8: "avx512f avx512_vnni", OpInt8Batch: "avx512f avx512_vnni", OpAsymmetric: "avx512f avx512_vnni", OpAsymmetricBatch: "avx512f avx512_vnni",
			OpHamming: "avx512f avx512_vpopcntdq", OpHammingBatch: "avx512f avx512_vpopcntdq", OpDotF16: "avx512f", OpSelect: "avx512f avx512bw",
		}
		const amx = "avx512f avx512bw avx512_vnni amx_tile amx_int8 amx_leave"
		wants[AMX] = [opCount]string{OpInt8Batch: amx, OpAsymmetricBatch: amx}
		addRowNeeds(wants)
	}
	for l, byOp := range wants {
		for op, features := range byOp {
			can := l == Portable || has != nil && features != "" // no features: no such kernel
			for _, f := range strings.Fields(features) {
				can = can && has[f]
			}
			if name := (Kernel{Op: Op(op), Level: l}).Name(); can && !ran[name] {
				t.Errorf("kernel %s was not run, and the machine has what it needs", name)
			}
		}
	}
}

func TestForce(t *testing.T) {
	start := Kernels()
	undo, err := Force("portable")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range Kernels() {
		if k.Chosen != (k.Level == Portable) {
			t.Errorf("portable was forced, %s: chosen %v", k.Name(), k.Chosen)
		}
	}
	for _, name := range []string{"", "sse9", "hamming", "hamming/", "hamming/sse9", "auto/avx2"} {
		_, err := Force(name)
		if err == nil || !strings.Contains(err.Error(), "hamming/portable") {
			t.Errorf("%q: got error %v, want one that lists the kernels", name, err)
		}
	}
	if _, err := Force("auto"); err != nil {
		t.Fatal(err)
	}
	for i, k := range Kernels() {
		if k.Chosen != start[i].Chosen {
			t.Errorf("auto: %s chosen %v, at start %v", k.Name(), k.Chosen, start[i].Chosen)
		}
	}
	undo()
	chosen := map[Op]int{}
	for i, k := range Kernels() {
		if k.Chosen != start[i].Chosen {
			t.Errorf("after undo: %s chosen %v, at start %v", k.Name(), k.Chosen, start[i].Chosen)
		}
		if k.Chosen {
			chosen[k.Op]++
			t.Logf("%s", k.Name())
		}
		if k.Level == Portable && len(k.Lacks) > 0 {
			t.Errorf("%s lacks %v", k.Name(), k.Lacks)
		}
	}
	for op := range opCount {
		if chosen[op] != 1 {
			t.Errorf("%s has %d chosen kernels", op, chosen[op])
		}
	}
}
