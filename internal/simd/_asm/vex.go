package main

import "fmt"

// Go's assembler does not know AMX, so its instructions are written as bytes. Each is a
// VEX prefix of three bytes (map 0F38, W0, 128 bits), an opcode and what addresses the
// operands; only these six are needed. The comment behind the bytes is the instruction
// in Go's order of operands.
//
//	C4   RXB 00010   W=0 vvvv L=0 pp   opcode   ModRM   [SIB   disp]
//
// R, X, B and vvvv are stored inverted: R is the fourth bit of ModRM.reg (tiles need
// three), X that of the index, B that of the base or of ModRM.rm.
const (
	ppNone = 0
	pp66   = 1
	ppF3   = 2
	ppF2   = 3
)

// registers are the numbers of the general registers in ModRM and SIB.
var registers = map[string]int{
	"AX": 0, "CX": 1, "DX": 2, "BX": 3, "SP": 4, "BP": 5, "SI": 6, "DI": 7,
	"R8": 8, "R9": 9, "R10": 10, "R11": 11, "R12": 12, "R13": 13, "R14": 14, "R15": 15,
}

// vex is the prefix and the opcode; x and b are the fourth bits of index and base.
func vex(pp, vvvv, x, b int, opcode byte) []byte {
	return []byte{0xc4, byte(1<<7 | (x^1)<<6 | (b^1)<<5 | 2), byte((vvvv^15)<<3 | pp), opcode}
}

// vexTiles has tiles as operands; -1 stands for none.
func vexTiles(pp int, opcode byte, reg, rm, vvvv int) []byte {
	return append(vex(pp, max(vvvv, 0), 0, 0, opcode), byte(3<<6|max(reg, 0)<<3|max(rm, 0)))
}

// vexMemory has a tile and the memory at base + index + disp; without an index, at
// base + disp. It takes the shortest form, as assemblers do.
func vexMemory(pp int, opcode byte, reg int, base, index string, disp int) []byte {
	b, ok := registers[base]
	if !ok {
		panic("no register " + base)
	}
	i := 4 // no index
	if index != "" {
		if i, ok = registers[index]; !ok || i == 4 {
			panic("no index register " + index)
		}
	}
	mod, size := 2, 4 // bytes of disp
	switch {
	case disp == 0 && b&7 != 5:
		mod, size = 0, 0
	case disp >= -128 && disp < 128:
		mod, size = 1, 1
	}
	out := vex(pp, 0, i>>3, b>>3, opcode)
	if i == 4 && b&7 != 4 {
		out = append(out, byte(mod<<6|reg<<3|b&7))
	} else {
		out = append(out, byte(mod<<6|reg<<3|4), byte(i&7<<3|b&7))
	}
	for ; size > 0; size-- {
		out, disp = append(out, byte(disp)), disp>>8
	}
	return out
}

// bytes prints an instruction that the assembler does not know.
func (t *text) bytes(code []byte, comment string) {
	t.code.WriteByte('\t')
	for i, b := range code {
		if i > 0 {
			t.code.WriteString("; ")
		}
		fmt.Fprintf(&t.code, "BYTE $%#02x", b)
	}
	fmt.Fprintf(&t.code, " // %s\n", comment)
}

func tileMem(base, index string, disp int) string {
	if index != "" {
		index = "(" + index + "*1)"
	}
	if disp == 0 {
		return "(" + base + ")" + index
	}
	return fmt.Sprintf("%d(%s)%s", disp, base, index)
}

// ldtilecfg sets the shapes of all tiles from 64 bytes at base and makes them 0.
func (t *text) ldtilecfg(base string) {
	t.bytes(vexMemory(ppNone, 0x49, 0, base, "", 0), "LDTILECFG ("+base+")")
}

// tilerelease gives all tiles back: the processor has no tile state to save.
func (t *text) tilerelease() {
	t.bytes(vexTiles(ppNone, 0x49, -1, -1, -1), "TILERELEASE")
}

// tileloadd reads a tile whose rows are stride (a register) bytes apart.
func (t *text) tileloadd(tile int, base, stride string, disp int) {
	t.bytes(vexMemory(ppF2, 0x4b, tile, base, stride, disp), fmt.Sprintf("TILELOADD %s, T%d", tileMem(base, stride, disp), tile))
}

// tilestored writes a tile to rows that are stride bytes apart.
func (t *text) tilestored(tile int, base, stride string, disp int) {
	t.bytes(vexMemory(ppF3, 0x4b, tile, base, stride, disp), fmt.Sprintf("TILESTORED T%d, %s", tile, tileMem(base, stride, disp)))
}

// tdpbsud adds the products of the signed bytes of a (a row for each probe, 64
// dimensions) and the unsigned bytes of b (a row for each group of 4 dimensions, 16
// rows of the plane) to the 32-bit sums of c (a row for each probe).
func (t *text) tdpbsud(b, a, c int) {
	t.bytes(vexTiles(ppF3, 0x5e, c, a, b), fmt.Sprintf("TDPBSUD T%d, T%d, T%d", b, a, c))
}
