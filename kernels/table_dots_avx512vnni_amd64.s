//go:build !purego

#include "textflag.h"

// Z0-Z15 are the dot products of one segment with the 16 panels of 16 centroids.
#define STEP(addr, acc) \
	VMOVDQU32 addr, Z17      \
	VPDPBUSD  Z16, Z17, acc

#define STORE(i, acc, top) \
	VMOVDQU32 acc, (64*i)(DI) \
	VPABSD    acc, acc        \
	VPMAXSD   acc, top, top

// func tableDotsAVX512VNNI(work *int32, centroids *byte, quads int, q *int8, init *int32, segments
//	int) int32
TEXT ·tableDotsAVX512VNNI(SB), NOSPLIT, $0-52
	MOVQ work+0(FP), DI
	MOVQ quads+16(FP), R8
	SHLQ $6, R8                // from one panel to the next: W
	MOVQ q+24(FP), BX
	MOVQ init+32(FP), DX
	MOVQ segments+40(FP), CX
	LEAQ (R8)(R8*2), R9        // 3W
	LEAQ (R8)(R8*4), R10       // 5W
	LEAQ (R9)(R8*4), R11       // 7W
	XORL R12, R12              // the total

segment:
	MOVQ         centroids+8(FP), SI
	LEAQ         (SI)(R8*8), R13
	MOVQ         quads+16(FP), AX
	VPBROADCASTD (DX), Z0
	ADDQ         $4, DX
	VMOVDQA64    Z0, Z1
	VMOVDQA64    Z0, Z2
	VMOVDQA64    Z0, Z3
	VMOVDQA64    Z0, Z4
	VMOVDQA64    Z0, Z5
	VMOVDQA64    Z0, Z6
	VMOVDQA64    Z0, Z7
	VMOVDQA64    Z0, Z8
	VMOVDQA64    Z0, Z9
	VMOVDQA64    Z0, Z10
	VMOVDQA64    Z0, Z11
	VMOVDQA64    Z0, Z12
	VMOVDQA64    Z0, Z13
	VMOVDQA64    Z0, Z14
	VMOVDQA64    Z0, Z15

quad:
	VPBROADCASTD (BX), Z16
	STEP((SI), Z0)
	STEP((SI)(R8*1), Z1)
	STEP((SI)(R8*2), Z2)
	STEP((SI)(R9*1), Z3)
	STEP((SI)(R8*4), Z4)
	STEP((SI)(R10*1), Z5)
	STEP((SI)(R9*2), Z6)
	STEP((SI)(R11*1), Z7)
	STEP((R13), Z8)
	STEP((R13)(R8*1), Z9)
	STEP((R13)(R8*2), Z10)
	STEP((R13)(R9*1), Z11)
	STEP((R13)(R8*4), Z12)
	STEP((R13)(R10*1), Z13)
	STEP((R13)(R9*2), Z14)
	STEP((R13)(R11*1), Z15)
	ADDQ $64, SI
	ADDQ $64, R13
	ADDQ $4, BX
	DECQ AX
	JNE  quad

	VPXORD        Z18, Z18, Z18
	VPXORD        Z19, Z19, Z19
	STORE(0, Z0, Z18)
	STORE(1, Z1, Z19)
	STORE(2, Z2, Z18)
	STORE(3, Z3, Z19)
	STORE(4, Z4, Z18)
	STORE(5, Z5, Z19)
	STORE(6, Z6, Z18)
	STORE(7, Z7, Z19)
	STORE(8, Z8, Z18)
	STORE(9, Z9, Z19)
	STORE(10, Z10, Z18)
	STORE(11, Z11, Z19)
	STORE(12, Z12, Z18)
	STORE(13, Z13, Z19)
	STORE(14, Z14, Z18)
	STORE(15, Z15, Z19)
	ADDQ          $1024, DI
	VPMAXSD       Z19, Z18, Z18
	VEXTRACTI64X4 $1, Z18, Y19
	VPMAXSD       Y19, Y18, Y18
	VEXTRACTI32X4 $1, Y18, X19
	VPMAXSD       X19, X18, X18
	VPSHUFD       $0x4e, X18, X19
	VPMAXSD       X19, X18, X18
	VPSHUFD       $0xb1, X18, X19
	VPMAXSD       X19, X18, X18
	VMOVD         X18, AX
	ADDL          AX, R12
	DECQ          CX
	JNE           segment
	MOVL          R12, ret+48(FP)
	VZEROUPPER
	RET
