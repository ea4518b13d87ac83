//go:build !purego

#include "textflag.h"
#include "avxvnni_amd64.h"

// Y0-Y7 are the dot products of one segment with four panels of 16 centroids.
#define STEP(addr, acc) \
	VMOVDQU addr, Y9         \
	VPDPBUSD_VEX(8, 9, acc)

#define STORE(i, acc, top) \
	VMOVDQU acc, (32*i)(DI)  \
	VPABSD  acc, acc         \
	VPMAXSD acc, top, top

// func tableDotsAVXVNNI(work *int32, centroids *byte, quads int, q *int8, init *int32, segments
//	int) int32
TEXT ·tableDotsAVXVNNI(SB), NOSPLIT, $0-52
	MOVQ work+0(FP), DI
	MOVQ quads+16(FP), R10
	SHLQ $6, R10               // from one panel to the next: W
	LEAQ (R10)(R10*2), R11     // 3W
	MOVQ q+24(FP), BX
	MOVQ init+32(FP), DX
	MOVQ segments+40(FP), CX
	XORL R12, R12              // the total

segment:
	MOVQ  centroids+8(FP), SI
	MOVQ  $4, R8
	VPXOR Y10, Y10, Y10            // the largest magnitude
	VPXOR Y11, Y11, Y11

panels:
	MOVQ         quads+16(FP), AX
	MOVQ         BX, R9
	VPBROADCASTD (DX), Y0
	VMOVDQA      Y0, Y1
	VMOVDQA      Y0, Y2
	VMOVDQA      Y0, Y3
	VMOVDQA      Y0, Y4
	VMOVDQA      Y0, Y5
	VMOVDQA      Y0, Y6
	VMOVDQA      Y0, Y7

quad:
	VPBROADCASTD (R9), Y8
	STEP((SI), 0)
	STEP(32(SI), 1)
	STEP((SI)(R10*1), 2)
	STEP(32(SI)(R10*1), 3)
	STEP((SI)(R10*2), 4)
	STEP(32(SI)(R10*2), 5)
	STEP((SI)(R11*1), 6)
	STEP(32(SI)(R11*1), 7)
	ADDQ $4, R9
	ADDQ $64, SI
	DECQ AX
	JNE  quad

	STORE(0, Y0, Y10)
	STORE(1, Y1, Y11)
	STORE(2, Y2, Y10)
	STORE(3, Y3, Y11)
	STORE(4, Y4, Y10)
	STORE(5, Y5, Y11)
	STORE(6, Y6, Y10)
	STORE(7, Y7, Y11)
	ADDQ $256, DI
	ADDQ R11, SI
	DECQ R8
	JNE  panels

	MOVQ         R9, BX
	ADDQ         $4, DX
	VPMAXSD      Y11, Y10, Y10
	VEXTRACTI128 $1, Y10, X11
	VPMAXSD      X11, X10, X10
	VPSHUFD      $0x4e, X10, X11
	VPMAXSD      X11, X10, X10
	VPSHUFD      $0xb1, X10, X11
	VPMAXSD      X11, X10, X10
	VMOVD        X10, AX
	ADDL         AX, R12
	DECQ         CX
	JNE          segment
	MOVL         R12, ret+48(FP)
	VZEROUPPER
	RET
