//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "avx2_amd64.h"

// QUAD adds to low and high the products of one quad of input with two times eight rows. Y15 turns
// weights into signed bytes, less 128.
#define QUAD(i, low, high) \
	VPBROADCASTD (4*i)(BX), Y12            \
	VPABSB       Y12, Y13                  \
	VPXOR        (64*i)(SI), Y15, Y10      \
	VPXOR        (64*i+32)(SI), Y15, Y11   \
	DOT(Y10, low)                          \
	DOT(Y11, high)

// func mulU8VecAVX2(a *vecArgs)
TEXT ·mulU8VecAVX2(SB), NOSPLIT, $0-8
	MOVQ         a+0(FP), DI
	ONES
	MOVL         $0x80808080, AX
	VMOVD        AX, X15
	VPBROADCASTD X15, Y15
	MOVQ         vecArgs_codes(DI), SI
	MOVQ         vecArgs_mult(DI), DX
	MOVQ         vecArgs_dst(DI), R8
	MOVQ         vecArgs_scale(DI), R9
	MOVQ         vecArgs_panels(DI), R10

panel:
	MOVQ  vecArgs_q(DI), BX
	MOVQ  vecArgs_scales(DI), R11
	MOVQ  vecArgs_init(DI), R12
	MOVQ  vecArgs_quads(DI), R13
	VPXOR Y0, Y0, Y0              // y
	VPXOR Y1, Y1, Y1

block:
	MOVQ    vecArgs_blockQuads(DI), CX
	CMPQ    R13, CX
	CMOVQLT R13, CX
	SUBQ    CX, R13
	VPXOR   Y2, Y2, Y2                 // t
	VPXOR   Y3, Y3, Y3

group:
	MOVQ         vecArgs_groupQuads(DI), AX
	CMPQ         CX, AX
	CMOVQLT      CX, AX
	SUBQ         AX, CX
	VPBROADCASTD (R12), Y4
	ADDQ         $4, R12
	VMOVDQA      Y4, Y5
	VPXOR        Y6, Y6, Y6
	VPXOR        Y7, Y7, Y7
	SUBQ         $4, AX
	JLT          ones

fours:
	QUAD(0, Y4, Y5)
	QUAD(1, Y6, Y7)
	QUAD(2, Y4, Y5)
	QUAD(3, Y6, Y7)
	ADDQ $256, SI
	ADDQ $16, BX
	SUBQ $4, AX
	JGE  fours

ones:
	ADDQ $4, AX
	JEQ  sum

one:
	QUAD(0, Y4, Y5)
	ADDQ $64, SI
	ADDQ $4, BX
	DECQ AX
	JNE  one

sum:
	VPADDD    Y6, Y4, Y4
	VPADDD    Y7, Y5, Y5
	VPMOVSXBD (DX), Y6
	VPMOVSXBD 8(DX), Y7
	ADDQ      $16, DX
	VPMULLD   Y6, Y4, Y4
	VPMULLD   Y7, Y5, Y5
	VPADDD    Y4, Y2, Y2
	VPADDD    Y5, Y3, Y3
	TESTQ     CX, CX
	JNE       group

	VBROADCASTSS (R11), Y6
	ADDQ         $4, R11
	VCVTDQ2PS    Y2, Y2
	VCVTDQ2PS    Y3, Y3
	VMULPS       Y6, Y2, Y2
	VMULPS       Y6, Y3, Y3
	VADDPS       Y2, Y0, Y0
	VADDPS       Y3, Y1, Y1
	TESTQ        R13, R13
	JNE          block

	VMULPS  (R9), Y0, Y0
	VMULPS  32(R9), Y1, Y1
	VMOVUPS Y0, (R8)
	VMOVUPS Y1, 32(R8)
	ADDQ    $64, R9
	ADDQ    $64, R8
	DECQ    R10
	JNE     panel
	VZEROUPPER
	RET
