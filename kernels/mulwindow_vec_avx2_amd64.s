//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "avx2_amd64.h"
#include "mulwindow_cut_amd64.h"
#include "mulwindow_half_amd64.h"
#include "mulwindow_vec_amd64.h"

// Y15 and Y11 are the centroids, Y9 is the sum.
#define STEP(i, LOW, low, UP, up) \
	INPUT((4*(i)), BX, DX) \
	LOW(low, Y15, Y7)      \
	UP(up, Y11, Y8)        \
	VPADDB Y8, Y7, Y7      \
	DOT(Y7, Y7, Y9)

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
	MOVQ           vecArgs_signs(DI), DX

// func mulWindow2VecAVX2(a *vecArgs)
// The frame holds y.
TEXT ·mulWindow2VecAVX2(SB), NOSPLIT, $32-8
	CENTROIDS
	MULTIPLY(2, HISTORY2, UNIT2)

// func mulWindow3VecAVX2(a *vecArgs)
TEXT ·mulWindow3VecAVX2(SB), NOSPLIT, $32-8
	CENTROIDS
	MULTIPLY(3, HISTORY3, UNIT3)

// func mulWindow4VecAVX2(a *vecArgs)
TEXT ·mulWindow4VecAVX2(SB), NOSPLIT, $32-8
	CENTROIDS
	MULTIPLY(4, HISTORY4, UNIT4)

// func mulWindow5VecAVX2(a *vecArgs)
TEXT ·mulWindow5VecAVX2(SB), NOSPLIT, $32-8
	CENTROIDS
	MULTIPLY(5, HISTORY5, UNIT5)
