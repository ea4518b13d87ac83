//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "avx2_amd64.h"

// Two vectors meet one panel: the sums of the first vector are Y0 and Y1, those of the second Y2 and
// Y3, and what a run of quads adds to them, in words, Y4 to Y7. Weights are the factor without a
// sign here, and inputs keep theirs: two vector operations for 32 products, one of them a
// multiplication, and two more a run. A Zen 4 has four units, two of which multiply, and takes 1.15
// times as long as that, because additions get in the way of multiplications (2.87 cycles for a quad,
// where mulU8TileAVX2 takes 4).

#define QUAD(i) \
	VMOVDQU      (64*i)(SI), Y8         \
	VMOVDQU      (64*i+32)(SI), Y9      \
	VPBROADCASTD (4*i)(BX), Y10         \
	VPBROADCASTD (4*i)(BX)(R13*1), Y11  \
	VPMADDUBSW   Y10, Y8, Y12           \
	VPMADDUBSW   Y10, Y9, Y13           \
	VPADDW       Y12, Y4, Y4            \
	VPADDW       Y13, Y5, Y5            \
	VPMADDUBSW   Y11, Y8, Y8            \
	VPMADDUBSW   Y11, Y9, Y9            \
	VPADDW       Y8, Y6, Y6             \
	VPADDW       Y9, Y7, Y7

// START lets the words of a run begin with what makes weights - 128 of weights.
#define START \
	VPBROADCASTD (R14), Y4         \
	VPBROADCASTD (R14), Y5         \
	VPBROADCASTD (R14)(R15*1), Y6  \
	VPBROADCASTD (R14)(R15*1), Y7  \
	ADDQ         $4, R14

#define WIDEN \
	VPMADDWD Y14, Y4, Y4 \
	VPMADDWD Y14, Y5, Y5 \
	VPMADDWD Y14, Y6, Y6 \
	VPMADDWD Y14, Y7, Y7 \
	VPADDD   Y4, Y0, Y0  \
	VPADDD   Y5, Y1, Y1  \
	VPADDD   Y6, Y2, Y2  \
	VPADDD   Y7, Y3, Y3

// APART adds to the sums a and b the products of quads that stand apart, which end in the group where
// ends says.
#define APART(ends, a, b, next, done) \
	MOVQ         ends, DX          \
	MOVLQSX      -4(DX)(R8*4), R10 \
	MOVLQSX      (DX)(R8*4), R11   \
	SUBQ         R10, R11          \
	JEQ          done              \
	SHLQ         $4, R10           \
	ADDQ         R9, R10           \
	next:                          \
	MOVL         (R10), DX         \
	VPBROADCASTD 4(R10), Y13       \
	VPBROADCASTD 8(R10), Y12       \
	DOT((AX)(DX*1), Y8, a)         \
	DOT(32(AX)(DX*1), Y9, b)       \
	ADDQ         $16, R10          \
	DECQ         R11               \
	JNE          next              \
	done:

// ADDY makes y of t and writes it to addr, times the scale of the rows. Y9 is the scale of the vector.
// Y15 is empty in the first block, so that y starts at 0.
#define ADDY(addr, scale, t) \
	VMASKMOVPS addr, Y15, Y10    \
	VCVTDQ2PS  t, t              \
	VMULPS     Y9, t, t          \
	VADDPS     t, Y10, t         \
	VMULPS     scale, t, t       \
	VMOVUPS    t, addr

// func mulU8RunsAVX2(a *runArgs)
// It leaves a at the vectors behind its own.
TEXT ·mulU8RunsAVX2(SB), 0, $256-8
	MOVQ a+0(FP), DI

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
	VMOVDQU      Y0, rows-64(SP)
	VMOVDQU      Y1, rows2-32(SP)
	MOVBLZX      tileArgs_first(DI), AX
	DECL         AX
	VMOVD        AX, X15
	VPBROADCASTD X15, Y15
	ONES

