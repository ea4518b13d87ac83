//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "mulwindow_look_avx512vbmi_amd64.h"
#include "mulwindow_block_amd64.h"

// func mulWindow2DecodeAVX512VBMI(dst, codes, before, lookup *byte, quads int)
TEXT ·mulWindow2DecodeAVX512VBMI(SB), NOSPLIT, $0-40
	DECODE(2, HISTORY2, UNIT2)

// func mulWindow3DecodeAVX512VBMI(dst, codes, before, lookup *byte, quads int)
TEXT ·mulWindow3DecodeAVX512VBMI(SB), NOSPLIT, $0-40
	DECODE(3, HISTORY3, UNIT3)

// func mulWindow4DecodeAVX512VBMI(dst, codes, before, lookup *byte, quads int)
TEXT ·mulWindow4DecodeAVX512VBMI(SB), NOSPLIT, $0-40
	DECODE(4, HISTORY4, UNIT4)

// func mulWindow5DecodeAVX512VBMI(dst, codes, before, lookup *byte, quads int)
TEXT ·mulWindow5DecodeAVX512VBMI(SB), NOSPLIT, $0-40
	DECODE(5, HISTORY5, UNIT5)
