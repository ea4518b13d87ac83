//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// V0 sums, V1 and V2 squares; R6 and R7 those of values that are taken one at a time.

// func groupSumsNEON(sums, squares []int32, q []int8, group int)
TEXT ·groupSumsNEON(SB), NOSPLIT, $0-80
	MOVD sums_base+0(FP), R0
	MOVD squares_base+24(FP), R1
	MOVD q_base+48(FP), R2
	MOVD q_len+56(FP), R3
	MOVD group+72(FP), R4

group:
	CMP  R4, R3
	CSEL LT, R3, R4, R4            // the last group may be shorter
	SUB  R4, R3
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16
	VEOR V2.B16, V2.B16, V2.B16
	MOVD $0, R6
	MOVD $0, R7
	SUBS $16, R4, R5
	BLT  rest

loop:
	VLD1.P 16(R2), [V3.B16]
	SADDLP(3, 4)
	SMULL(3, 3, 5)
	SMULL2(3, 3, 6)
	SADALP(4, 0)
	SADALP(5, 1)
	SADALP(6, 2)
	SUBS   $16, R5
	BGE    loop

rest:
	ANDS $15, R5
	BEQ  fold

one:
	MOVB.P 1(R2), R8
	ADD    R8, R6
	MADDW  R8, R7, R8, R7
	SUBS   $1, R5
	BNE    one

fold:
	VADD   V2.S4, V1.S4, V1.S4
	VADDV  V0.S4, V0
	VADDV  V1.S4, V1
	FMOVS  F0, R8
	FMOVS  F1, R9
	ADDW   R8, R6
	ADDW   R9, R7
	MOVW.P R6, 4(R0)
	MOVW.P R7, 4(R1)
	CBNZ   R3, group
	RET
