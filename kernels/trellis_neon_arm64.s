//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"

DATA trellisBits<>+0(SB)/8, $0x0000000200000001
DATA trellisBits<>+8(SB)/8, $0x0000000800000004
DATA trellisBits<>+16(SB)/8, $0x0000002000000010
DATA trellisBits<>+24(SB)/8, $0x0000008000000040
GLOBL trellisBits<>(SB), RODATA|NOPTR, $32

// R0 the trellis, R1 the costs of levels, R2 the steps, R3 how many are left, R4 and R5
// Trellis.order for the lower and the upper predecessors; V14 and V15 the bits of eight decisions,
// V16 and on the costs of states, V24 and on those to come.
#define START \
	MOVD trellisWalk_steps(R6), R2 \
	MOVD $trellisBits<>(SB), R7    \
	VLD1 (R7), [V14.S4, V15.S4]    \
	ADD  $trellisWalk_costs, R6

// CANDIDATES leaves in V0 what the better candidates of the four subsets cost at the prepared step
// at R2, from the subset of the lowest candidate on.
#define CANDIDATES \
	VLD1R  (R2), [V0.S4]                 \
	MOVWU  4(R2), R4                     \
	AND    $255, R4, R5                  \
	ADD    R5<<2, R0, R7                 \
	ADD    $Trellis_levels, R7           \
	VLD1   (R7), [V1.S4, V2.S4]          \
	ADD    R4<<2, R1, R7                 \
	VLD1   (R7), [V3.S4, V4.S4]          \
	FSUB(1, 0, 1)                        \
	FSUB(2, 0, 2)                        \
	FMUL(1, 1, 1)                        \
	FMUL(2, 2, 2)                        \
	FADD(3, 1, 0)                        \
	FADD(4, 2, 1)                        \
	FCMGT(1, 0, 2)                       \
	VBIT   V2.B16, V1.B16, V0.B16        \
	VAND   V14.B16, V2.B16, V2.B16       \
	VADDV  V2.S4, V2                     \
	FMOVS  F2, R7                        \
	MOVB   R7, 5(R2)                     \
	AND    $3, R5                        \
	ADD    R5<<8, R0, R4                 \
	ADD    $128, R4, R5

// STATES takes eight states from the four predecessors in p and the four in q.
#define STATES(p, q, n0, n1, next0, next1, byte) \
	VLD1.P 32(R4), [V1.B16, V2.B16]       \
	VLD1.P 32(R5), [V3.B16, V4.B16]       \
	VTBL   V1.B16, [V0.B16], V1.B16       \
	VTBL   V2.B16, [V0.B16], V2.B16       \
	VTBL   V3.B16, [V0.B16], V3.B16       \
	VTBL   V4.B16, [V0.B16], V4.B16       \
	VZIP1  p.S4, p.S4, V5.S4              \
	VZIP2  p.S4, p.S4, V6.S4              \
	VZIP1  q.S4, q.S4, next0.S4           \
	VZIP2  q.S4, q.S4, next1.S4           \
	FADD(1, 5, 5)                         \
	FADD(2, 6, 6)                         \
	FADD(3, n0, n0)                       \
	FADD(4, n1, n1)                       \
	FCMGT(n0, 5, 1)                       \
	FCMGT(n1, 6, 2)                       \
	VBIF   V1.B16, V5.B16, next0.B16      \
	VBIF   V2.B16, V6.B16, next1.B16      \
	VAND   V14.B16, V1.B16, V1.B16        \
	VAND   V15.B16, V2.B16, V2.B16        \
	VORR   V2.B16, V1.B16, V1.B16         \
	VADDV  V1.S4, V1                      \
	FMOVS  F1, R7                         \
	MOVB   R7, byte(R2)

// func trellis8NEON(t *Trellis, cost *[256]float32, l *trellisWalk, n int)
TEXT ·trellis8NEON(SB), NOSPLIT, $0-32
	MOVD t+0(FP), R0
	MOVD cost+8(FP), R1
	MOVD l+16(FP), R6
	MOVD n+24(FP), R3
	START
	VLD1 (R6), [V16.S4, V17.S4]

loop:
	CANDIDATES
	STATES(V16, V17, 24, 25, V24, V25, 0)
	VORR V24.B16, V24.B16, V16.B16
	VORR V25.B16, V25.B16, V17.B16
	ADD  $8, R2
	SUBS $1, R3
	BNE  loop

	VST1 [V16.S4, V17.S4], (R6)
	RET

// func trellis32NEON(t *Trellis, cost *[256]float32, l *trellisWalk, n int)
TEXT ·trellis32NEON(SB), NOSPLIT, $0-32
	MOVD   t+0(FP), R0
	MOVD   cost+8(FP), R1
	MOVD   l+16(FP), R6
	MOVD   n+24(FP), R3
	START
	ADD    $64, R6, R8
	VLD1   (R6), [V16.S4, V17.S4, V18.S4, V19.S4]
	VLD1   (R8), [V20.S4, V21.S4, V22.S4, V23.S4]

loop:
	CANDIDATES
	STATES(V16, V20, 24, 25, V24, V25, 0)
	STATES(V17, V21, 26, 27, V26, V27, 1)
	STATES(V18, V22, 28, 29, V28, V29, 2)
	STATES(V19, V23, 30, 31, V30, V31, 3)
	VORR V24.B16, V24.B16, V16.B16
	VORR V25.B16, V25.B16, V17.B16
	VORR V26.B16, V26.B16, V18.B16
	VORR V27.B16, V27.B16, V19.B16
	VORR V28.B16, V28.B16, V20.B16
	VORR V29.B16, V29.B16, V21.B16
	VORR V30.B16, V30.B16, V22.B16
	VORR V31.B16, V31.B16, V23.B16
	ADD  $8, R2
	SUBS $1, R3
	BNE  loop

	VST1 [V16.S4, V17.S4, V18.S4, V19.S4], (R6)
	VST1 [V20.S4, V21.S4, V22.S4, V23.S4], (R8)
	RET
