//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// func quantizeNEON(q []int8, scales []float32, x []float32, block int) bool
TEXT ·quantizeNEON(SB), NOSPLIT, $0-81
	MOVD  q_base+0(FP), R0
	MOVD  scales_base+24(FP), R1
	MOVD  x_base+48(FP), R2
	MOVD  x_len+56(FP), R3
	MOVD  block+72(FP), R4
	MOVD  $0x7fffffff, R5
	VDUP  R5, V31.S4
	MOVD  $0x42fe0000, R5        // 127
	FMOVS R5, F29
	MOVD  $0x7f800000, R13       // infinity
	MOVD  $0x0d800000, R14       // 2^-100
	CBZ   R3, done

block:
	CMP  R4, R3
	CSEL LT, R3, R4, R5         // the last block may be shorter
	SUB  R5, R3
	MOVD R2, R6
	VEOR V4.B16, V4.B16, V4.B16
	VEOR V5.B16, V5.B16, V5.B16
	VEOR V6.B16, V6.B16, V6.B16
	VEOR V7.B16, V7.B16, V7.B16
	SUBS $16, R5, R7
	BLT  max8

	// The largest magnitude: as integers, the bits of |x| order as the values do, and NaN and
	// infinity come last.
max16:
	VLD1.P 64(R6), [V0.S4, V1.S4, V2.S4, V3.S4]
	VAND   V31.B16, V0.B16, V0.B16
	VAND   V31.B16, V1.B16, V1.B16
	VAND   V31.B16, V2.B16, V2.B16
	VAND   V31.B16, V3.B16, V3.B16
	VUMAX  V0.S4, V4.S4, V4.S4
	VUMAX  V1.S4, V5.S4, V5.S4
	VUMAX  V2.S4, V6.S4, V6.S4
	VUMAX  V3.S4, V7.S4, V7.S4
	SUBS   $16, R7
	BGE    max16

max8:
	TBZ    $3, R7, max4
	VLD1.P 32(R6), [V0.S4, V1.S4]
	VAND   V31.B16, V0.B16, V0.B16
	VAND   V31.B16, V1.B16, V1.B16
	VUMAX  V0.S4, V4.S4, V4.S4
	VUMAX  V1.S4, V5.S4, V5.S4

max4:
	TBZ    $2, R7, max1
	VLD1.P 16(R6), [V0.S4]
	VAND   V31.B16, V0.B16, V0.B16
	VUMAX  V0.S4, V6.S4, V6.S4

max1:
	ANDS $3, R7
	BEQ  fold

maxTail:
	FMOVS.P 4(R6), F0
	VAND    V31.B16, V0.B16, V0.B16
	VUMAX   V0.S4, V7.S4, V7.S4
	SUBS    $1, R7
	BNE     maxTail

fold:
	VUMAX V5.S4, V4.S4, V4.S4
	VUMAX V7.S4, V6.S4, V6.S4
	VUMAX V6.S4, V4.S4, V4.S4
	UMAXV(4, 4)
	FMOVS F4, R8
	CMPW  R13, R8
	BHS   notFinite
	SUBS  $16, R5, R7
	CMPW  R14, R8
	BLO   zero

	FDIVS   F29, F4, F0
	FMOVS.P F0, 4(R1)
	FDIVS   F4, F29, F30
	CMP     $0, R7
	BLT     round8

round16:
	VLD1.P 64(R2), [V0.S4, V1.S4, V2.S4, V3.S4]
	FMULLANE(30, 0, 0, 0)
	FMULLANE(30, 0, 1, 1)
	FMULLANE(30, 0, 2, 2)
	FMULLANE(30, 0, 3, 3)
	FCVTNS(0, 0)
	FCVTNS(1, 1)
	FCVTNS(2, 2)
	FCVTNS(3, 3)
	VUZP1  V1.H8, V0.H8, V0.H8
	VUZP1  V3.H8, V2.H8, V2.H8
	VUZP1  V2.B16, V0.B16, V0.B16
	VST1.P [V0.B16], 16(R0)
	SUBS   $16, R7
	BGE    round16

round8:
	TBZ    $3, R7, round4
	VLD1.P 32(R2), [V0.S4, V1.S4]
	FMULLANE(30, 0, 0, 0)
	FMULLANE(30, 0, 1, 1)
	FCVTNS(0, 0)
	FCVTNS(1, 1)
	VUZP1  V1.H8, V0.H8, V0.H8
	VUZP1  V0.B16, V0.B16, V0.B16
	VST1.P [V0.B8], 8(R0)

round4:
	TBZ     $2, R7, round1
	VLD1.P  16(R2), [V0.S4]
	FMULLANE(30, 0, 0, 0)
	FCVTNS(0, 0)
	VUZP1   V0.H8, V0.H8, V0.H8
	VUZP1   V0.B16, V0.B16, V0.B16
	FMOVS.P F0, 4(R0)

round1:
	ANDS $3, R7
	BEQ  next

roundTail:
	FMOVS.P 4(R2), F0
	FMULLANE(30, 0, 0, 0)
	FCVTNS(0, 0)
	FMOVS   F0, R8
	MOVB.P  R8, 1(R0)
	SUBS    $1, R7
	BNE     roundTail

next:
	CBNZ R3, block

done:
	MOVD $1, R0
	MOVB R0, ret+80(FP)
	RET

// Too small to divide by: a block of zeros with scale 0.
zero:
	MOVW.P ZR, 4(R1)
	MOVD   R6, R2

zeroTail:
	MOVB.P ZR, 1(R0)
	SUBS   $1, R5
	BNE    zeroTail
	B      next

notFinite:
	MOVB ZR, ret+80(FP)
	RET
