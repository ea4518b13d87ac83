//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "avxvnni_amd64.h"
#include "mulnibble_vec_amd64.h"

// LOW multiplies the quad of the low halves of the codes in Y0 (rows 0-7) and Y1 (rows 8-15), HIGH
// that of the high halves; the latter spoils Y0 and Y1. Y15 is the lookup, Y14 the mask of a half.
#define LOW(x, low, high) \
	VPBROADCASTD x, Y12          \
	VPAND        Y14, Y0, Y13    \
	VPSHUFB      Y13, Y15, Y13   \
	VPDPBUSD_VEX(12, 13, low)    \
	VPAND        Y14, Y1, Y13    \
	VPSHUFB      Y13, Y15, Y13   \
	VPDPBUSD_VEX(12, 13, high)

#define HIGH(x, low, high) \
	VPBROADCASTD x, Y12          \
	VPSRLW       $4, Y0, Y0      \
	VPSRLW       $4, Y1, Y1      \
	VPAND        Y14, Y0, Y0     \
	VPAND        Y14, Y1, Y1     \
	VPSHUFB      Y0, Y15, Y0     \
	VPSHUFB      Y1, Y15, Y1     \
	VPDPBUSD_VEX(12, 0, low)     \
	VPDPBUSD_VEX(12, 1, high)

#define CODES(i) \
	VMOVDQU (64*i)(SI), Y0       \
	VMOVDQU (64*i+32)(SI), Y1

// Eight accumulators, in pairs, so that a VPDPBUSD need not wait for the one before it.
#define PAIR(i, a, b, c, d) \
	CODES(i)                     \
	LOW((8*i)(BX), a, b)         \
	HIGH((8*i+4)(BX), c, d)

#define PAIR0 PAIR(0, 4, 5, 6, 7)
#define PAIR1 PAIR(1, 8, 9, 10, 11)
#define FIRST CODES(0) LOW((BX), 4, 5)
#define SECOND CODES(0) HIGH((BX), 6, 7)

// func mulNibbleVecAVXVNNI(a *vecArgs)
// The frame holds y.
TEXT ·mulNibbleVecAVXVNNI(SB), NOSPLIT, $64-8
	MOVQ           a+0(FP), DI
	MOVQ           vecArgs_lookup(DI), AX
	VBROADCASTI128 (AX), Y15
	MOVL           $0x0f0f0f0f, AX
	VMOVD          AX, X14
	VPBROADCASTD   X14, Y14
	PANELS
	VPXOR        Y6, Y6, Y6
	VPXOR        Y7, Y7, Y7
	VPXOR        Y8, Y8, Y8
	VPXOR        Y9, Y9, Y9
	VPXOR        Y10, Y10, Y10
	VPXOR        Y11, Y11, Y11
	MULTIPLY

sum:
	VPADDD Y6, Y4, Y4
	VPADDD Y7, Y5, Y5
	VPADDD Y10, Y8, Y8
	VPADDD Y11, Y9, Y9
	VPADDD Y8, Y4, Y4
	VPADDD Y9, Y5, Y5
	NEXT
