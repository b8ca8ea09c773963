//go:build amd64 && !purego

package simd

import "golang.org/x/sys/cpu"

// vectors tells whether this build has assembly.
const vectors = true

// kernelNeeds says what a kernel of this build uses beyond SSE2; nil if there is none.
// Each feature is asked for by itself: machines and hypervisors leave out any of them.
func kernelNeeds(op Op, l Level) []need {
	switch l {
	case AVX2:
		needs := []need{{"avx2", cpu.X86.HasAVX2}}
		if op == OpDotF16 || op == OpToF16 || op == OpFromF16 {
			needs = append(needs, need{"f16c", hasF16C()})
		}
		return needs
	case AVX512:
		needs := []need{{"avx2", cpu.X86.HasAVX2}, {"avx512f", cpu.X86.HasAVX512F}}
		switch op {
		case OpInt8, OpInt8Batch, OpAsymmetric, OpAsymmetricBatch:
			needs = append(needs, need{"avx512_vnni", cpu.X86.HasAVX512VNNI})
		case OpHamming, OpHammingBatch:
			needs = append(needs, need{"avx512_vpopcntdq", cpu.X86.HasAVX512VPOPCNTDQ})
		case OpSelect:
			needs = append(needs, need{"avx512bw", cpu.X86.HasAVX512BW})
		case OpPackInt8:
			return nil // nothing to gain
		}
		return needs
	case AMX:
		// Small batches go to the kernels of AVX-512, and scores are compared with its
		// masks.
		if op == OpInt8Batch || op == OpAsymmetricBatch {
			return append(append(kernelNeeds(op, AVX512), need{"avx512bw", cpu.X86.HasAVX512BW}), amxNeeds()...)
		}
	}
	return nil
}

func hasF16C() bool { return cpu.X86.HasF16C && cpu.X86.HasAVX }
