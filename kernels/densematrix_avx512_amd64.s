//go:build !purego

#include "textflag.h"

// Four rows of W meet six, four or two vectors of X; lanes are columns, so neither is rearranged.
// Registers: Z0-Z23 the sums, [vector][row]; Z24-Z29 a step of 16 columns of the vectors; Z30 and
// Z31 of a row. Six by four takes 10 loads for 24 multiply-adds. A step reads under the mask K1:
// all lanes, and the columns that are left in the last step.
//
// DI y, R8 bytes from one vector of y to the next, SI four rows of W, R9 x, R10 bytes from one row
// or vector to the next, R11 three times that, R12 full steps, R13 the mask of the last step or 0,
// R15 groups of four rows left. In a group: AX and BX walk along x, CX along W, DX counts steps,
// R14 is R13 until the last step begins.

#define ARGS \
	MOVQ    y+0(FP), DI           \
	MOVQ    ld+8(FP), R8          \
	MOVQ    w+16(FP), SI          \
	MOVQ    x+24(FP), R9          \
	MOVQ    stride+32(FP), R10    \
	MOVQ    cols+40(FP), R12      \
	MOVQ    groups+48(FP), R15    \
	SHLQ    $2, R8                \
	SHLQ    $2, R10               \
	LEAQ    (R10)(R10*2), R11     \
	MOVQ    R12, CX               \
	ANDQ    $15, CX               \
	MOVL    $1, R13               \
	SHLL    CX, R13               \
	DECL    R13                   \
	SHRQ    $4, R12               \
	MOVBLZX accumulate+56(FP), AX \
	NEGL    AX                    \
	KMOVW   AX, K2

#define GROUP \
	KXNORW K1, K1, K1      \
	MOVL   R13, R14        \
	MOVQ   R9, AX          \
	LEAQ   (R9)(R11*1), BX \
	MOVQ   SI, CX          \
	MOVQ   R12, DX

#define ZERO(a, b, c, d) \
	VPXORD a, a, a \
	VPXORD b, b, b \
	VPXORD c, c, c \
	VPXORD d, d, d

#define ROW6(mem, w, s0, s1, s2, s3, s4, s5) \
	VMOVUPS.Z   mem, K1, w \
	VFMADD231PS Z24, w, s0 \
	VFMADD231PS Z25, w, s1 \
	VFMADD231PS Z26, w, s2 \
	VFMADD231PS Z27, w, s3 \
	VFMADD231PS Z28, w, s4 \
	VFMADD231PS Z29, w, s5

#define ROW4(mem, w, s0, s1, s2, s3) \
	VMOVUPS.Z   mem, K1, w \
	VFMADD231PS Z24, w, s0 \
	VFMADD231PS Z25, w, s1 \
	VFMADD231PS Z26, w, s2 \
	VFMADD231PS Z27, w, s3

#define ROW2(mem, w, s0, s1) \
	VMOVUPS.Z   mem, K1, w \
	VFMADD231PS Z24, w, s0 \
	VFMADD231PS Z25, w, s1

// NEXT ends a step and goes on to the next full one, then to the last one if there is one, then to
// sum.
#define NEXT(step, check, sum) \
	ADDQ   $64, AX  \
	ADDQ   $64, BX  \
	ADDQ   $64, CX  \
	DECQ   DX       \
	JNZ    step     \
	check:          \
	TESTL  R14, R14 \
	JZ     sum      \
	KMOVW  R14, K1  \
	XORL   R14, R14 \
	MOVL   $1, DX   \
	JMP    step

// SUM folds the sums of four rows with one vector into their four results. K2 says whether to add
// what is there.
#define SUM(a, b, c, d, mem) \
	VUNPCKLPS     b, a, Z24     \
	VUNPCKHPS     b, a, Z25     \
	VUNPCKLPS     d, c, Z26     \
	VUNPCKHPS     d, c, Z27     \
	VADDPS        Z25, Z24, Z24 \
	VADDPS        Z27, Z26, Z26 \
	VUNPCKLPD     Z26, Z24, Z25 \
	VUNPCKHPD     Z26, Z24, Z27 \
	VADDPS        Z27, Z25, Z25 \
	VEXTRACTF64X4 $1, Z25, Y24  \
	VADDPS        Y24, Y25, Y25 \
	VEXTRACTF32X4 $1, Y25, X24  \
	VADDPS        X24, X25, X25 \
	VMOVUPS.Z     mem, K2, X26  \
	VADDPS        X26, X25, X25 \
	VMOVUPS       X25, mem

// func denseMatrixTile6AVX512(y *float32, ld int, w, x *float32, stride, cols, groups int,
//	accumulate bool)
TEXT ·denseMatrixTile6AVX512(SB), NOSPLIT, $0-57
	ARGS

