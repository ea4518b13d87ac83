//go:build !purego

#include "textflag.h"
#include "exp_avx512_amd64.h"

// func expGELUAVX512(x, bias []float32)
TEXT ·expGELUAVX512(SB), NOSPLIT, $0-48
	MOVQ         x_base+0(FP), SI
	MOVQ         x_len+8(FP), CX
	MOVQ         bias_base+24(FP), DI
	NUMBERS
	NUMBER(8, Z24)
	NUMBER(9, Z23)
	NUMBER(10, Z22)
	NUMBER(11, Z21)
	NUMBER(12, Z20)
	NUMBER(13, Z19)
	NUMBER(14, Z18)
	NUMBER(15, Z17)
	MOVL         $0x7fffffff, AX
	VPBROADCASTD AX, Z16
	VPXORD       Z15, Z15, Z15
	SHRQ         $4, CX
	JZ           done

loop:
	VMOVUPS (SI), Z0
	VADDPS  (DI), Z0, Z0
	VPANDD  Z16, Z0, Z1  // its magnitude a
	VMINPS  Z1, Z17, Z1
	VMULPS  Z18, Z1, Z2
	VADDPS  Z19, Z2, Z2
	VMULPS  Z1, Z2, Z2
	VADDPS  Z20, Z2, Z2
	VMULPS  Z1, Z2, Z2
	VADDPS  Z21, Z2, Z2
	VMULPS  Z1, Z2, Z2
	VADDPS  Z22, Z2, Z2
	VMULPS  Z1, Z2, Z2
	VADDPS  Z23, Z2, Z2
	VMULPS  Z1, Z2, Z2
	VADDPS  Z24, Z2, Z2
	EXP2(Z2, Z3, Z4)
	VMULPS  Z1, Z4, Z4
	VMAXPS  Z0, Z15, Z0
	VSUBPS  Z4, Z0, Z0
	VMOVUPS Z0, (SI)
	ADDQ    $64, SI
	ADDQ    $64, DI
	DECQ    CX
	JNZ     loop

done:
	VZEROUPPER
	RET
