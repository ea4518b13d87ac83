//go:build !purego

#include "textflag.h"

// Two rows at a time, half the matrix apart, as in densevector_avx512_amd64.s. Four sums a row,
// because two vectors of this width are added in a cycle.

#define STEP(off, a, b) \
	VMOVUPS     (off)(DI)(DX*4), Y8     \
	VFMADD231PS (off)(SI)(DX*4), Y8, a  \
	VFMADD231PS (off)(BX)(DX*4), Y8, b

// func denseVectorAVX2(y, w, x []float32)
TEXT ·denseVectorAVX2(SB), NOSPLIT, $0-72
	MOVQ  y_base+0(FP), R8
	MOVQ  y_len+8(FP), AX
	MOVQ  w_base+24(FP), SI
	MOVQ  x_base+48(FP), DI
	MOVQ  x_len+56(FP), R10
	MOVQ  AX, R9
	INCQ  R9
	SHRQ  $1, R9
	SUBQ  R9, AX             // the first row of the second half
	LEAQ  (R8)(AX*4), R13
	IMULQ R10, AX
	LEAQ  (SI)(AX*4), BX
	MOVQ  R10, R11
	ANDQ  $~31, R11          // what fills four vectors
	MOVQ  R10, R12
	ANDQ  $~7, R12           // what fills one

row:
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	XORL   DX, DX
	CMPQ   DX, R11
	JGE    one

four:
	STEP(0, Y0, Y1)
	STEP(32, Y2, Y3)
	STEP(64, Y4, Y5)
	STEP(96, Y6, Y7)
	ADDQ $32, DX
	CMPQ DX, R11
	JLT  four

one:
	CMPQ DX, R12
	JGE  fold
	STEP(0, Y0, Y1)
	ADDQ $8, DX
	JMP  one

fold:
	VADDPS       Y2, Y0, Y0
	VADDPS       Y3, Y1, Y1
	VADDPS       Y6, Y4, Y4
	VADDPS       Y7, Y5, Y5
	VADDPS       Y4, Y0, Y0
	VADDPS       Y5, Y1, Y1
	VEXTRACTF128 $1, Y0, X2
	VEXTRACTF128 $1, Y1, X3
	VADDPS       X2, X0, X0
	VADDPS       X3, X1, X1
	VMOVHLPS     X0, X0, X2
	VMOVHLPS     X1, X1, X3
	VADDPS       X2, X0, X0
	VADDPS       X3, X1, X1
	VMOVSHDUP    X0, X2
	VMOVSHDUP    X1, X3
	VADDSS       X2, X0, X0
	VADDSS       X3, X1, X1
	JMP          tailTest

tail:
	VMOVSS      (DI)(DX*4), X2
	VFMADD231SS (SI)(DX*4), X2, X0
	VFMADD231SS (BX)(DX*4), X2, X1
	INCQ        DX

tailTest:
	CMPQ DX, R10
	JLT  tail

	VMOVSS X0, (R8)
	VMOVSS X1, (R13)
	ADDQ   $4, R8
	ADDQ   $4, R13
	LEAQ   (SI)(R10*4), SI
	LEAQ   (BX)(R10*4), BX
	DECQ   R9
	JNZ    row
	VZEROUPPER
	RET