tile:
	MOVQ    runArgs_order(DI), AX
	MOVLQSX (AX), R8                // the first vector
	MOVLQSX 4(AX), R9               // and the second
	MOVQ    tileArgs_ld(DI), DX
	MOVQ    tileArgs_dst(DI), CX
	MOVQ    R8, R10
	IMULQ   DX, R10
	LEAQ    (CX)(R10*4), R10
	IMULQ   R9, DX
	LEAQ    (CX)(DX*4), R11
	MOVQ    R10, dst-104(SP)
	MOVQ    R11, dst2-112(SP)

	// Results are far apart, and in no near cache when the tile ends: to wait for them takes 0.04 of
	// an encoder's time (Zen 4, all-MiniLM-L6-v2).
	PREFETCHT0 (R10)
	PREFETCHT0 (R11)

	MOVQ    tileArgs_stride(DI), DX
	MOVQ    R8, BX
	IMULQ   DX, BX
	ADDQ    tileArgs_q(DI), BX
	MOVQ    R9, R13
	SUBQ    R8, R13
	MOVQ    R13, R15
	IMULQ   DX, R13
	MOVQ    runArgs_wordsSize(DI), DX
	IMULQ   DX, R15
	MOVQ    R8, R14
	IMULQ   DX, R14
	ADDQ    runArgs_words(DI), R14

	MOVQ  tileArgs_groups(DI), DX
	MOVQ  tileArgs_init(DI), AX
	MOVQ  runArgs_ends(DI), CX
	IMULQ DX, R8
	LEAQ  (AX)(R8*4), R10
	LEAQ  (CX)(R8*4), R11
	IMULQ DX, R9
	LEAQ  (AX)(R9*4), AX
	LEAQ  (CX)(R9*4), CX
	MOVQ  R10, init-72(SP)
	MOVQ  AX, init2-80(SP)
	MOVQ  R11, ends-88(SP)
	MOVQ  CX, ends2-96(SP)
	MOVQ  tileArgs_codes(DI), SI
	MOVQ  tileArgs_quads(DI), CX
	XORL  R8, R8                  // the group

group:
	MOVQ         init-72(SP), AX
	VPBROADCASTD (AX)(R8*4), Y0
	VMOVDQA      Y0, Y1
	MOVQ         init2-80(SP), AX
	VPBROADCASTD (AX)(R8*4), Y2
	VMOVDQA      Y2, Y3
	MOVQ         tileArgs_groupQuads(DI), AX
	CMPQ         CX, AX
	CMOVQLT      CX, AX
	SUBQ         AX, CX
	SUBQ         $8, AX
	JLT          ones

run:
	START
	QUAD(0)
	QUAD(1)
	QUAD(2)
	QUAD(3)
	QUAD(4)
	QUAD(5)
	QUAD(6)
	QUAD(7)
	WIDEN
	ADDQ $512, SI
	ADDQ $32, BX
	SUBQ $8, AX
	JGE  run

ones:
	ADDQ $8, AX
	JEQ  apart

one:
	START
	QUAD(0)
	WIDEN
	ADDQ $64, SI
	ADDQ $4, BX
	DECQ AX
	JNE  one

apart:
	MOVQ runArgs_apart(DI), R9
	MOVQ tileArgs_codes(DI), AX
	APART(ends-88(SP), Y0, Y1, next, second)
	APART(ends2-96(SP), Y2, Y3, next2, multiply)

	MOVQ      tileArgs_mult(DI), AX
	MOVQ      R8, R9
	SHLQ      $4, R9
	VPMOVSXBD (AX)(R9*1), Y8
	VPMOVSXBD 8(AX)(R9*1), Y9
	VPMULLD   Y8, Y0, Y0
	VPMULLD   Y9, Y1, Y1
	VPMULLD   Y8, Y2, Y2
	VPMULLD   Y9, Y3, Y3
	TESTQ     R8, R8
	JEQ       firstGroup
	VPADDD    t-256(SP), Y0, Y0
	VPADDD    t1-224(SP), Y1, Y1
	VPADDD    t2-192(SP), Y2, Y2
	VPADDD    t3-160(SP), Y3, Y3

firstGroup:
	TESTQ   CX, CX
	JEQ     finish
	VMOVDQU Y0, t-256(SP)
	VMOVDQU Y1, t1-224(SP)
	VMOVDQU Y2, t2-192(SP)
	VMOVDQU Y3, t3-160(SP)
	INCQ    R8
	JMP     group

finish:
	MOVQ         runArgs_order(DI), AX
	MOVLQSX      (AX), R8
	MOVLQSX      4(AX), R9
	ADDQ         $8, AX
	MOVQ         AX, runArgs_order(DI)
	MOVQ         tileArgs_scales(DI), AX
	MOVQ         tileArgs_blocks(DI), CX
	MOVQ         R8, BX
	IMULQ        CX, BX
	VBROADCASTSS (AX)(BX*4), Y9
	MOVQ         dst-104(SP), R10
	ADDY((R10), rows-64(SP), Y0)
	ADDY(32(R10), rows2-32(SP), Y1)
	IMULQ        R9, CX
	VBROADCASTSS (AX)(CX*4), Y9
	MOVQ         dst2-112(SP), R10
	ADDY((R10), rows-64(SP), Y2)
	ADDY(32(R10), rows2-32(SP), Y3)
	DECQ         tileArgs_tiles(DI)
	JNE          tile
	VZEROUPPER
	RET
