//go:build !purego

#include "textflag.h"

// One row at a time, as in densevec_avx512_amd64.s. Eight sums, because two vectors of this width
// are added in a cycle.

// func denseVecAVX2(y, w, x []float32)
TEXT ·denseVecAVX2(SB), NOSPLIT, $0-72
	MOVQ y_base+0(FP), R8
	MOVQ y_len+8(FP), R9
	MOVQ w_base+24(FP), SI
	MOVQ x_base+48(FP), DI
	MOVQ x_len+56(FP), R10
	MOVQ R10, R11
	ANDQ $~63, R11         // what fills eight vectors
	MOVQ R10, R12
	ANDQ $~7, R12          // what fills one

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

eight:
	VMOVUPS     (SI)(DX*4), Y8
	VMOVUPS     32(SI)(DX*4), Y9
	VMOVUPS     64(SI)(DX*4), Y10
	VMOVUPS     96(SI)(DX*4), Y11
	VFMADD231PS (DI)(DX*4), Y8, Y0
	VFMADD231PS 32(DI)(DX*4), Y9, Y1
	VFMADD231PS 64(DI)(DX*4), Y10, Y2
	VFMADD231PS 96(DI)(DX*4), Y11, Y3
	VMOVUPS     128(SI)(DX*4), Y12
	VMOVUPS     160(SI)(DX*4), Y13
	VMOVUPS     192(SI)(DX*4), Y14
	VMOVUPS     224(SI)(DX*4), Y15
	VFMADD231PS 128(DI)(DX*4), Y12, Y4
	VFMADD231PS 160(DI)(DX*4), Y13, Y5
	VFMADD231PS 192(DI)(DX*4), Y14, Y6
	VFMADD231PS 224(DI)(DX*4), Y15, Y7
	ADDQ        $64, DX
	CMPQ        DX, R11
	JLT         eight

one:
	CMPQ        DX, R12
	JGE         fold
	VMOVUPS     (SI)(DX*4), Y8
	VFMADD231PS (DI)(DX*4), Y8, Y1
	ADDQ        $8, DX
	JMP         one

fold:
	VADDPS       Y1, Y0, Y0
	VADDPS       Y3, Y2, Y2
	VADDPS       Y5, Y4, Y4
	VADDPS       Y7, Y6, Y6
	VADDPS       Y2, Y0, Y0
	VADDPS       Y6, Y4, Y4
	VADDPS       Y4, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VADDPS       X1, X0, X0
	VMOVHLPS     X0, X0, X1
	VADDPS       X1, X0, X0
	VMOVSHDUP    X0, X1
	VADDSS       X1, X0, X0
	JMP          tailTest

tail:
	VMOVSS      (SI)(DX*4), X1
	VFMADD231SS (DI)(DX*4), X1, X0
	INCQ        DX

tailTest:
	CMPQ DX, R10
	JLT  tail

	VMOVSS X0, (R8)
	ADDQ   $4, R8
	LEAQ   (SI)(R10*4), SI
	DECQ   R9
	JNZ    row
	VZEROUPPER
	RET
