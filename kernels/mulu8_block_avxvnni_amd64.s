//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "avxvnni_amd64.h"
#include "mulu8_avxvnni_amd64.h"

#define FINISH(t, off, scale) \
	VCVTDQ2PS    t, t                \
	VMULPS       Y6, t, t            \
	VMASKMOVPS   (off)(R11), Y15, Y7 \
	VADDPS       t, Y7, Y7           \
	VMULPS       scale, Y7, Y7     \
	VMOVUPS      Y7, (off)(R11)

// func mulU8BlockAVXVNNI(a *tileArgs)
// Y0 and Y1 are the scales of the rows in the last block and 1 before.
TEXT ·mulU8BlockAVXVNNI(SB), NOSPLIT, $0-8
	MOVQ         a+0(FP), DI
	MOVL         $0x3f800000, AX
	VMOVD        AX, X0
	VPBROADCASTD X0, Y0
	VMOVDQA      Y0, Y1
	MOVQ         tileArgs_scale(DI), AX
	TESTQ        AX, AX
	JEQ          start
	VMOVUPS      (AX), Y0
	VMOVUPS      32(AX), Y1

start:
	MOVBLZX      tileArgs_first(DI), AX
	DECL         AX
	VMOVD        AX, X15
	VPBROADCASTD X15, Y15               // empty in the first block, so that y starts at 0
	MOVQ         tileArgs_dst(DI), R11
	MOVQ         tileArgs_q(DI), R13
	MOVQ         tileArgs_init(DI), R10
	MOVQ         tileArgs_scales(DI), R15
	MOVQ         tileArgs_tiles(DI), R9

vector:
	MOVQ  tileArgs_codes(DI), SI
	MOVQ  tileArgs_mult(DI), R8
	MOVQ  tileArgs_quads(DI), CX
	MOVQ  R13, BX
	MOVQ  R10, DX
	VPXOR Y2, Y2, Y2              // t
	VPXOR Y3, Y3, Y3

group:
	MOVQ         tileArgs_groupQuads(DI), AX
	CMPQ         CX, AX
	CMOVQLT      CX, AX
	SUBQ         AX, CX
	VPBROADCASTD (DX), Y4
	ADDQ         $4, DX
	VMOVDQA      Y4, Y5
	DOT
	TESTQ        R8, R8
	JEQ          add
	VPMOVSXBD    (R8), Y6
	VPMOVSXBD    8(R8), Y7
	ADDQ         $16, R8
	VPMULLD      Y6, Y4, Y4
	VPMULLD      Y7, Y5, Y5

add:
	VPADDD Y4, Y2, Y2
	VPADDD Y5, Y3, Y3
	TESTQ  CX, CX
	JNE    group

	VBROADCASTSS (R15), Y6
	FINISH(Y2, 0, Y0)
	FINISH(Y3, 32, Y1)
	MOVQ         tileArgs_ld(DI), AX
	LEAQ         (R11)(AX*4), R11
	MOVQ         tileArgs_groups(DI), AX
	LEAQ         (R10)(AX*4), R10
	MOVQ         tileArgs_blocks(DI), AX
	LEAQ         (R15)(AX*4), R15
	ADDQ         tileArgs_stride(DI), R13
	DECQ         R9
	JNE          vector
	VZEROUPPER
	RET
