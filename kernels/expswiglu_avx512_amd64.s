//go:build !purego

#include "textflag.h"
#include "exp_avx512_amd64.h"

// func expSwiGLUAVX512(gate, up []float32)
TEXT ·expSwiGLUAVX512(SB), NOSPLIT, $0-48
	MOVQ gate_base+0(FP), SI
	MOVQ gate_len+8(FP), CX
	MOVQ up_base+24(FP), DI
	NUMBERS
	NUMBER(7, Z24)
	NUMBER(16, Z23)
	NUMBER(17, Z22)
	SHRQ $4, CX
	JZ   done

loop:
	VMAXPS  (SI), Z23, Z0
	VMULPS  Z22, Z0, Z2
	VMAXPS  Z2, Z24, Z2
	EXP2(Z2, Z3, Z4)
	VADDPS  ONE, Z4, Z4
	VDIVPS  Z4, Z0, Z0
	VMULPS  (DI), Z0, Z0
	VMOVUPS Z0, (SI)
	ADDQ    $64, SI
	ADDQ    $64, DI
	DECQ    CX
	JNZ     loop

done:
	VZEROUPPER
	RET
