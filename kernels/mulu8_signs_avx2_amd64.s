//go:build !purego

#include "textflag.h"

// SIGNS writes the magnitudes and signs of the columns in X0, and which pairs of quads are large, and
// adds the products of the first two to X7. X3 is bytes of 1, X4 words of 1, X5 is 0, X6 bytes of
// -128, X8 words of 256.
#define SIGNS(store) \
	VPABSB     X0, X1           \
	VPCMPGTB   X0, X5, X2       \
	VPXOR      X6, X2, X2       \
	store      X1, (DI)         \
	store      X2, (DI)(R8*1)   \
	VPMADDUBSW X3, X1, X9       \
	VPSRLQ     $32, X9, X10     \
	VPADDW     X10, X9, X9      \
	VPCMPGTW   X8, X9, X9       \
	store      X9, (DI)(R8*2)   \
	VPMADDUBSW X2, X1, X1       \
	VPMADDWD   X4, X1, X1       \
	VPADDD     X1, X7, X7

// func mulU8SignsAVX2(dst *int8, signs int, starts *int32, q *int8, init *int32, quads,
//	groupQuads int)
TEXT ·mulU8SignsAVX2(SB), NOSPLIT, $0-56
	MOVQ         dst+0(FP), DI
	MOVQ         signs+8(FP), R8
	MOVQ         starts+16(FP), R9
	MOVQ         q+24(FP), SI
	MOVQ         init+32(FP), R10
	MOVQ         quads+40(FP), CX
	MOVQ         groupQuads+48(FP), R11
	VPXOR        X5, X5, X5
	VPCMPEQW     X4, X4, X4
	VPSRLW       $15, X4, X4
	MOVL         $0x80808080, AX
	VMOVD        AX, X6
	VPBROADCASTD X6, X6
	VPSLLW       $8, X4, X8
	VPOR         X8, X4, X3

group:
	MOVQ    R11, AX
	CMPQ    CX, AX
	CMOVQLT CX, AX
	SUBQ    AX, CX
	VPXOR   X7, X7, X7
	SUBQ    $4, AX
	JLT     ones

fours:
	VMOVDQU (SI), X0
	SIGNS(VMOVDQU)
	ADDQ    $16, SI
	ADDQ    $16, DI
	SUBQ    $4, AX
	JGE     fours

ones:
	ADDQ  $4, AX
	CMPQ  AX, $2
	JLT   one
	VMOVQ (SI), X0
	SIGNS(VMOVQ)
	ADDQ  $8, SI
	ADDQ  $8, DI
	SUBQ  $2, AX

one:
	TESTQ AX, AX
	JEQ   sum
	VMOVD (SI), X0
	SIGNS(VMOVD)
	ADDQ  $4, SI
	ADDQ  $4, DI

sum:
	VPSHUFD $0x4e, X7, X0
	VPADDD  X0, X7, X7
	VPSHUFD $0xb1, X7, X0
	VPADDD  X0, X7, X7
	VMOVD   X7, AX
	MOVL    (R10), DX
	SUBL    AX, DX
	MOVL    DX, (R9)
	ADDQ    $4, R10
	ADDQ    $4, R9
	TESTQ   CX, CX
	JNE     group
	RET
