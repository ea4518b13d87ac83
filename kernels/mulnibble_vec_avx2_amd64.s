//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "avx2_amd64.h"
#include "mulnibble_vec_amd64.h"

// LOW multiplies the quad of the low halves of the codes in Y0 (rows 0-7) and Y1 (rows 8-15), HIGH
// that of the high halves; the latter spoils Y0 and Y1. Y15 is the lookup, Y11 the mask of a half.
#define LOW(x, low, high) \
	INPUT(x, BX, R15)            \
	VPAND        Y11, Y0, Y9     \
	VPAND        Y11, Y1, Y10    \
	VPSHUFB      Y9, Y15, Y9     \
	VPSHUFB      Y10, Y15, Y10   \
	DOT(Y9, Y9, low)             \
	DOT(Y10, Y10, high)

#define HIGH(x, low, high) \
	INPUT(x, BX, R15)            \
	VPSRLW       $4, Y0, Y0      \
	VPSRLW       $4, Y1, Y1      \
	VPAND        Y11, Y0, Y0     \
	VPAND        Y11, Y1, Y1     \
	VPSHUFB      Y0, Y15, Y0     \
	VPSHUFB      Y1, Y15, Y1     \
	DOT(Y0, Y0, low)             \
	DOT(Y1, Y1, high)

#define CODES(i) \
	VMOVDQU (64*i)(SI), Y0       \
	VMOVDQU (64*i+32)(SI), Y1

#define PAIR(i) \
	CODES(i)                     \
	LOW((8*i), Y4, Y5)           \
	HIGH((8*i+4), Y6, Y7)

#define PAIR0 PAIR(0)
#define PAIR1 PAIR(1)
#define FIRST CODES(0) LOW(0, Y4, Y5)
#define SECOND CODES(0) HIGH(0, Y6, Y7)

// func mulNibbleVecAVX2(a *vecArgs)
// The frame holds y.
TEXT ·mulNibbleVecAVX2(SB), NOSPLIT, $64-8
	MOVQ           a+0(FP), DI
	ONES
	MOVQ           vecArgs_lookup(DI), AX
	VBROADCASTI128 (AX), Y15
	MOVQ           vecArgs_signs(DI), R15
	MOVL           $0x0f0f0f0f, AX
	VMOVD          AX, X11
	VPBROADCASTD   X11, Y11
	PANELS
	VPXOR        Y6, Y6, Y6
	VPXOR        Y7, Y7, Y7
	MULTIPLY

sum:
	VPADDD Y6, Y4, Y4
	VPADDD Y7, Y5, Y5
	NEXT
