//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"

// FOUR sets w to the windows of four rows, eight columns each, two rows to a register of words:
// shuffles bring each window into two bytes, a product moves it to the upper one. q0 and q1 are the
// two quads.
#define FOUR(words, words2, q0, q1) \
	VTBL  V25.B16, [words.B16], V8.B16   \
	VTBL  V26.B16, [words.B16], V9.B16   \
	VTBL  V25.B16, [words2.B16], V10.B16 \
	VTBL  V26.B16, [words2.B16], V11.B16 \
	MULH(30, 8, 8)                       \
	MULH(30, 9, 9)                       \
	MULH(30, 10, 10)                     \
	MULH(30, 11, 11)                     \
	VUZP2 V9.B16, V8.B16, V8.B16         \
	VUZP2 V11.B16, V10.B16, V10.B16      \
	VUZP1 V10.S4, V8.S4, q0.S4           \
	VUZP2 V10.S4, V8.S4, q1.S4

// EIGHT writes half of two quads.
#define EIGHT \
	VLD1.P 64(R8), [V0.B16, V1.B16, V2.B16, V3.B16] \
	VLD1.P 64(R9), [V4.B16, V5.B16, V6.B16, V7.B16] \
	VBIT   V24.B16, V0.B16, V4.B16                  \
	VBIT   V24.B16, V1.B16, V5.B16                  \
	VBIT   V24.B16, V2.B16, V6.B16                  \
	VBIT   V24.B16, V3.B16, V7.B16                  \
	FOUR(V4, V5, V12, V14)                          \
	FOUR(V6, V7, V13, V15)                          \
	VST1.P [V12.B16, V13.B16], 32(R0)               \
	VST1.P [V14.B16, V15.B16], 32(R10)

// func mulWindowCutNEON(dst, codes, before *byte, cut *windowCut, quads int)
TEXT ·mulWindowCutNEON(SB), NOSPLIT, $0-40
	MOVD dst+0(FP), R0
	MOVD codes+8(FP), R1
	MOVD before+16(FP), R2
	MOVD cut+24(FP), R3
	MOVD quads+32(FP), R4
	ADD  $windowCut_scale, R3, R5
	VLD1 (R5), [V30.B16]

columns:
	ADD  $windowCut_steps, R3, R5
	MOVD $8, R6

step:
	VLD1 (R5), [V24.B16, V25.B16, V26.B16] // upper, first and other
	MOVD R1, R8
	MOVD R2, R9
	ADD  $64, R0, R10
	EIGHT
	EIGHT
	MOVD R10, R0
	MOVD windowStep_next(R5), R7
	CMP  $0, R7
	CSEL NE, R1, R2, R2                    // the words before
	ADD  R7, R1
	ADD  $windowStep__size, R5
	SUBS $1, R6
	BNE  step
	SUBS $16, R4
	BNE  columns
	RET
