//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "window_bits_amd64.h"
#include "avxvnni_amd64.h"
#include "mulwindow_cut_amd64.h"
#include "mulwindow_half_amd64.h"
#include "mulwindow_vec_amd64.h"

// Y15 and Y14 are the centroids. The sums are in Y8 to Y11, so that a VPDPBUSD need not wait for the
// one before it.
#define STEP(i, LOW, low, UP, up) \
	LOW(low, Y15, Y7)              \
	UP(up, Y14, Y13)               \
	VPADDB       Y13, Y7, Y7       \
	VPBROADCASTD (4*(i))(BX), Y13  \
	VPDPBUSD_VEX(13, 7, 8+((i)&3))

#define BELOW4 Y12
#define EVEN STEP
#define ODD STEP

#define START \
	VMOVDQA Y0, Y8        \
	VPXOR   Y9, Y9, Y9    \
	VPXOR   Y10, Y10, Y10 \
	VPXOR   Y11, Y11, Y11

#define SUM \
	VPADDD Y9, Y8, Y8    \
	VPADDD Y11, Y10, Y10 \
	VPADDD Y10, Y8, Y0

#define CENTROIDS \
	MOVQ           a+0(FP), DI            \
	MOVQ           vecArgs_lookup(DI), AX \
	VBROADCASTI128 (AX), Y15              \
	VBROADCASTI128 16(AX), Y14            \
	VMOVDQU        below4<>(SB), BELOW4

// func mulWindowVecAVXVNNI(a *vecArgs)
TEXT ·mulWindowVecAVXVNNI(SB), NOSPLIT, $0-8
	MOVQ a+0(FP), DI
	BYBITS(vecArgs_bits(DI))

// The frame holds y.
TEXT bits2<>(SB), NOSPLIT, $32-8
	CENTROIDS
	MULTIPLY(2, HISTORY2, UNIT2)

TEXT bits3<>(SB), NOSPLIT, $32-8
	CENTROIDS
	MULTIPLY(3, HISTORY3, UNIT3)

TEXT bits4<>(SB), NOSPLIT, $32-8
	CENTROIDS
	MULTIPLY(4, HISTORY4, UNIT4)

TEXT bits5<>(SB), NOSPLIT, $32-8
	CENTROIDS
	MULTIPLY(5, HISTORY5, UNIT5)
