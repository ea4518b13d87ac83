//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "window_bits_amd64.h"
#include "avx2_amd64.h"
#include "mulwindow_cut_amd64.h"
#include "mulwindow_half_amd64.h"
#include "mulwindow_vec_amd64.h"

// Y15 and Y11 are the centroids, Y9 is the sum, for eight rows at a time.
#define STEP(i, LOW, low, UP, up) \
	INPUT((4*(i)), BX, DX) \
	LOW(low, Y15, Y7)      \
	UP(up, Y11, Y8)        \
	VPADDB Y8, Y7, Y7      \
	DOT(Y7, Y7, Y9)

#define BELOW4 Y10
#define EVEN STEP
#define ODD STEP
#define START VMOVDQA Y0, Y9
#define SUM VMOVDQA Y9, Y0

#define CENTROIDS \
	MOVQ           a+0(FP), DI            \
	ONES                                  \
	MOVQ           vecArgs_lookup(DI), AX \
	VBROADCASTI128 (AX), Y15              \
	VBROADCASTI128 16(AX), Y11            \
	VMOVDQU        below4<>(SB), BELOW4   \
	MOVQ           vecArgs_signs(DI), DX

// With 4 bits there are registers for both halves of a panel, so that what is broadcast serves
// twice: Y0 and Y1 are H0 and H1 of the upper eight rows, Y2 and Y3 those of the others, Y6 and Y9
// the sums. On a Zen 4 [3072, 1024] takes 0.93 of the time of two halves in turn, from memory 0.90.
// What bounds it are 19 vector operations for 64 weights, of which a Zen 4 does 3.5 a cycle; to
// prefetch codes does not help.

// BEGIN makes the history of eight rows of a block that ends at end. last has the last byte of the
// last lane before it.
#define BEGIN(end, last, lower, upper) \
	VMOVDQU end, Y7             \
	VPSLLD  $8, Y7, Y7          \
	VPOR    last, Y7, Y7        \
	CUT0(Y7, lower)             \
	CUT4(Y7, upper)             \
	VPXOR   lower, upper, upper

// PRODUCTS adds those of step i of eight rows.
#define PRODUCTS(lower, upper, sums) \
	VPSHUFB lower, Y15, Y7 \
	VPSHUFB upper, Y11, Y8 \
	VPADDB  Y8, Y7, Y7     \
	DOT(Y7, Y7, sums)

// FIRSTCODE adds the products of the first code of byte, which becomes the lower index of the second
// one. lower becomes the upper index of that, and upper the one of the code after it.
#define FIRSTCODE(byte, lower, upper, sums) \
	VPSHUFB upper, Y11, Y8   \
	CUT4(byte, Y7)           \
	CUT0(byte, byte)         \
	VPXOR   byte, Y7, upper  \
	VPXOR   Y7, lower, lower \
	VPSHUFB Y7, Y15, Y7      \
	VPADDB  Y8, Y7, Y7       \
	DOT(Y7, Y7, sums)

#define BOTH(j) \
	VMOVDQU (64*j)(SI), Y4    \
	VMOVDQU (64*j+32)(SI), Y5 \
	INPUT((8*j), BX, DX)      \
	FIRSTCODE(Y4, Y0, Y1, Y6) \
	FIRSTCODE(Y5, Y2, Y3, Y9) \
	INPUT((8*j+4), BX, DX)    \
	PRODUCTS(Y4, Y0, Y6)      \
	PRODUCTS(Y5, Y2, Y9)      \
	VMOVDQA Y4, Y0            \
	VMOVDQA Y5, Y2

// func mulWindowVecAVX2(a *vecArgs)
TEXT ·mulWindowVecAVX2(SB), NOSPLIT, $0-8
	MOVQ a+0(FP), DI
	BYBITS(vecArgs_bits(DI))

// The frame holds y.
TEXT bits2<>(SB), NOSPLIT, $32-8
	CENTROIDS
	MULTIPLY(2, HISTORY2, UNIT2)

TEXT bits3<>(SB), NOSPLIT, $32-8
	CENTROIDS
	MULTIPLY(3, HISTORY3, UNIT3)

// The frame holds y.
TEXT bits4<>(SB), NOSPLIT, $64-8
	CENTROIDS
	MOVQ vecArgs_codes(DI), SI
	MOVQ vecArgs_dst(DI), R8
	MOVQ vecArgs_scale(DI), R9
	MOVQ vecArgs_panels(DI), R10

panel:
	MOVQ    vecArgs_q(DI), BX
	MOVQ    vecArgs_scales(DI), R11
	MOVQ    vecArgs_init(DI), R12
	MOVQ    vecArgs_quads(DI), R13
	VMOVDQU (SI), Y4
	VMOVDQU 32(SI), Y5
	VPSLLD  $24, Y4, Y4             // the byte before a row is its first one
	VPSLLD  $24, Y5, Y5
	VPXOR   Y0, Y0, Y0
	VMOVUPS Y0, y-64(SP)
	VMOVUPS Y0, y-32(SP)

block:
	VPSRLD       $24, Y4, Y4
	VPSRLD       $24, Y5, Y5
	MOVQ         vecArgs_blockQuads(DI), CX
	CMPQ         R13, CX
	CMOVQLT      R13, CX
	SUBQ         CX, R13
	MOVQ         CX, AX
	SHLQ         $5, AX
	ADDQ         SI, AX
	BEGIN(-64(AX), Y4, Y0, Y1)
	BEGIN(-32(AX), Y5, Y2, Y3)
	VPBROADCASTD (R12), Y6
	VMOVDQA      Y6, Y9
	ADDQ         $4, R12

unit:
	BOTH(0)
	BOTH(1)
	BOTH(2)
	BOTH(3)
	ADDQ $256, SI
	ADDQ $32, BX
	SUBQ $8, CX
	JNE  unit

	VMOVDQU      -64(SI), Y4
	VMOVDQU      -32(SI), Y5
	VCVTDQ2PS    Y6, Y6
	VCVTDQ2PS    Y9, Y9
	VBROADCASTSS (R11), Y7
	ADDQ         $4, R11
	VMULPS       Y7, Y6, Y6
	VMULPS       Y7, Y9, Y9
	VADDPS       y-64(SP), Y6, Y6
	VADDPS       y-32(SP), Y9, Y9
	VMOVUPS      Y6, y-64(SP)
	VMOVUPS      Y9, y-32(SP)
	TESTQ        R13, R13
	JNE          block

	VMULPS  (R9), Y6, Y6
	VMULPS  32(R9), Y9, Y9
	VMOVUPS Y6, (R8)
	VMOVUPS Y9, 32(R8)
	ADDQ    $64, R9
	ADDQ    $64, R8
	DECQ    R10
	JNE     panel
	VZEROUPPER
	RET

TEXT bits5<>(SB), NOSPLIT, $32-8
	CENTROIDS
	MULTIPLY(5, HISTORY5, UNIT5)
