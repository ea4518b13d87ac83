//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"

// The 16 windows that differ in their last four bits, a group, have neighbouring costs and, in a
// row of 16, neighbouring errors. Their predecessors are one state at 4 and 5 bits, two at 3, four
// at 2.
//
// R0 costs, R1 next, R2 errors, R3 back, R4 x, R5 values left, R6 weight, R7 bytes to the next
// weight, R8 upper centroids, R9 tags, R10 bits, R11 bits + 2; R21 the bits of a tag, R22 infinity.
// Among groups: R13 their number, R14 the upper eight bits of a window, in which R12 leads to the
// next predecessor, and so is the number of groups; all of them times the 64 bytes of a row of
// errors, so that bit 14 of R14 is set behind the last predecessor. R15 walks along the costs of
// predecessors in steps of R16, R19 along tags, R20 along next; R17 is a row of errors. Among
// errors R15 walks along the upper centroids, R17 along rows, and R23 counts.
//
// V0-V3 the costs of predecessors, V4-V7 those of windows, V16-V19 the least so far, V20 the base,
// V21 the bits of a tag, V22 those of 16 tags, V23 bits, V24-V27 the lower centroids, V28 2^23, V29
// the largest error.

// SQUARE sets d to the square of what a lower centroid leaves of V4.
#define SQUARE(lower, d) \
	FSUB(lower, 4, d) \
	FMUL(d, d, d)

// ERROR turns a square into an error; V4 is the least square, V5 the weight.
#define ERROR(d) \
	FSUB(4, d, d)  \
	FMUL(5, d, d)  \
	FMIN(29, d, d) \
	FCVTNS(d, d)   \
	SSHL(23, d, d)

// SUMS sets s0 to s3 to the costs of a group of windows.
#define SUMS(PREDECESSORS, c0, c1, c2, c3, s0, s1, s2, s3) \
	PREDECESSORS                             \
	EOR  R14>>4, R14, R17                    \
	AND  $(15<<6), R17                       \
	ADD  R2, R17                             \
	ADD  R12, R14                            \
	VLD1 (R17), [V4.S4, V5.S4, V6.S4, V7.S4] \
	VADD V4.S4, c0.S4, s0.S4                 \
	VADD V5.S4, c1.S4, s1.S4                 \
	VADD V6.S4, c2.S4, s2.S4                 \
	VADD V7.S4, c3.S4, s3.S4

// GROUPS takes a value's step to all windows. The cost of the first of all becomes the base.
#define GROUPS(PREDECESSORS, c0, c1, c2, c3, group, more, based) \
	MOVD   $0, R13                                         \
	MOVD   R9, R19                                         \
	MOVD   R1, R20                                         \
	group:                                                 \
	LSR    R11, R13, R15                                   \
	ADD    R15<<2, R0, R15                                 \
	MOVD   R13, R14                                        \
	SUMS(PREDECESSORS, c0, c1, c2, c3, V16, V17, V18, V19) \
	more:                                                  \
	SUMS(PREDECESSORS, c0, c1, c2, c3, V4, V5, V6, V7)     \
	SMIN(4, 16, 16)                                        \
	SMIN(5, 17, 17)                                        \
	SMIN(6, 18, 18)                                        \
	SMIN(7, 19, 19)                                        \
	TBZ    $14, R14, more                                  \
	VUZP1  V17.H8, V16.H8, V0.H8                           \
	VUZP1  V19.H8, V18.H8, V1.H8                           \
	VUZP1  V1.B16, V0.B16, V0.B16                          \
	VAND   V22.B16, V0.B16, V0.B16                         \
	VST1.P [V0.B16], 16(R3)                                \
	CBNZ   R13, based                                      \
	VMOV   V16.S[0], R23                                   \
	BIC    R21, R23                                        \
	VDUP   R23, V20.S4                                     \
	based:                                                 \
	VLD1.P 64(R19), [V4.S4, V5.S4, V6.S4, V7.S4]           \
	VSUB   V20.S4, V16.S4, V16.S4                          \
	VSUB   V20.S4, V17.S4, V17.S4                          \
	VSUB   V20.S4, V18.S4, V18.S4                          \
	VSUB   V20.S4, V19.S4, V19.S4                          \
	VBIT   V21.B16, V4.B16, V16.B16                        \
	VBIT   V21.B16, V5.B16, V17.B16                        \
	VBIT   V21.B16, V6.B16, V18.B16                        \
	VBIT   V21.B16, V7.B16, V19.B16                        \
	VST1.P [V16.S4, V17.S4, V18.S4, V19.S4], 64(R20)       \
	ADD    $64, R13                                        \
	CMP    R12, R13                                        \
	BNE    group

