//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// Four vectors share the widening of the weights (see HALF in mulu8_avx2_amd64.s). Y8 and Y9 are
// the even and odd columns of rows 0-7, Y10 and Y11 of rows 8-15; vector i has its sums in low and
// high and its words, even and odd, at 512*i in the frame.
#define STEP(i, low, high) \
	VPBROADCASTD (512*i)(DX), Y12      \
	VPBROADCASTD (512*i+256)(DX), Y13  \
	VPMADDWD     Y12, Y8, Y14          \
	VPMADDWD     Y12, Y10, Y15         \
	VPADDD       Y14, low, low         \
	VPADDD       Y15, high, high       \
	VPMADDWD     Y13, Y9, Y14          \
	VPMADDWD     Y13, Y11, Y15         \
	VPADDD       Y14, low, low         \
	VPADDD       Y15, high, high

#define INIT(i, low, high) \
	VPBROADCASTD (BX), low             \
	ADDQ         R15, BX               \
	VMOVDQA      low, high

#define MULTIPLY(i, low, high) \
	VPMULLD Y8, low, low               \
	VPMULLD Y9, high, high

#define ADDT(i, low, high) \
	VPADDD (2048+64*i)(R12), low, low        \
	VPADDD (2048+64*i+32)(R12), high, high

#define STORET(i, low, high) \
	VMOVDQA low, (2048+64*i)(R12)            \
	VMOVDQA high, (2048+64*i+32)(R12)

#define FINISH(i, low, high) \
	VBROADCASTSS (BX), Y12             \
	ADDQ         R15, BX               \
	VCVTDQ2PS    low, low              \
	VCVTDQ2PS    high, high            \
	VMULPS       Y12, low, low         \
	VMULPS       Y12, high, high       \
	VMASKMOVPS   (R11), Y10, Y13       \
	VMASKMOVPS   32(R11), Y10, Y14     \
	VADDPS       low, Y13, Y13         \
	VADDPS       high, Y14, Y14        \
	VMULPS       Y8, Y13, Y13          \
	VMULPS       Y9, Y14, Y14          \
	VMOVUPS      Y13, (R11)            \
	VMOVUPS      Y14, 32(R11)          \
	ADDQ         R10, R11

#define EACH(M) \
	M(0, Y0, Y4) \
	M(1, Y1, Y5) \
	M(2, Y2, Y6) \
	M(3, Y3, Y7)

// func mulU8FourAVX2(a *tileArgs)
// The frame holds the words of four vectors, 2048 bytes, t of all sums between two groups, 256
// bytes, and the mask of the even columns, 32 bytes.
TEXT ·mulU8FourAVX2(SB), 0, $2432-8
	MOVQ     a+0(FP), DI
	LEAQ     words-2376(SP), R12
	ADDQ     $31, R12
	ANDQ     $~31, R12
	VPCMPEQW Y14, Y14, Y14
	VPSRLW   $8, Y14, Y14
	VMOVDQA  Y14, 2304(R12)
	MOVQ     tileArgs_dst(DI), R11
	MOVQ     tileArgs_ld(DI), R10
	SHLQ     $2, R10
	MOVQ     tileArgs_q(DI), R13
	MOVQ     tileArgs_tiles(DI), R9
	MOVQ     tileArgs_init(DI), AX
	MOVQ     AX, init-2384(SP)
	MOVQ     tileArgs_scales(DI), AX
	MOVQ     AX, scales-2392(SP)

tile:
	MOVQ $4, R8
	MOVQ R12, DX

vector:
	MOVQ R13, BX
	MOVQ DX, R14
	MOVQ tileArgs_quads(DI), CX
	SUBQ $8, CX
	JLT  widenOnes

widen:
	VMOVDQU (BX), Y0
	VPSRAW  $8, Y0, Y1
	VPSLLW  $8, Y0, Y0
	VPSRAW  $8, Y0, Y0
	VMOVDQA Y0, (R14)
	VMOVDQA Y1, 256(R14)
	ADDQ    $32, BX
	ADDQ    $32, R14
	SUBQ    $8, CX
	JGE     widen

widenOnes:
	ADDQ $8, CX
	JEQ  widened

widenOne:
	VMOVD  (BX), X0
	VPSRAW $8, X0, X1
	VPSLLW $8, X0, X0
	VPSRAW $8, X0, X0
	VMOVD  X0, (R14)
	VMOVD  X1, 256(R14)
	ADDQ   $4, BX
	ADDQ   $4, R14
	DECQ   CX
	JNE    widenOne

widened:
	ADDQ tileArgs_stride(DI), R13
	ADDQ $512, DX
	DECQ R8
	JNE  vector

	MOVQ  tileArgs_codes(DI), SI
	MOVQ  tileArgs_quads(DI), CX
	MOVQ  tileArgs_groups(DI), R15
	SHLQ  $2, R15
	MOVQ  R12, DX
	XORL  R8, R8                   // the group
	VPXOR Y0, Y0, Y0
	VMOVDQA Y0, 2048(R12)
	VMOVDQA Y0, 2080(R12)
	VMOVDQA Y0, 2112(R12)
	VMOVDQA Y0, 2144(R12)
	VMOVDQA Y0, 2176(R12)
	VMOVDQA Y0, 2208(R12)
	VMOVDQA Y0, 2240(R12)
	VMOVDQA Y0, 2272(R12)

group:
	MOVQ    init-2384(SP), BX
	LEAQ    (BX)(R8*4), BX
	EACH(INIT)
	MOVQ    tileArgs_groupQuads(DI), AX
	CMPQ    CX, AX
	CMOVQLT CX, AX
	SUBQ    AX, CX

quad:
	VMOVDQU (SI), Y9
	VMOVDQU 32(SI), Y11
	VPAND   2304(R12), Y9, Y8
	VPAND   2304(R12), Y11, Y10
	VPSRLW  $8, Y9, Y9
	VPSRLW  $8, Y11, Y11
	EACH(STEP)
	ADDQ    $4, DX
	ADDQ    $64, SI
	DECQ    AX
	JNE     quad

	MOVQ      tileArgs_mult(DI), BX
	TESTQ     BX, BX
	JEQ       add
	MOVQ      R8, AX
	SHLQ      $4, AX
	VPMOVSXBD (BX)(AX*1), Y8
	VPMOVSXBD 8(BX)(AX*1), Y9
	EACH(MULTIPLY)

add:
	EACH(ADDT)
	INCQ  R8
	TESTQ CX, CX
	JEQ   finish
	EACH(STORET)
	JMP   group

finish:
	MOVL         $0x3f800000, AX
	VMOVD        AX, X8
	VPBROADCASTD X8, Y8
	VMOVDQA      Y8, Y9
	MOVQ         tileArgs_scale(DI), AX
	TESTQ        AX, AX
	JEQ          sums
	VMOVUPS      (AX), Y8
	VMOVUPS      32(AX), Y9

sums:
	MOVBLZX      tileArgs_first(DI), AX
	DECL         AX
	VMOVD        AX, X10
	VPBROADCASTD X10, Y10               // empty in the first block, so that y starts at 0
	SHLQ         $2, R15
	ADDQ         R15, init-2384(SP)     // four vectors on
	MOVQ         scales-2392(SP), BX
	MOVQ         tileArgs_blocks(DI), R15
	SHLQ         $2, R15
	EACH(FINISH)
	MOVQ         BX, scales-2392(SP)
	DECQ         R9
	JNE          tile
	VZEROUPPER
	RET
