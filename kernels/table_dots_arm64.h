// The body of tableDotsXxx; mul_arm64.h says what a tier defines before. 16 centroids at a time,
// a panel of the layout of mul-u8, meet every segment.

#include "mul_arm64.h"

	MOVD work+0(FP), R0
	MOVD centroids+8(FP), R1
	MOVD quads+16(FP), R3
	LSL  $6, R3, R4          // bytes in a panel
	MOVD $(256/16), R9

panel:
	MOVD q+24(FP), R6
	MOVD init+32(FP), R8
	MOVD segments+40(FP), R7
	MOVD R0, R10

segment:
	MOVD R1, R2
	ZERO4(V0, V1, V2, V3)
	ZERO4(V4, V5, V6, V7)
	SUBS $4, R3, R11
	BLT  ones

fours:
	VLD1.P 16(R6), [V24.B16]
	QUAD(0, 0)
	QUAD(1, 1)
	QUAD(2, 0)
	QUAD(3, 1)
	SUBS   $4, R11
	BGE    fours

ones:
	ADDS $4, R11
	BEQ  sum

one:
	FMOVS.P 4(R6), F24
	QUAD(0, 0)
	SUBS    $1, R11
	BNE     one

sum:
	FOLD
	VLD1R.P 4(R8), [V16.S4]
	VADD    V16.S4, V0.S4, V0.S4
	VADD    V16.S4, V1.S4, V1.S4
	VADD    V16.S4, V2.S4, V2.S4
	VADD    V16.S4, V3.S4, V3.S4
	VST1    [V0.S4, V1.S4, V2.S4, V3.S4], (R10)
	ADD     $(256*4), R10
	SUBS    $1, R7
	BNE     segment

	ADD  $(16*4), R0
	ADD  R4, R1
	SUBS $1, R9
	BNE  panel
	RET
