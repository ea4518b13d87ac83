//go:build !purego

#include "textflag.h"
#include "mulwindow_cut.h"

// A quarter of the rows at a time, so that what a step goes on from stays in registers. Shifts are
// those of bytes, and SLI puts the end of one byte in front of what is left of the next.

#define MOVE VMOV
#define XOR VEOR

#define T0 V0.B16
#define T1 V1.B16
#define T2 V2.B16
#define T3 V8.B16
#define H0 V3.B16
#define H1 V4.B16
#define H2 V5.B16
#define H3 V6.B16

#define CUT(byte, s, v) \
	VUSHR $s, byte, v   \
	VAND  V18.B16, v, v

#define CUT0(byte, v) VAND V18.B16, byte, v
#define CUT4(byte, v) VUSHR $4, byte, v

#define ACROSS(before, index, v) \
	VUSHR $2, index, v  \
	VSLI  $2, before, v \
	VAND  V18.B16, v, v

#define STRADDLE(before, byte, v) \
	VUSHR $4, byte, v   \
	VSLI  $4, before, v

#define LOOK(index, table, w) VTBL index, table, w

#define CODES(j, v) VLD1.P (R9)(R7), [v]

#define STEP(i, LOW, low, UP, up) \
	LOW(low, [V16.B16], V7.B16)  \
	UP(up, [V17.B16], V8.B16)    \
	VADD  V8.B16, V7.B16, V7.B16 \
	FMOVQ F7, (64*(i))(R8)

#define EVEN STEP
#define ODD STEP

// ENDS sets T0 and T1 to the last two bytes of codes before each lane of a block: those of the lane
// before it in this block, which ends at R5, or of the last lane of the block before.
#define ENDS \
	MOVD   R2, R8            \
	SUB    $128, R5, R9      \
	VLD1.P (R8)(R7), [V1.S4] \
	VLD1   (R8), [V0.S4]     \
	VLD1.P (R9)(R7), [V8.S4] \
	VLD1   (R9), [V7.S4]     \
	VUSHR  $24, V1.S4, V1.S4 \
	VUSHR  $24, V0.S4, V0.S4 \
	VSLI   $8, V8.S4, V1.S4  \
	VSLI   $8, V7.S4, V0.S4

// DECODE turns a quarter of the rows of a block into weights, then the next. V16 and V17 are the
// centroids.
#define DECODE(bits, HISTORY, UNIT) \
	MOVD     dst+0(FP), R0            \
	MOVD     codes+8(FP), R1          \
	MOVD     before+16(FP), R2        \
	MOVD     lookup+24(FP), R3        \
	MOVD     quads+40(FP), R4         \
	VLD1     (R3), [V16.B16, V17.B16] \
	VMOVI    $15, V18.B16             \
	MOVD     $(8*bits), R5            \
	MADD     R4, R1, R5, R5           \
	MOVD     $4, R6                   \
	MOVD     $64, R7                  \
	quarter:                          \
	ENDS                              \
	HISTORY                           \
	MOVD     R0, R8                   \
	MOVD     R1, R9                   \
	MOVD     R4, R10                  \
	unit:                             \
	UNIT                              \
	ADD      $512, R8                 \
	SUBS     $8, R10                  \
	BNE      unit                     \
	ADD      $16, R0                  \
	ADD      $16, R1                  \
	ADD      $16, R2                  \
	ADD      $16, R5                  \
	SUBS     $1, R6                   \
	BNE      quarter                  \
	RET

// func mulWindowDecodeNEON(dst, codes, before, lookup *byte, bits, quads int)
TEXT ·mulWindowDecodeNEON(SB), NOSPLIT, $0-48
	MOVD bits+32(FP), R0
	CMP  $3, R0
	BLT  two
	BEQ  three
	CMP  $4, R0
	BEQ  four
	JMP  bits5<>(SB)

two:
	JMP bits2<>(SB)

three:
	JMP bits3<>(SB)

four:
	JMP bits4<>(SB)

TEXT bits2<>(SB), NOSPLIT, $0-48
	DECODE(2, HISTORY2, UNIT2)

TEXT bits3<>(SB), NOSPLIT, $0-48
	DECODE(3, HISTORY3, UNIT3)

TEXT bits4<>(SB), NOSPLIT, $0-48
	DECODE(4, HISTORY4, UNIT4)

TEXT bits5<>(SB), NOSPLIT, $0-48
	DECODE(5, HISTORY5, UNIT5)
