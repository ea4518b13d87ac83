//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "avx2_amd64.h"

// LOW multiplies the quad of the low halves of the codes in Y0 (rows 0-7) and Y1 (rows 8-15), HIGH
// that of the high halves; the latter spoils Y0 and Y1. Y15 is the lookup, its weights less 128,
// Y11 the mask of a half.
#define LOW(x, low, high) \
	VPBROADCASTD x, Y12          \
	VPABSB       Y12, Y13        \
	VPAND        Y11, Y0, Y9     \
	VPAND        Y11, Y1, Y10    \
	VPSHUFB      Y9, Y15, Y9     \
	VPSHUFB      Y10, Y15, Y10   \
	DOT(Y9, low)                 \
	DOT(Y10, high)

#define HIGH(x, low, high) \
	VPBROADCASTD x, Y12          \
	VPABSB       Y12, Y13        \
	VPSRLW       $4, Y0, Y0      \
	VPSRLW       $4, Y1, Y1      \
	VPAND        Y11, Y0, Y0     \
	VPAND        Y11, Y1, Y1     \
	VPSHUFB      Y0, Y15, Y0     \
	VPSHUFB      Y1, Y15, Y1     \
	DOT(Y0, low)                 \
	DOT(Y1, high)

#define CODES(i) \
	VMOVDQU (64*i)(SI), Y0       \
	VMOVDQU (64*i+32)(SI), Y1

#define PAIR(i) \
	CODES(i)                     \
	LOW((8*i)(BX), Y4, Y5)       \
	HIGH((8*i+4)(BX), Y6, Y7)

// func mulNibbleVecAVX2(a *vecArgs)
// A group may begin or end in the middle of a pair of quads: R14 is 1 while the low half of the
// pair at SI is used up. The frame holds y.
TEXT ·mulNibbleVecAVX2(SB), NOSPLIT, $64-8
	MOVQ           a+0(FP), DI
	ONES
	MOVQ           vecArgs_lookup(DI), AX
	VBROADCASTI128 (AX), Y15
	MOVL           $0x80808080, AX
	VMOVD          AX, X11
	VPBROADCASTD   X11, Y11
	VPXOR          Y11, Y15, Y15
	MOVL           $0x0f0f0f0f, AX
	VMOVD          AX, X11
	VPBROADCASTD   X11, Y11
	MOVQ           vecArgs_codes(DI), SI
	MOVQ           vecArgs_mult(DI), DX
	MOVQ           vecArgs_dst(DI), R8
	MOVQ           vecArgs_scale(DI), R9
	MOVQ           vecArgs_panels(DI), R10

panel:
	MOVQ    vecArgs_q(DI), BX
	MOVQ    vecArgs_scales(DI), R11
	MOVQ    vecArgs_init(DI), R12
	MOVQ    vecArgs_quads(DI), R13
	XORL    R14, R14
	VPXOR   Y0, Y0, Y0
	VMOVUPS Y0, y-64(SP)
	VMOVUPS Y0, y-32(SP)

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
	TESTQ        R14, R14
	JNE          second

pairs:
	SUBQ $4, AX
	JLT  two

fours:
	PAIR(0)
	PAIR(1)
	ADDQ $128, SI
	ADDQ $16, BX
	SUBQ $4, AX
	JGE  fours

two:
	ADDQ $4, AX
	JEQ  sum
	CMPQ AX, $2
	JLT  one
	PAIR(0)
	ADDQ $64, SI
	ADDQ $8, BX
	SUBQ $2, AX
	JEQ  sum

one:
	CODES(0)
	LOW((BX), Y4, Y5)
	ADDQ $4, BX
	INCQ R14

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
	VADDPS       y-64(SP), Y2, Y2
	VADDPS       y-32(SP), Y3, Y3
	VMOVUPS      Y2, y-64(SP)
	VMOVUPS      Y3, y-32(SP)
	TESTQ        R13, R13
	JNE          block

	VMULPS  (R9), Y2, Y2
	VMULPS  32(R9), Y3, Y3
	VMOVUPS Y2, (R8)
	VMOVUPS Y3, 32(R8)
	ADDQ    $64, R9
	ADDQ    $64, R8
	SHLQ    $6, R14
	ADDQ    R14, SI        // an odd number of quads leaves half a pair unused
	DECQ    R10
	JNE     panel
	VZEROUPPER
	RET

second:
	CODES(0)
	HIGH((BX), Y6, Y7)
	ADDQ $64, SI
	ADDQ $4, BX
	XORL R14, R14
	DECQ AX
	JNE  pairs
	JMP  sum
