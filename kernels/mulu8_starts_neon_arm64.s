//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// func mulU8StartsNEON(dst, init *int32, q *int8, quads, groupQuads int)
TEXT ·mulU8StartsNEON(SB), NOSPLIT, $0-40
	MOVD dst+0(FP), R1
	MOVD init+8(FP), R2
	MOVD q+16(FP), R3
	MOVD quads+24(FP), R4
	MOVD groupQuads+32(FP), R5

group:
	CMP  R5, R4
	CSEL LT, R4, R5, R6
	SUB  R6, R4
	VEOR V0.B16, V0.B16, V0.B16
	SUBS $4, R6
	BLT  ones

fours:
	VLD1.P 16(R3), [V1.B16]
	SADDLP(1, 1)
	SADALP(1, 0)
	SUBS   $4, R6
	BGE    fours

ones:
	ADDS $4, R6
	BEQ  sum

one:
	FMOVS.P 4(R3), F1
	SADDLP(1, 1)
	SADALP(1, 0)
	SUBS    $1, R6
	BNE     one

sum:
	VADDV  V0.S4, V0
	FMOVS  F0, R7
	MOVW.P 4(R2), R8
	ADDW   R7<<7, R8, R8
	MOVW.P R8, 4(R1)
	CBNZ   R4, group
	RET
