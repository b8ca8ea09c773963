package simd

import (
	"encoding/binary"
	"math/bits"
)

func scanInt8Portable(scores []int32, plane []byte, blocks int, p *Int8Probes, i int) {
	probe := p.bytes[i*4*p.groups:][:4*p.groups]
	for b := range blocks {
		var acc [BlockRows]int32
		for r := range acc {
			acc[r] = p.start[i]
		}
		block := plane[64*p.groups*b:][:64*p.groups]
		for v := probe; len(v) >= 4 && len(block) >= 64; v, block = v[4:], block[64:] {
			p0, p1, p2, p3 := int32(v[0]), int32(v[1]), int32(v[2]), int32(v[3])
			g := (*[64]byte)(block)
			for r := range acc {
				acc[r] += int32(g[4*r])*p0 + int32(g[4*r+1])*p1 + int32(g[4*r+2])*p2 + int32(g[4*r+3])*p3
			}
		}
		*(*[BlockRows]int32)(scores[BlockRows*b:]) = acc
	}
}

func scanHammingPortable(dist []uint16, plane []byte, blocks int, p *BitProbes, i int) {
	probe := p.words[i*p.groups:][:p.groups]
	for b := range blocks {
		var acc [BlockRows / 2]uint64 // two rows each, 32 bits apart
		block := plane[64*p.groups*b:][:64*p.groups]
		for g, w := range probe {
			both := uint64(w) | uint64(w)<<32
			for r := range acc {
				x := binary.LittleEndian.Uint64(block[64*g+8*r:]) ^ both
				acc[r] += uint64(bits.OnesCount32(uint32(x))) | uint64(bits.OnesCount32(uint32(x>>32)))<<32
			}
		}
		out := (*[BlockRows]uint16)(dist[BlockRows*b:])
		for r, x := range acc {
			out[2*r], out[2*r+1] = uint16(x), uint16(x>>32)
		}
	}
}

func scanAsymmetricPortable(scores []int32, plane []byte, blocks int, p *BitQueries) {
	for b := range blocks {
		block := plane[64*p.groups*b:][:64*p.groups]
		out := (*[BlockRows]int32)(scores[BlockRows*b:])
		for q := range p.n {
			tables := p.nibbles[q*128*p.groups:][:128*p.groups]
			var acc [BlockRows]int32
			for g := range p.groups {
				t := (*[128]int16)(tables[128*g:])
				for r := range acc {
					w := binary.LittleEndian.Uint32(block[64*g+4*r:])
					acc[r] += int32(t[w&15]) + int32(t[16+w>>4&15]) + int32(t[32+w>>8&15]) + int32(t[48+w>>12&15]) +
						int32(t[64+w>>16&15]) + int32(t[80+w>>20&15]) + int32(t[96+w>>24&15]) + int32(t[112+w>>28])
				}
			}
			for r, s := range acc {
				if s = 2*s + p.minus[q]; q == 0 || s > out[r] {
					out[r] = s
				}
			}
		}
	}
}
