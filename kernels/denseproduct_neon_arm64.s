//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// Four values of each row of A at a time, then the rest one by one. Products are rounded before
// they are added: FMLA would round once.
//
// Registers: V0-V15 the sums, [row][4 columns]; V16-V19 a row of B; V20-V23 products; V24-V27 the
// rows of A.
//
// R0 c, R1 bytes from one row of it to the next, R2-R5 walk along the rows of A, R6 down B, R7 bytes
// from one row of B to the next, R8 counts k.

#define ARGS \
	MOVD c+0(FP), R0     \
	MOVD ldc+8(FP), R1   \
	MOVD a+16(FP), R2    \
	MOVD lda+24(FP), R3  \
	MOVD b+32(FP), R6    \
	MOVD ldb+40(FP), R7  \
	MOVD k+48(FP), R8    \
	LSL  $2, R1          \
	LSL  $2, R3          \
	LSL  $2, R7          \
	ADD  R3, R2, R9      \
	ADD  R3, R9, R4      \
	ADD  R3, R4, R5      \
	MOVD R9, R3

#define ROWS4 \
	VLD1.P 16(R2), [V24.S4] \
	VLD1.P 16(R3), [V25.S4] \
	VLD1.P 16(R4), [V26.S4] \
	VLD1.P 16(R5), [V27.S4]

#define ROWS1 \
	FMOVS.P 4(R2), F24 \
	FMOVS.P 4(R3), F25 \
	FMOVS.P 4(R4), F26 \
	FMOVS.P 4(R5), F27

// ROW16 adds the products of lane i of a row of A.
#define ROW16(row, i, sums) \
	FMULLANE(row, i, 16, 20) \
	FMULLANE(row, i, 17, 21) \
	FMULLANE(row, i, 18, 22) \
	FMULLANE(row, i, 19, 23) \
	ALL4(FADD, 20, sums, sums)

#define STEP16(i) \
	VLD1.P (R6)(R7), [V16.S4, V17.S4, V18.S4, V19.S4] \
	ROW16(24, i, 0)                                   \
	ROW16(25, i, 4)                                   \
	ROW16(26, i, 8)                                   \
	ROW16(27, i, 12)

// func denseProduct16NEON(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k int)
TEXT ·denseProduct16NEON(SB), NOSPLIT, $0-56
	ARGS
	ZERO4(V0, V1, V2, V3)
	ZERO4(V4, V5, V6, V7)
	ZERO4(V8, V9, V10, V11)
	ZERO4(V12, V13, V14, V15)
	SUBS $4, R8
	BLT  rest

fours:
	ROWS4
	STEP16(0)
	STEP16(1)
	STEP16(2)
	STEP16(3)
	SUBS $4, R8
	BGE  fours

rest:
	ANDS $3, R8
	BEQ  store

one:
	ROWS1
	STEP16(0)
	SUBS $1, R8
	BNE  one

store:
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], (R0)(R1)
	VST1.P [V4.S4, V5.S4, V6.S4, V7.S4], (R0)(R1)
	VST1.P [V8.S4, V9.S4, V10.S4, V11.S4], (R0)(R1)
	VST1   [V12.S4, V13.S4, V14.S4, V15.S4], (R0)
	RET

#define STEP4(i) \
	VLD1.P (R6)(R7), [V16.S4] \
	FMULLANE(24, i, 16, 20)   \
	FMULLANE(25, i, 16, 21)   \
	FMULLANE(26, i, 16, 22)   \
	FMULLANE(27, i, 16, 23)   \
	ALL4(FADD, 20, 0, 0)

// func denseProduct4NEON(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k int)
// V0-V3 are the sums here, a row each, and V16 is a row of B.
TEXT ·denseProduct4NEON(SB), NOSPLIT, $0-56
	ARGS
	ZERO4(V0, V1, V2, V3)
	SUBS $4, R8
	BLT  rest

fours:
	ROWS4
	STEP4(0)
	STEP4(1)
	STEP4(2)
	STEP4(3)
	SUBS $4, R8
	BGE  fours

rest:
	ANDS $3, R8
	BEQ  store

one:
	ROWS1
	STEP4(0)
	SUBS $1, R8
	BNE  one

store:
	VST1.P [V0.S4], (R0)(R1)
	VST1.P [V1.S4], (R0)(R1)
	VST1.P [V2.S4], (R0)(R1)
	VST1   [V3.S4], (R0)
	RET
