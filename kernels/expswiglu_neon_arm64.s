//go:build !purego

#include "textflag.h"
#include "exp_neon_arm64.h"

// func expSwiGLUNEON(gate, up []float32)
// V0-V3 gates, V4-V7 what they are for, V20 the least gate, V21 -log2 e.
TEXT ·expSwiGLUNEON(SB), NOSPLIT, $0-48
	MOVD    gate_base+0(FP), R0
	MOVD    gate_len+8(FP), R1
	MOVD    up_base+24(FP), R2
	NUMBERS
	ADD     $32, R3
	VLD1R.P 4(R3), [V20.S4] // number 16
	VLD1R   (R3), [V21.S4]
	CBZ     R1, done

loop:
	VLD1   (R0), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1.P 64(R2), [V4.S4, V5.S4, V6.S4, V7.S4]
	EACH4(FMAX, 20, 0, 0)
	EACH4(FMUL, 21, 0, 8)
	EACH4(FMAX, LEAST, 8, 8)
	EXP2
	EACH4(FADD, ONE, 16, 16)
	ALL4(FDIV, 16, 0, 0)
	ALL4(FMUL, 4, 0, 0)
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0)
	SUBS   $16, R1
	BNE    loop

done:
	RET
