//go:build !purego

#include "textflag.h"
#include "exp_avx2_amd64.h"

// func expSwiGLUAVX2(gate, up []float32)
TEXT ·expSwiGLUAVX2(SB), NOSPLIT, $0-48
	MOVQ gate_base+0(FP), SI
	MOVQ gate_len+8(FP), CX
	MOVQ up_base+24(FP), DI
	NUMBERS
	NUMBER(7, Y8)
	NUMBER(16, Y7)
	NUMBER(17, Y6)
	SHRQ $3, CX               // half of the lanes at a time
	JZ   done

loop:
	VMAXPS  (SI), Y7, Y0
	VMULPS  Y6, Y0, Y2
	VMAXPS  Y2, Y8, Y2
	EXP2(Y2, Y3, Y4)
	VADDPS  ONE, Y4, Y4
	VDIVPS  Y4, Y0, Y0
	VMULPS  (DI), Y0, Y0
	VMOVUPS Y0, (SI)
	ADDQ    $32, SI
	ADDQ    $32, DI
	DECQ    CX
	JNZ     loop

done:
	VZEROUPPER
	RET
