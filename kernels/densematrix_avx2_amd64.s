//go:build !purego

#include "textflag.h"

// Four rows of W meet three or two vectors of X, as in densematrix_avx512_amd64.s. Registers:
// Y0-Y11 the sums, [vector][row]; Y12-Y14 eight columns of the vectors; Y15 of a row. Columns
// beyond the last full step are taken one at a time, with the other lanes zero.
//
// DI y, R8 bytes from one vector of y to the next, SI four rows of W, R9 x, R10 bytes from one row
// or vector to the next, R11 three times that, R12 full steps, R13 columns after them, R15 groups
// of four rows left. In a group: AX walks along x, CX along W, DX counts.

#define ARGS \
	MOVQ y+0(FP), DI        \
	MOVQ ld+8(FP), R8       \
	MOVQ w+16(FP), SI       \
	MOVQ x+24(FP), R9       \
	MOVQ stride+32(FP), R10 \
	MOVQ cols+40(FP), R12   \
	MOVQ groups+48(FP), R15 \
	SHLQ $2, R8             \
	SHLQ $2, R10            \
	LEAQ (R10)(R10*2), R11  \
	MOVQ R12, R13           \
	ANDQ $7, R13            \
	SHRQ $3, R12

#define ZERO(a, b, c, d) \
	VXORPS a, a, a \
	VXORPS b, b, b \
	VXORPS c, c, c \
	VXORPS d, d, d

#define ROW3(s0, s1, s2) \
	VFMADD231PS Y12, Y15, s0 \
	VFMADD231PS Y13, Y15, s1 \
	VFMADD231PS Y14, Y15, s2

#define ROW2(s0, s1) \
	VFMADD231PS Y12, Y15, s0 \
	VFMADD231PS Y13, Y15, s1

// SUM folds the sums of four rows with one vector into their four results, and adds what is there
// when CX is not 0.
#define SUM(a, b, c, d, mem, store) \
	VHADDPS      b, a, Y12     \
	VHADDPS      d, c, Y13     \
	VHADDPS      Y13, Y12, Y12 \
	VEXTRACTF128 $1, Y12, X13  \
	VADDPS       X13, X12, X12 \
	TESTL        CX, CX        \
	JZ           store         \
	VADDPS       mem, X12, X12 \
	store:                     \
	VMOVUPS      X12, mem

// func denseMatrixTile3AVX2(y *float32, ld int, w, x *float32, stride, cols, groups int,
//	accumulate bool)
TEXT ·denseMatrixTile3AVX2(SB), NOSPLIT, $0-57
	ARGS

group:
	MOVQ  R9, AX
	MOVQ  SI, CX
	ZERO(Y0, Y1, Y2, Y3)
	ZERO(Y4, Y5, Y6, Y7)
	ZERO(Y8, Y9, Y10, Y11)
	MOVQ  R12, DX
	TESTQ DX, DX
	JZ    rest

step:
	VMOVUPS (AX), Y12
	VMOVUPS (AX)(R10*1), Y13
	VMOVUPS (AX)(R10*2), Y14
	VMOVUPS (CX), Y15
	ROW3(Y0, Y4, Y8)
	VMOVUPS (CX)(R10*1), Y15
	ROW3(Y1, Y5, Y9)
	VMOVUPS (CX)(R10*2), Y15
	ROW3(Y2, Y6, Y10)
	VMOVUPS (CX)(R11*1), Y15
	ROW3(Y3, Y7, Y11)
	ADDQ    $32, AX
	ADDQ    $32, CX
	DECQ    DX
	JNZ     step

rest:
	MOVQ  R13, DX
	TESTQ DX, DX
	JZ    sum

column:
	VMOVSS (AX), X12
	VMOVSS (AX)(R10*1), X13
	VMOVSS (AX)(R10*2), X14
	VMOVSS (CX), X15
	ROW3(Y0, Y4, Y8)
	VMOVSS (CX)(R10*1), X15
	ROW3(Y1, Y5, Y9)
	VMOVSS (CX)(R10*2), X15
	ROW3(Y2, Y6, Y10)
	VMOVSS (CX)(R11*1), X15
	ROW3(Y3, Y7, Y11)
	ADDQ   $4, AX
	ADDQ   $4, CX
	DECQ   DX
	JNZ    column

sum:
	MOVBLZX accumulate+56(FP), CX
	SUM(Y0, Y1, Y2, Y3, (DI), store0)
	SUM(Y4, Y5, Y6, Y7, (DI)(R8*1), store1)
	SUM(Y8, Y9, Y10, Y11, (DI)(R8*2), store2)
	ADDQ    $16, DI
	LEAQ    (SI)(R10*4), SI
	DECQ    R15
	JNZ     group
	VZEROUPPER
	RET

// func denseMatrixTile2AVX2(y *float32, ld int, w, x *float32, stride, cols, groups int,
//	accumulate bool)
TEXT ·denseMatrixTile2AVX2(SB), NOSPLIT, $0-57
	ARGS

group:
	MOVQ  R9, AX
	MOVQ  SI, CX
	ZERO(Y0, Y1, Y2, Y3)
	ZERO(Y4, Y5, Y6, Y7)
	MOVQ  R12, DX
	TESTQ DX, DX
	JZ    rest

step:
	VMOVUPS (AX), Y12
	VMOVUPS (AX)(R10*1), Y13
	VMOVUPS (CX), Y15
	ROW2(Y0, Y4)
	VMOVUPS (CX)(R10*1), Y15
	ROW2(Y1, Y5)
	VMOVUPS (CX)(R10*2), Y15
	ROW2(Y2, Y6)
	VMOVUPS (CX)(R11*1), Y15
	ROW2(Y3, Y7)
	ADDQ    $32, AX
	ADDQ    $32, CX
	DECQ    DX
	JNZ     step

rest:
	MOVQ  R13, DX
	TESTQ DX, DX
	JZ    sum

column:
	VMOVSS (AX), X12
	VMOVSS (AX)(R10*1), X13
	VMOVSS (CX), X15
	ROW2(Y0, Y4)
	VMOVSS (CX)(R10*1), X15
	ROW2(Y1, Y5)
	VMOVSS (CX)(R10*2), X15
	ROW2(Y2, Y6)
	VMOVSS (CX)(R11*1), X15
	ROW2(Y3, Y7)
	ADDQ   $4, AX
	ADDQ   $4, CX
	DECQ   DX
	JNZ    column

sum:
	MOVBLZX accumulate+56(FP), CX
	SUM(Y0, Y1, Y2, Y3, (DI), store0)
	SUM(Y4, Y5, Y6, Y7, (DI)(R8*1), store1)
	ADDQ    $16, DI
	LEAQ    (SI)(R10*4), SI
	DECQ    R15
	JNZ     group
	VZEROUPPER
	RET