group:
	GROUP
	ZERO(Z0, Z1, Z2, Z3)
	ZERO(Z4, Z5, Z6, Z7)
	ZERO(Z8, Z9, Z10, Z11)
	ZERO(Z12, Z13, Z14, Z15)
	ZERO(Z16, Z17, Z18, Z19)
	ZERO(Z20, Z21, Z22, Z23)
	TESTQ R12, R12
	JZ    check

step:
	VMOVUPS.Z (AX), K1, Z24
	VMOVUPS.Z (AX)(R10*1), K1, Z25
	VMOVUPS.Z (AX)(R10*2), K1, Z26
	VMOVUPS.Z (BX), K1, Z27
	VMOVUPS.Z (BX)(R10*1), K1, Z28
	VMOVUPS.Z (BX)(R10*2), K1, Z29
	ROW6((CX), Z30, Z0, Z4, Z8, Z12, Z16, Z20)
	ROW6((CX)(R10*1), Z31, Z1, Z5, Z9, Z13, Z17, Z21)
	ROW6((CX)(R10*2), Z30, Z2, Z6, Z10, Z14, Z18, Z22)
	ROW6((CX)(R11*1), Z31, Z3, Z7, Z11, Z15, Z19, Z23)
	NEXT(step, check, sum)

sum:
	LEAQ (R8)(R8*2), AX
	ADDQ DI, AX
	SUM(Z0, Z1, Z2, Z3, (DI))
	SUM(Z4, Z5, Z6, Z7, (DI)(R8*1))
	SUM(Z8, Z9, Z10, Z11, (DI)(R8*2))
	SUM(Z12, Z13, Z14, Z15, (AX))
	SUM(Z16, Z17, Z18, Z19, (AX)(R8*1))
	SUM(Z20, Z21, Z22, Z23, (AX)(R8*2))
	ADDQ $16, DI
	LEAQ (SI)(R10*4), SI
	DECQ R15
	JNZ  group
	VZEROUPPER
	RET

// func denseMatrixTile4AVX512(y *float32, ld int, w, x *float32, stride, cols, groups int,
//	accumulate bool)
TEXT ·denseMatrixTile4AVX512(SB), NOSPLIT, $0-57
	ARGS

group:
	GROUP
	ZERO(Z0, Z1, Z2, Z3)
	ZERO(Z4, Z5, Z6, Z7)
	ZERO(Z8, Z9, Z10, Z11)
	ZERO(Z12, Z13, Z14, Z15)
	TESTQ R12, R12
	JZ    check

step:
	VMOVUPS.Z (AX), K1, Z24
	VMOVUPS.Z (AX)(R10*1), K1, Z25
	VMOVUPS.Z (AX)(R10*2), K1, Z26
	VMOVUPS.Z (BX), K1, Z27
	ROW4((CX), Z30, Z0, Z4, Z8, Z12)
	ROW4((CX)(R10*1), Z31, Z1, Z5, Z9, Z13)
	ROW4((CX)(R10*2), Z30, Z2, Z6, Z10, Z14)
	ROW4((CX)(R11*1), Z31, Z3, Z7, Z11, Z15)
	NEXT(step, check, sum)

sum:
	LEAQ (R8)(R8*2), AX
	ADDQ DI, AX
	SUM(Z0, Z1, Z2, Z3, (DI))
	SUM(Z4, Z5, Z6, Z7, (DI)(R8*1))
	SUM(Z8, Z9, Z10, Z11, (DI)(R8*2))
	SUM(Z12, Z13, Z14, Z15, (AX))
	ADDQ $16, DI
	LEAQ (SI)(R10*4), SI
	DECQ R15
	JNZ  group
	VZEROUPPER
	RET

// func denseMatrixTile2AVX512(y *float32, ld int, w, x *float32, stride, cols, groups int,
//	accumulate bool)
TEXT ·denseMatrixTile2AVX512(SB), NOSPLIT, $0-57
	ARGS

group:
	GROUP
	ZERO(Z0, Z1, Z2, Z3)
	ZERO(Z4, Z5, Z6, Z7)
	TESTQ R12, R12
	JZ    check

step:
	VMOVUPS.Z (AX), K1, Z24
	VMOVUPS.Z (AX)(R10*1), K1, Z25
	ROW2((CX), Z30, Z0, Z4)
	ROW2((CX)(R10*1), Z31, Z1, Z5)
	ROW2((CX)(R10*2), Z30, Z2, Z6)
	ROW2((CX)(R11*1), Z31, Z3, Z7)
	NEXT(step, check, sum)

sum:
	SUM(Z0, Z1, Z2, Z3, (DI))
	SUM(Z4, Z5, Z6, Z7, (DI)(R8*1))
	ADDQ $16, DI
	LEAQ (SI)(R10*4), SI
	DECQ R15
	JNZ  group
	VZEROUPPER
	RET
