//go:build !purego

#include "textflag.h"
#include "exp_neon_arm64.h"

// PLUS adds the number in lane i of v.
#define PLUS(v, i) \
	VDUP v.S[i], V21.S4    \
	EACH4(FADD, 21, 8, 8)

// func expGELUNEON(x, bias []float32)
// V0-V3 values, V4-V7 their magnitudes, V8-V11 logarithms, V20 zero, V31 the most of a magnitude.
TEXT ·expGELUNEON(SB), NOSPLIT, $0-48
	MOVD x_base+0(FP), R0
	MOVD x_len+8(FP), R1
	MOVD bias_base+24(FP), R2
	NUMBERS
	VLD1 (R3), [V22.S4, V23.S4] // numbers 8 to 11 and 12 to 15
	VDUP V23.S[3], V31.S4
	VEOR V20.B16, V20.B16, V20.B16
	CBZ  R1, done

loop:
	VLD1   (R0), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1.P 64(R2), [V4.S4, V5.S4, V6.S4, V7.S4]
	ALL4(FADD, 4, 0, 0)
	FABS(0, 4)
	FABS(1, 5)
	FABS(2, 6)
	FABS(3, 7)
	EACH4(FMIN, 31, 4, 4)
	FMULLANE(23, 2, 4, 8)
	FMULLANE(23, 2, 5, 9)
	FMULLANE(23, 2, 6, 10)
	FMULLANE(23, 2, 7, 11)
	PLUS(V23, 1)
	ALL4(FMUL, 4, 8, 8)
	PLUS(V23, 0)
	ALL4(FMUL, 4, 8, 8)
	PLUS(V22, 3)
	ALL4(FMUL, 4, 8, 8)
	PLUS(V22, 2)
	ALL4(FMUL, 4, 8, 8)
	PLUS(V22, 1)
	ALL4(FMUL, 4, 8, 8)
	PLUS(V22, 0)
	EXP2
	ALL4(FMUL, 4, 16, 16)

	// FMAX would take the sign off a -0.
	FCMGT(0, 20, 4)
	FCMGT(1, 20, 5)
	FCMGT(2, 20, 6)
	FCMGT(3, 20, 7)
	VBIT   V4.B16, V20.B16, V0.B16
	VBIT   V5.B16, V20.B16, V1.B16
	VBIT   V6.B16, V20.B16, V2.B16
	VBIT   V7.B16, V20.B16, V3.B16
	ALL4(FSUB, 16, 0, 0)
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0)
	SUBS   $16, R1
	BNE    loop

done:
	RET
