//go:build !purego

#include "textflag.h"

// func permuteEightsAVX2(dst, src *int8, d, n int)
// SI src, DI dst, R8 d, R9 three times that.
TEXT ·permuteEightsAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ d+16(FP), R8
	MOVQ n+24(FP), CX
	LEAQ (R8)(R8*2), R9

segments:
	MOVQ R8, DX

eight:
	VMOVQ      (SI), X0
	VMOVQ      (SI)(R8*1), X1
	VMOVQ      (SI)(R8*2), X2
	VMOVQ      (SI)(R9*1), X3
	VPUNPCKLBW X1, X0, X0
	VPUNPCKLBW X3, X2, X2
	VPUNPCKLWD X2, X0, X1
	VPUNPCKHWD X2, X0, X3
	VMOVDQU    X1, (DI)
	VMOVDQU    X3, 16(DI)
	ADDQ       $8, SI
	ADDQ       $32, DI
	SUBQ       $8, DX
	JNE        eight
	ADDQ       R9, SI
	DECQ       CX
	JNE        segments
	RET
