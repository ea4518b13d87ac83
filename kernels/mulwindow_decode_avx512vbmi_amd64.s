//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "window_bits_amd64.h"
#include "mulwindow_look_avx512vbmi_amd64.h"
#include "mulwindow_block_amd64.h"

// func mulWindowDecodeAVX512VBMI(dst, codes, before, lookup *byte, bits, quads int)
TEXT ·mulWindowDecodeAVX512VBMI(SB), NOSPLIT, $0-48
	BYBITS(bits+32(FP))

TEXT bits2<>(SB), NOSPLIT, $0-48
	DECODE(2, HISTORY2, UNIT2)

TEXT bits3<>(SB), NOSPLIT, $0-48
	DECODE(3, HISTORY3, UNIT3)

TEXT bits4<>(SB), NOSPLIT, $0-48
	DECODE(4, HISTORY4, UNIT4)

TEXT bits5<>(SB), NOSPLIT, $0-48
	DECODE(5, HISTORY5, UNIT5)
