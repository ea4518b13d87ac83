//go:build !purego

#include "textflag.h"

// func permuteEightsNEON(dst, src *int8, d, n int)
// R0 dst, R1 and R4-R6 the four segments of src, R2 d, R3 fours of segments left.
TEXT ·permuteEightsNEON(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD d+16(FP), R2
	MOVD n+24(FP), R3

segments:
	ADD  R2, R1, R4
	ADD  R2, R4, R5
	ADD  R2, R5, R6
	SUBS $16, R2, R7
	BLT  eight

sixteen:
	VLD1.P 16(R1), [V0.B16]
	VLD1.P 16(R4), [V1.B16]
	VLD1.P 16(R5), [V2.B16]
	VLD1.P 16(R6), [V3.B16]
	VST4.P [V0.B16, V1.B16, V2.B16, V3.B16], 64(R0)
	SUBS   $16, R7
	BGE    sixteen

eight:
	TBZ    $3, R7, next
	VLD1.P 8(R1), [V0.B8]
	VLD1.P 8(R4), [V1.B8]
	VLD1.P 8(R5), [V2.B8]
	VLD1.P 8(R6), [V3.B8]
	VST4.P [V0.B8, V1.B8, V2.B8, V3.B8], 32(R0)

next:
	MOVD R6, R1
	SUBS $1, R3
	BNE  segments
	RET
