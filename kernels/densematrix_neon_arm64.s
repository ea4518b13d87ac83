//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// Four rows of W meet four or two vectors of X. Registers: V0-V15 the sums, [vector][row]; V16-V19
// four columns of the vectors; V20-V23 of the rows. Columns beyond the last full step are taken one
// at a time, with the other lanes zero.
//
// R0 y, R1 bytes from one vector of y to the next, R2 four rows of W, R3 x, R4 bytes from one row
// or vector to the next, R5 columns, R6 groups of four rows left, R7 accumulate. In a group: R8
// columns left, R9-R12 walk along the rows, R13-R16 along the vectors, R17 along y.

#define ARGS \
	MOVD  y+0(FP), R0           \
	MOVD  ld+8(FP), R1          \
	MOVD  w+16(FP), R2          \
	MOVD  x+24(FP), R3          \
	MOVD  stride+32(FP), R4     \
	MOVD  cols+40(FP), R5       \
	MOVD  groups+48(FP), R6     \
	MOVBU accumulate+56(FP), R7 \
	LSL   $2, R1                \
	LSL   $2, R4

#define GROUP \
	MOVD R2, R9       \
	ADD  R4, R9, R10  \
	ADD  R4, R10, R11 \
	ADD  R4, R11, R12 \
	ADD  R4, R12, R2  \
	MOVD R3, R13      \
	ADD  R4, R13, R14 \
	ADD  R4, R14, R15 \
	ADD  R4, R15, R16 \
	MOVD R0, R17      \
	ADD  $16, R0

#define VECTOR(x, s0, s1, s2, s3) \
	VFMLA x.S4, V20.S4, s0.S4 \
	VFMLA x.S4, V21.S4, s1.S4 \
	VFMLA x.S4, V22.S4, s2.S4 \
	VFMLA x.S4, V23.S4, s3.S4

#define ROWS4 \
	VLD1.P 16(R9), [V20.S4]  \
	VLD1.P 16(R10), [V21.S4] \
	VLD1.P 16(R11), [V22.S4] \
	VLD1.P 16(R12), [V23.S4]

#define ROWS1 \
	FMOVS.P 4(R9), F20  \
	FMOVS.P 4(R10), F21 \
	FMOVS.P 4(R11), F22 \
	FMOVS.P 4(R12), F23

// SUM folds the sums of four rows with one vector into their four results, and adds what is there
// when R7 is not 0.
#define SUM(a, b, c, d, store) \
	FADDP(b, a, 24)        \
	FADDP(d, c, 25)        \
	FADDP(25, 24, 24)      \
	CBZ    R7, store       \
	VLD1   (R17), [V25.S4] \
	FADD(25, 24, 24)       \
	store:                 \
	VST1   [V24.S4], (R17) \
	ADD    R1, R17

// func denseMatrixTile4NEON(y *float32, ld int, w, x *float32, stride, cols, groups int,
//	accumulate bool)
TEXT ·denseMatrixTile4NEON(SB), NOSPLIT, $0-57
	ARGS

group:
	GROUP
	ZERO4(V0, V1, V2, V3)
	ZERO4(V4, V5, V6, V7)
	ZERO4(V8, V9, V10, V11)
	ZERO4(V12, V13, V14, V15)
	SUBS $4, R5, R8
	BLT  rest

step:
	ROWS4
	VLD1.P 16(R13), [V16.S4]
	VLD1.P 16(R14), [V17.S4]
	VLD1.P 16(R15), [V18.S4]
	VLD1.P 16(R16), [V19.S4]
	VECTOR(V16, V0, V1, V2, V3)
	VECTOR(V17, V4, V5, V6, V7)
	VECTOR(V18, V8, V9, V10, V11)
	VECTOR(V19, V12, V13, V14, V15)
	SUBS   $4, R8
	BGE    step

rest:
	ANDS $3, R8
	BEQ  sum

column:
	ROWS1
	FMOVS.P 4(R13), F16
	FMOVS.P 4(R14), F17
	FMOVS.P 4(R15), F18
	FMOVS.P 4(R16), F19
	VECTOR(V16, V0, V1, V2, V3)
	VECTOR(V17, V4, V5, V6, V7)
	VECTOR(V18, V8, V9, V10, V11)
	VECTOR(V19, V12, V13, V14, V15)
	SUBS    $1, R8
	BNE     column

sum:
	SUM(0, 1, 2, 3, store0)
	SUM(4, 5, 6, 7, store1)
	SUM(8, 9, 10, 11, store2)
	SUM(12, 13, 14, 15, store3)
	SUBS $1, R6
	BNE  group
	RET

// func denseMatrixTile2NEON(y *float32, ld int, w, x *float32, stride, cols, groups int,
//	accumulate bool)
TEXT ·denseMatrixTile2NEON(SB), NOSPLIT, $0-57
	ARGS

group:
	GROUP
	ZERO4(V0, V1, V2, V3)
	ZERO4(V4, V5, V6, V7)
	SUBS $4, R5, R8
	BLT  rest

step:
	ROWS4
	VLD1.P 16(R13), [V16.S4]
	VLD1.P 16(R14), [V17.S4]
	VECTOR(V16, V0, V1, V2, V3)
	VECTOR(V17, V4, V5, V6, V7)
	SUBS   $4, R8
	BGE    step

rest:
	ANDS $3, R8
	BEQ  sum

column:
	ROWS1
	FMOVS.P 4(R13), F16
	FMOVS.P 4(R14), F17
	VECTOR(V16, V0, V1, V2, V3)
	VECTOR(V17, V4, V5, V6, V7)
	SUBS    $1, R8
	BNE     column

sum:
	SUM(0, 1, 2, 3, store0)
	SUM(4, 5, 6, 7, store1)
	SUBS $1, R6
	BNE  group
	RET
