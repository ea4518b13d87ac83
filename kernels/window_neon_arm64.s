//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"

// As with AVX2, the least costs of the predecessors, by their lower bits, go to the stack, and from
// there into the new costs.
//
// R0 costs, R1 back, R2 x, R3 values left, R4 weight, R5 bytes to the next weight, R6 table, R7
// least, R8 bytes from one predecessor with the same lower bits to the next, R9 registers of
// windows with the same predecessors. V16 the least costs, V17 the upper bits they come from, V20
// x, V21 weight, V24-V27 the numbers 0 to 3, V28 4.

// EQUAL writes its number over V5 where a cost is the least of four.
#define EQUAL(number, cost) \
	VCMEQ cost.S4, V4.S4, cost.S4      \
	VBIT  cost.B16, number.B16, V5.B16

// LEAST sets V4 to the least costs of four registers of predecessors, V5 to the lowest that have
// them.
#define LEAST \
	VLD1.P (R11)(R8), [V0.S4]       \
	VLD1.P (R11)(R8), [V1.S4]       \
	VLD1.P (R11)(R8), [V2.S4]       \
	VLD1.P (R11)(R8), [V3.S4]       \
	FMIN(1, 0, 4)                   \
	FMIN(3, 2, 5)                   \
	FMIN(5, 4, 4)                   \
	VORR   V27.B16, V27.B16, V5.B16 \
	EQUAL(V26, V2)                  \
	EQUAL(V25, V1)                  \
	EQUAL(V24, V0)

// func windowStepsNEON(a *windowArgs)
TEXT ·windowStepsNEON(SB), NOSPLIT, $256-8
	MOVD a+0(FP), R10
	MOVD windowArgs_cost(R10), R0
	MOVD windowArgs_back(R10), R1
	MOVD windowArgs_x(R10), R2
	MOVD windowArgs_n(R10), R3
	MOVD windowArgs_w(R10), R4
	MOVD windowArgs_step(R10), R5
	MOVD windowArgs_bits(R10), R10
	MOVD $1024, R8
	LSR  R10, R8
	MOVD $1, R9
	LSL  R10, R9
	LSR  $2, R9
	MOVD a+0(FP), R10
	VEOR V24.B16, V24.B16, V24.B16
	MOVD $1, R6
	VDUP R6, V25.S4
	MOVD $2, R6
	VDUP R6, V26.S4
	MOVD $3, R6
	VDUP R6, V27.S4
	MOVD $4, R6
	VDUP R6, V28.S4

value:
	MOVD $least-256(SP), R7
	MOVD $0, R12

lower:
	ADD  R12, R0, R11
	MOVD R9, R13
	LEAST
	VORR V4.B16, V4.B16, V16.B16
	VORR V5.B16, V5.B16, V17.B16
	VORR V28.B16, V28.B16, V18.B16
	SUBS $1, R13
	BEQ  put

more:
	LEAST
	VADD V18.S4, V5.S4, V5.S4
	VADD V28.S4, V18.S4, V18.S4
	FCMGT(4, 16, 6)
	VBIT V6.B16, V4.B16, V16.B16
	VBIT V6.B16, V5.B16, V17.B16
	SUBS $1, R13
	BNE  more

put:
	VST1.P  [V16.S4], 16(R7)
	VUZP1   V17.H8, V17.H8, V17.H8
	VUZP1   V17.B16, V17.B16, V17.B16
	FMOVS.P F17, 4(R1)
	ADD     $16, R12
	CMP     R8, R12
	BNE     lower

	FMOVS.P 4(R2), F20
	VDUP    V20.S[0], V20.S4
	FMOVS   (R4), F21
	VDUP    V21.S[0], V21.S4
	ADD     R5, R4
	MOVD    windowArgs_table(R10), R6
	MOVD    $least-256(SP), R7
	MOVD    R0, R11
	ADD     $1024, R0, R12

same:
	VLD1R.P 4(R7), [V2.S4]
	MOVD    R9, R13

window:
	VLD1.P 16(R6), [V0.S4]
	FSUB(0, 20, 1)
	FMUL(1, 1, 1)
	FMUL(21, 1, 1)
	FADD(1, 2, 1)
	VST1.P [V1.S4], 16(R11)
	SUBS   $1, R13
	BNE    window
	CMP    R12, R11
	BNE    same
	SUBS   $1, R3
	BNE    value
	RET
