package main

import (
	"strings"
	"testing"
)

// The encodings as llvm-mc and GNU as make them (-mattr=+amx-int8 -show-encoding). Each
// kind of displacement and each register with a fourth bit appears, as base and index,
// and the bases that have forms of their own (SP, BP, R12, R13).
func TestEncodings(t *testing.T) {
	for _, c := range []struct {
		emit func(*text)
		want string
	}{
		{func(t *text) { t.ldtilecfg("AX") }, "c4 e2 78 49 00 LDTILECFG (AX)"},
		{func(t *text) { t.ldtilecfg("R13") }, "c4 c2 78 49 45 00 LDTILECFG (R13)"},
		{func(t *text) { t.ldtilecfg("SP") }, "c4 e2 78 49 04 24 LDTILECFG (SP)"},
		{func(t *text) { t.tilerelease() }, "c4 e2 78 49 c0 TILERELEASE"},
		{func(t *text) { t.tileloadd(4, "AX", "SI", 0) }, "c4 e2 7b 4b 24 30 TILELOADD (AX)(SI*1), T4"},
		{func(t *text) { t.tileloadd(5, "DX", "SI", 1024) }, "c4 e2 7b 4b ac 32 00 04 00 00 TILELOADD 1024(DX)(SI*1), T5"},
		{func(t *text) { t.tileloadd(7, "R13", "R8", 0x12345678) }, "c4 82 7b 4b bc 05 78 56 34 12 TILELOADD 305419896(R13)(R8*1), T7"},
		{func(t *text) { t.tileloadd(3, "R12", "R15", -64) }, "c4 82 7b 4b 5c 3c c0 TILELOADD -64(R12)(R15*1), T3"},
		{func(t *text) { t.tileloadd(0, "BP", "R9", 0) }, "c4 a2 7b 4b 44 0d 00 TILELOADD (BP)(R9*1), T0"},
		{func(t *text) { t.tilestored(3, "DI", "R8", 0) }, "c4 a2 7a 4b 1c 07 TILESTORED T3, (DI)(R8*1)"},
		{func(t *text) { t.tilestored(6, "R11", "SI", 2048) }, "c4 c2 7a 4b b4 33 00 08 00 00 TILESTORED T6, 2048(R11)(SI*1)"},
		{func(t *text) { t.tdpbsud(6, 4, 0) }, "c4 e2 4a 5e c4 TDPBSUD T6, T4, T0"},
		{func(t *text) { t.tdpbsud(7, 5, 3) }, "c4 e2 42 5e dd TDPBSUD T7, T5, T3"},
		{func(t *text) { t.tdpbsud(1, 2, 7) }, "c4 e2 72 5e fa TDPBSUD T1, T2, T7"},
	} {
		var out text
		c.emit(&out)
		got := strings.Join(strings.Fields(strings.NewReplacer("BYTE $0x", "", ";", "", "//", "").Replace(out.code.String())), " ")
		if got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestEncodingPanicsOnUnknownRegisters(t *testing.T) {
	for _, f := range []func(*text){
		func(t *text) { t.tileloadd(0, "Z1", "SI", 0) },
		func(t *text) { t.tileloadd(0, "AX", "R16", 0) },
		func(t *text) { t.tileloadd(0, "AX", "SP", 0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f(&text{})
		}()
	}
}
