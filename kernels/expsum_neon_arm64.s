//go:build !purego

#include "textflag.h"
#include "exp_neon_arm64.h"

// func expSumLargestNEON(x []float32) float32
TEXT ·expSumLargestNEON(SB), NOSPLIT, $0-28
	MOVD x_base+0(FP), R0
	MOVD x_len+8(FP), R1
	MOVD $0xff800000, R2  // minus infinity
	VDUP R2, V0.S4
	VDUP R2, V1.S4
	VDUP R2, V2.S4
	VDUP R2, V3.S4
	CBZ  R1, done

loop:
	VLD1.P 64(R0), [V4.S4, V5.S4, V6.S4, V7.S4]
	ALL4(FMAX, 4, 0, 0)
	SUBS   $16, R1
	BNE    loop

done:
	FOLD4(FMAX)
	FMOVS F0, ret+24(FP)
	RET

// func expSumNEON(x []float32, largest, perUnit float32) float32
// V0-V3 the sums, V4 the largest value, V5 what differences are multiplied by.
TEXT ·expSumNEON(SB), NOSPLIT, $0-36
	MOVD  x_base+0(FP), R0
	MOVD  x_len+8(FP), R1
	FMOVS largest+24(FP), F4
	FMOVS perUnit+28(FP), F5
	VDUP  V4.S[0], V4.S4
	VDUP  V5.S[0], V5.S4
	NUMBERS
	ZERO4(V0, V1, V2, V3)
	CBZ   R1, done

loop:
	VLD1   (R0), [V8.S4, V9.S4, V10.S4, V11.S4]
	EACH4(FSUB, 4, 8, 8)
	EACH4(FMUL, 5, 8, 8)
	EACH4(FMAX, LEAST, 8, 8)
	EXP2
	VST1.P [V16.S4, V17.S4, V18.S4, V19.S4], 64(R0)
	ALL4(FADD, 16, 0, 0)
	SUBS   $16, R1
	BNE    loop

done:
	FOLD4(FADD)
	FMOVS F0, ret+32(FP)
	RET
