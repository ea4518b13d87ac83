//go:build !purego

#include "textflag.h"

// func transposeTilesNEON(dst, x *float32, rows, cols, groups, tiles int)
// R0 dst, R1 x, R2 bytes from one row of dst to the next, R3 those of x, R4 groups left. In a
// group: R6-R9 walk along dst, R10 down x, R11 counts tiles.
TEXT ·transposeTilesNEON(SB), NOSPLIT, $0-48
	MOVD dst+0(FP), R0
	MOVD x+8(FP), R1
	MOVD rows+16(FP), R2
	MOVD cols+24(FP), R3
	MOVD groups+32(FP), R4
	MOVD tiles+40(FP), R5
	LSL  $2, R2
	LSL  $2, R3

group:
	MOVD R0, R6
	ADD  R2, R6, R7
	ADD  R2, R7, R8
	ADD  R2, R8, R9
	ADD  R2, R9, R0
	MOVD R1, R10
	ADD  $16, R1
	MOVD R5, R11

tile:
	VLD1.P (R10)(R3), [V0.S4]
	VLD1.P (R10)(R3), [V1.S4]
	VLD1.P (R10)(R3), [V2.S4]
	VLD1.P (R10)(R3), [V3.S4]
	VTRN1  V1.S4, V0.S4, V4.S4
	VTRN2  V1.S4, V0.S4, V5.S4
	VTRN1  V3.S4, V2.S4, V6.S4
	VTRN2  V3.S4, V2.S4, V7.S4
	VTRN1  V6.D2, V4.D2, V0.D2
	VTRN1  V7.D2, V5.D2, V1.D2
	VTRN2  V6.D2, V4.D2, V2.D2
	VTRN2  V7.D2, V5.D2, V3.D2
	VST1.P [V0.S4], 16(R6)
	VST1.P [V1.S4], 16(R7)
	VST1.P [V2.S4], 16(R8)
	VST1.P [V3.S4], 16(R9)
	SUBS   $1, R11
	BNE    tile
	SUBS   $1, R4
	BNE    group
	RET
