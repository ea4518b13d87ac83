//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// Sixteen values at a time; V0-V3 their sums.

// func addNormNEON(x, y, bias []float32) float32
TEXT ·addNormNEON(SB), NOSPLIT, $0-76
	MOVD x_base+0(FP), R0
	MOVD x_len+8(FP), R1
	MOVD y_base+24(FP), R2
	MOVD bias_base+48(FP), R3
	ZERO4(V0, V1, V2, V3)
	CBZ  R1, done

loop:
	VLD1.P 64(R2), [V4.S4, V5.S4, V6.S4, V7.S4]
	VLD1.P 64(R3), [V16.S4, V17.S4, V18.S4, V19.S4]
	VLD1   (R0), [V20.S4, V21.S4, V22.S4, V23.S4]
	ALL4(FADD, 16, 4, 4)
	ALL4(FADD, 20, 4, 4)
	VST1.P [V4.S4, V5.S4, V6.S4, V7.S4], 64(R0)
	ALL4(FADD, 4, 0, 0)
	SUBS   $16, R1
	BNE    loop

done:
	FOLD4(FADD)
	FMOVS F0, ret+72(FP)
	RET

// func addNormSquaresNEON(x []float32, mean float32) float32
TEXT ·addNormSquaresNEON(SB), NOSPLIT, $0-36
	MOVD  x_base+0(FP), R0
	MOVD  x_len+8(FP), R1
	FMOVS mean+24(FP), F16
	VDUP  V16.S[0], V16.S4
	ZERO4(V0, V1, V2, V3)
	CBZ   R1, done

loop:
	VLD1.P 64(R0), [V4.S4, V5.S4, V6.S4, V7.S4]
	EACH4(FSUB, 16, 4, 4)
	ALL4(FMUL, 4, 4, 4)
	ALL4(FADD, 4, 0, 0)
	SUBS   $16, R1
	BNE    loop

done:
	FOLD4(FADD)
	FMOVS F0, ret+32(FP)
	RET

// func addNormScaleNEON(x, gain, shift []float32, mean, by float32)
TEXT ·addNormScaleNEON(SB), NOSPLIT, $0-80
	MOVD  x_base+0(FP), R0
	MOVD  x_len+8(FP), R1
	MOVD  gain_base+24(FP), R2
	MOVD  shift_base+48(FP), R3
	FMOVS mean+72(FP), F24
	FMOVS by+76(FP), F25
	VDUP  V24.S[0], V24.S4
	VDUP  V25.S[0], V25.S4
	CBZ   R1, done

loop:
	VLD1   (R0), [V4.S4, V5.S4, V6.S4, V7.S4]
	VLD1.P 64(R2), [V16.S4, V17.S4, V18.S4, V19.S4]
	VLD1.P 64(R3), [V20.S4, V21.S4, V22.S4, V23.S4]
	EACH4(FSUB, 24, 4, 4)
	EACH4(FMUL, 25, 4, 4)
	ALL4(FMUL, 16, 4, 4)
	ALL4(FADD, 20, 4, 4)
	VST1.P [V4.S4, V5.S4, V6.S4, V7.S4], 64(R0)
	SUBS   $16, R1
	BNE    loop

done:
	RET
