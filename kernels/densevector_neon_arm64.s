//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// One row at a time: cold, distant rows starve the prefetcher. Eight sums hide the latency of FMLA.

// func denseVectorNEON(y, w, x []float32)
TEXT ·denseVectorNEON(SB), NOSPLIT, $0-72
	MOVD y_base+0(FP), R0
	MOVD y_len+8(FP), R1
	MOVD w_base+24(FP), R2

row:
	MOVD x_base+48(FP), R3
	MOVD x_len+56(FP), R4
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16
	VEOR V2.B16, V2.B16, V2.B16
	VEOR V3.B16, V3.B16, V3.B16
	VEOR V4.B16, V4.B16, V4.B16
	VEOR V5.B16, V5.B16, V5.B16
	VEOR V6.B16, V6.B16, V6.B16
	VEOR V7.B16, V7.B16, V7.B16
	SUBS $32, R4
	BLT  four

eights:
	VLD1.P 64(R2), [V16.S4, V17.S4, V18.S4, V19.S4]
	VLD1.P 64(R3), [V24.S4, V25.S4, V26.S4, V27.S4]
	VLD1.P 64(R2), [V20.S4, V21.S4, V22.S4, V23.S4]
	VLD1.P 64(R3), [V28.S4, V29.S4, V30.S4, V31.S4]
	VFMLA  V24.S4, V16.S4, V0.S4
	VFMLA  V25.S4, V17.S4, V1.S4
	VFMLA  V26.S4, V18.S4, V2.S4
	VFMLA  V27.S4, V19.S4, V3.S4
	VFMLA  V28.S4, V20.S4, V4.S4
	VFMLA  V29.S4, V21.S4, V5.S4
	VFMLA  V30.S4, V22.S4, V6.S4
	VFMLA  V31.S4, V23.S4, V7.S4
	SUBS   $32, R4
	BGE    eights

four:
	TBZ    $4, R4, two
	VLD1.P 64(R2), [V16.S4, V17.S4, V18.S4, V19.S4]
	VLD1.P 64(R3), [V24.S4, V25.S4, V26.S4, V27.S4]
	VFMLA  V24.S4, V16.S4, V0.S4
	VFMLA  V25.S4, V17.S4, V1.S4
	VFMLA  V26.S4, V18.S4, V2.S4
	VFMLA  V27.S4, V19.S4, V3.S4

two:
	TBZ    $3, R4, one
	VLD1.P 32(R2), [V20.S4, V21.S4]
	VLD1.P 32(R3), [V28.S4, V29.S4]
	VFMLA  V28.S4, V20.S4, V4.S4
	VFMLA  V29.S4, V21.S4, V5.S4

one:
	TBZ    $2, R4, rest
	VLD1.P 16(R2), [V22.S4]
	VLD1.P 16(R3), [V30.S4]
	VFMLA  V30.S4, V22.S4, V6.S4

rest:
	ANDS $3, R4
	BEQ  fold

tail:
	FMOVS.P 4(R2), F16            // the other lanes are 0
	FMOVS.P 4(R3), F24
	VFMLA   V24.S4, V16.S4, V7.S4
	SUBS    $1, R4
	BNE     tail

fold:
	FADD(1, 0, 0)
	FADD(3, 2, 2)
	FADD(5, 4, 4)
	FADD(7, 6, 6)
	FADD(2, 0, 0)
	FADD(6, 4, 4)
	FADD(4, 0, 0)
	FADDP(0, 0, 0)
	FADDP(0, 0, 0)
	FMOVS.P F0, 4(R0)
	SUBS    $1, R1
	BNE     row
	RET
