//go:build !purego

#include "textflag.h"

// func quantizeAVX512(q []int8, scales []float32, x []float32, block int) bool
TEXT ·quantizeAVX512(SB), NOSPLIT, $0-81
	MOVQ         q_base+0(FP), DI
	MOVQ         scales_base+24(FP), R8
	MOVQ         x_base+48(FP), SI
	MOVQ         x_len+56(FP), R9
	MOVQ         block+72(FP), R10
	MOVL         $0x7fffffff, AX
	VPBROADCASTD AX, Z16
	MOVL         $0x42fe0000, AX        // 127
	VMOVD        AX, X17
	TESTQ        R9, R9
	JZ           done

block:
	CMPQ    R10, R9
	CMOVQGT R9, R10    // the last block may be shorter
	MOVQ    R10, CX
	ANDQ    $15, CX
	MOVL    $1, AX
	SHLL    CX, AX
	DECL    AX
	KMOVW   AX, K1     // the lanes of the last vector
	MOVQ    R10, R11
	SUBQ    CX, R11    // what fills whole vectors
	VPXORD  Z0, Z0, Z0
	VPXORD  Z1, Z1, Z1
	XORL    DX, DX
	SUBQ    $32, R11
	JLT     maxRest

	// The largest magnitude: as integers, the bits of |x| order as the values do, and NaN and
	// infinity come last.
maxPair:
	VPANDD  (SI)(DX*4), Z16, Z2
	VPANDD  64(SI)(DX*4), Z16, Z3
	VPMAXUD Z2, Z0, Z0
	VPMAXUD Z3, Z1, Z1
	ADDQ    $32, DX
	CMPQ    DX, R11
	JLE     maxPair

maxRest:
	ADDQ    $32, R11
	CMPQ    DX, R11
	JGE     maxTail
	VPANDD  (SI)(DX*4), Z16, Z2
	VPMAXUD Z2, Z0, Z0
	ADDQ    $16, DX

maxTail:
	JCXZQ       maxOf
	VMOVDQU32.Z (SI)(DX*4), K1, Z2
	VPANDD      Z2, Z16, Z2
	VPMAXUD     Z2, Z1, Z1

maxOf:
	VPMAXUD       Z1, Z0, Z0
	VEXTRACTI64X4 $1, Z0, Y1
	VPMAXUD       Y1, Y0, Y0
	VEXTRACTI128  $1, Y0, X1
	VPMAXUD       X1, X0, X0
	VPSHUFD       $0x4e, X0, X1
	VPMAXUD       X1, X0, X0
	VPSHUFD       $0xb1, X0, X1
	VPMAXUD       X1, X0, X0
	VMOVD         X0, AX
	CMPL          AX, $0x7f800000 // infinity
	JAE           fail
	CMPL          AX, $0x0d800000 // 2^-100
	JB            zero
	VDIVSS        X17, X0, X1
	VMOVSS        X1, (R8)
	VDIVSS        X0, X17, X1
	VBROADCASTSS  X1, Z1
	JMP           convert

zero:
	MOVL   $0, (R8)
	VPXORD Z1, Z1, Z1 // makes every value 0

	// MXCSR rounds halves to even, as Go programs leave it.
convert:
	XORL  DX, DX
	TESTQ R11, R11
	JZ    convertTail

convertOne:
	VMULPS    (SI)(DX*4), Z1, Z2
	VCVTPS2DQ Z2, Z2
	VPMOVSDB  Z2, X2
	VMOVDQU   X2, (DI)(DX*1)
	ADDQ      $16, DX
	CMPQ      DX, R11
	JLT       convertOne

convertTail:
	JCXZQ       next
	VMOVDQU32.Z (SI)(DX*4), K1, Z2
	VMULPS      Z2, Z1, Z2
	VCVTPS2DQ   Z2, Z2
	VPMOVSDB    Z2, X2
	VMOVDQU8    X2, K1, (DI)(DX*1)

next:
	ADDQ R10, DI
	LEAQ (SI)(R10*4), SI
	ADDQ $4, R8
	SUBQ R10, R9
	JNZ  block

done:
	VZEROUPPER
	MOVB $1, ret+80(FP)
	RET

fail:
	VZEROUPPER
	MOVB $0, ret+80(FP)
	RET
