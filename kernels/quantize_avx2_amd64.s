//go:build !purego

#include "textflag.h"

// The packs below work within halves of a register; this puts their groups of four bytes in order.
DATA quantizeOrder<>+0(SB)/4, $0
DATA quantizeOrder<>+4(SB)/4, $4
DATA quantizeOrder<>+8(SB)/4, $1
DATA quantizeOrder<>+12(SB)/4, $5
DATA quantizeOrder<>+16(SB)/4, $2
DATA quantizeOrder<>+20(SB)/4, $6
DATA quantizeOrder<>+24(SB)/4, $3
DATA quantizeOrder<>+28(SB)/4, $7
GLOBL quantizeOrder<>(SB), RODATA|NOPTR, $32

// func quantizeAVX2(q []int8, scales []float32, x []float32, block int) bool
TEXT ·quantizeAVX2(SB), NOSPLIT, $0-81
	MOVQ         q_base+0(FP), DI
	MOVQ         scales_base+24(FP), R8
	MOVQ         x_base+48(FP), SI
	MOVQ         x_len+56(FP), R9
	MOVQ         block+72(FP), R10
	MOVL         $0x7fffffff, AX
	VMOVD        AX, X15
	VPBROADCASTD X15, Y15
	MOVL         $0x42fe0000, AX          // 127
	VMOVD        AX, X14
	VMOVDQU      quantizeOrder<>(SB), Y13
	TESTQ        R9, R9
	JZ           done

block:
	CMPQ    R10, R9
	CMOVQGT R9, R10     // the last block may be shorter
	MOVQ    R10, R11
	ANDQ    $~31, R11   // what fills four vectors
	MOVQ    R10, R12
	ANDQ    $~7, R12    // what fills one
	VPXOR   Y0, Y0, Y0
	VPXOR   Y1, Y1, Y1
	XORL    DX, DX
	JMP     maxFourTest

// The largest magnitude: as integers, the bits of |x| order as the values do, and NaN and
// infinity come last.
maxFour:
	VPAND   (SI)(DX*4), Y15, Y2
	VPAND   32(SI)(DX*4), Y15, Y3
	VPAND   64(SI)(DX*4), Y15, Y4
	VPAND   96(SI)(DX*4), Y15, Y5
	VPMAXUD Y2, Y0, Y0
	VPMAXUD Y3, Y1, Y1
	VPMAXUD Y4, Y0, Y0
	VPMAXUD Y5, Y1, Y1
	ADDQ    $32, DX

maxFourTest:
	CMPQ DX, R11
	JLT  maxFour
	JMP  maxOneTest

maxOne:
	VPAND   (SI)(DX*4), Y15, Y2
	VPMAXUD Y2, Y0, Y0
	ADDQ    $8, DX

maxOneTest:
	CMPQ DX, R12
	JLT  maxOne
	JMP  maxTailTest

maxTail:
	VMOVD   (SI)(DX*4), X2
	VPAND   X2, X15, X2
	VPMAXUD Y2, Y1, Y1
	INCQ    DX

maxTailTest:
	CMPQ DX, R10
	JLT  maxTail

	VPMAXUD      Y1, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPMAXUD      X1, X0, X0
	VPSHUFD      $0x4e, X0, X1
	VPMAXUD      X1, X0, X0
	VPSHUFD      $0xb1, X0, X1
	VPMAXUD      X1, X0, X0
	VMOVD        X0, AX
	CMPL         AX, $0x7f800000 // infinity
	JAE          fail
	CMPL         AX, $0x0d800000 // 2^-100
	JB           zero
	VDIVSS       X14, X0, X1
	VMOVSS       X1, (R8)
	VDIVSS       X0, X14, X1
	VBROADCASTSS X1, Y1
	JMP          convert

zero:
	MOVL  $0, (R8)
	VPXOR Y1, Y1, Y1 // makes every value 0

	// MXCSR rounds halves to even, as Go programs leave it.
convert:
	XORL DX, DX
	JMP  convertFourTest

convertFour:
	VMULPS    (SI)(DX*4), Y1, Y2
	VMULPS    32(SI)(DX*4), Y1, Y3
	VMULPS    64(SI)(DX*4), Y1, Y4
	VMULPS    96(SI)(DX*4), Y1, Y5
	VCVTPS2DQ Y2, Y2
	VCVTPS2DQ Y3, Y3
	VCVTPS2DQ Y4, Y4
	VCVTPS2DQ Y5, Y5
	VPACKSSDW Y3, Y2, Y2
	VPACKSSDW Y5, Y4, Y4
	VPACKSSWB Y4, Y2, Y2
	VPERMD    Y2, Y13, Y2
	VMOVDQU   Y2, (DI)(DX*1)
	ADDQ      $32, DX

convertFourTest:
	CMPQ DX, R11
	JLT  convertFour
	JMP  convertOneTest

convertOne:
	VMULPS       (SI)(DX*4), Y1, Y2
	VCVTPS2DQ    Y2, Y2
	VEXTRACTI128 $1, Y2, X3
	VPACKSSDW    X3, X2, X2
	VPACKSSWB    X2, X2, X2
	VMOVQ        X2, (DI)(DX*1)
	ADDQ         $8, DX

convertOneTest:
	CMPQ DX, R12
	JLT  convertOne
	JMP  convertTailTest

convertTail:
	VMULSS    (SI)(DX*4), X1, X2
	VCVTPS2DQ X2, X2
	VMOVD     X2, AX
	MOVB      AX, (DI)(DX*1)
	INCQ      DX

convertTailTest:
	CMPQ DX, R10
	JLT  convertTail

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
