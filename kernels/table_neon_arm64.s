//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

#define TOP \
	VLD1.P 64(R0), [V0.S4, V1.S4, V2.S4, V3.S4] \
	ABS(0, 0)                                   \
	ABS(1, 1)                                   \
	ABS(2, 2)                                   \
	ABS(3, 3)                                   \
	VUMAX  V0.S4, V4.S4, V4.S4                  \
	VUMAX  V1.S4, V5.S4, V5.S4                  \
	VUMAX  V2.S4, V6.S4, V6.S4                  \
	VUMAX  V3.S4, V7.S4, V7.S4

// func tableTotalNEON(work *int32, segments int) int32
TEXT ·tableTotalNEON(SB), NOSPLIT, $0-20
	MOVD work+0(FP), R0
	MOVD segments+8(FP), R1
	MOVD $0, R2             // the total

segment:
	VEOR V4.B16, V4.B16, V4.B16
	VEOR V5.B16, V5.B16, V5.B16
	VEOR V6.B16, V6.B16, V6.B16
	VEOR V7.B16, V7.B16, V7.B16
	MOVD $(256/64), R3

step:
	TOP
	TOP
	TOP
	TOP
	SUBS $1, R3
	BNE  step

	VUMAX V5.S4, V4.S4, V4.S4
	VUMAX V7.S4, V6.S4, V6.S4
	VUMAX V6.S4, V4.S4, V4.S4
	UMAXV(4, 4)
	FMOVS F4, R4
	ADDW  R4, R2
	SUBS  $1, R1
	BNE   segment
	MOVW  R2, ret+16(FP)
	RET

// func tablePackNEON(data *int16, work *int32, segments int, f float32)
TEXT ·tablePackNEON(SB), NOSPLIT, $0-28
	MOVD  data+0(FP), R0
	MOVD  work+8(FP), R1
	MOVD  segments+16(FP), R2
	FMOVS f+24(FP), F30
	LSL   $4, R2              // 16 values at a time

loop:
	VLD1.P 64(R1), [V0.S4, V1.S4, V2.S4, V3.S4]
	SCVTF(0, 0)
	SCVTF(1, 1)
	SCVTF(2, 2)
	SCVTF(3, 3)
	FMULLANE(30, 0, 0, 0)
	FMULLANE(30, 0, 1, 1)
	FMULLANE(30, 0, 2, 2)
	FMULLANE(30, 0, 3, 3)
	FCVTNS(0, 0)
	FCVTNS(1, 1)
	FCVTNS(2, 2)
	FCVTNS(3, 3)
	VUZP1  V1.H8, V0.H8, V0.H8
	VUZP1  V3.H8, V2.H8, V1.H8
	VST1.P [V0.H8, V1.H8], 32(R0)
	SUBS   $1, R2
	BNE    loop
	RET