#define ONE VLD1R.P (R15)(R16), [V0.S4]
#define TWO VLD2R.P (R15)(R16), [V0.S4, V1.S4]
#define FOUR VLD4R.P (R15)(R16), [V0.S4, V1.S4, V2.S4, V3.S4]

// func windowStepsNEON(a *windowArgs)
TEXT ·windowStepsNEON(SB), NOSPLIT, $0-8
	MOVD   a+0(FP), R23
	MOVD   windowArgs_costs(R23), R0
	MOVD   windowArgs_next(R23), R1
	MOVD   windowArgs_errors(R23), R2
	MOVD   windowArgs_back(R23), R3
	MOVD   windowArgs_x(R23), R4
	MOVD   windowArgs_n(R23), R5
	MOVD   windowArgs_w(R23), R6
	MOVD   windowArgs_step(R23), R7
	MOVD   windowArgs_table(R23), R8
	MOVD   windowArgs_tags(R23), R9
	MOVD   windowArgs_bits(R23), R10
	VLD1.P 64(R8), [V24.S4, V25.S4, V26.S4, V27.S4]
	ADD    $2, R10, R11
	MOVD   $(256<<6), R12
	LSR    R10, R12
	LSR    R10, R12, R16
	MOVD   $1, R21
	LSL    R10, R21
	SUB    $1, R21
	MOVD   $0x7f800000, R22
	VDUP   R21, V21.S4
	VDUP   R21, V22.B16
	VDUP   R10, V23.S4
	MOVD   $const_windowUnit, R23
	VDUP   R23, V28.S4
	SCVTF(28, 28)
	MOVD   $const_windowLargest, R23
	LSR    R10, R23
	VDUP   R23, V29.S4
	SCVTF(29, 29)

value:
	VLD1R.P 4(R4), [V17.S4]
	VDUP    R22, V16.S4
	MOVD    R8, R15
	MOVD    R2, R17
	MOVD    $16, R23

square:
	VLD1R.P 4(R15), [V4.S4]
	FSUB(4, 17, 4)
	SQUARE(24, 0)
	SQUARE(25, 1)
	SQUARE(26, 2)
	SQUARE(27, 3)
	VST1.P  [V0.S4, V1.S4, V2.S4, V3.S4], 64(R17)
	FMIN(1, 0, 0)
	FMIN(3, 2, 2)
	FMIN(2, 0, 0)
	FMIN(0, 16, 16)
	SUBS    $1, R23
	BNE     square

	VEXT  $8, V16.B16, V16.B16, V4.B16
	FMIN(16, 4, 4)
	VEXT  $4, V4.B16, V4.B16, V5.B16
	FMIN(5, 4, 4)
	VLD1R (R6), [V5.S4]
	ADD   R7, R6
	FMUL(28, 5, 5)
	MOVD  R2, R17
	MOVD  $16, R23

error:
	VLD1   (R17), [V0.S4, V1.S4, V2.S4, V3.S4]
	ERROR(0)
	ERROR(1)
	ERROR(2)
	ERROR(3)
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R17)
	SUBS   $1, R23
	BNE    error

	CMP $3, R10
	BEQ three
	BLT two
	GROUPS(ONE, V0, V0, V0, V0, groupOne, moreOne, basedOne)
	B   done

three:
	GROUPS(TWO, V0, V0, V1, V1, groupTwo, moreTwo, basedTwo)
	B done

two:
	GROUPS(FOUR, V0, V1, V2, V3, groupFour, moreFour, basedFour)

done:
	MOVD R0, R23
	MOVD R1, R0
	MOVD R23, R1
	SUBS $1, R5
	BNE  value
	RET
