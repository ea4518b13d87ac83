//go:build !purego

#include "textflag.h"
#include "exp_avx512_amd64.h"

// func expSumLargestAVX512(x []float32) float32
TEXT ·expSumLargestAVX512(SB), NOSPLIT, $0-28
	MOVQ         x_base+0(FP), SI
	MOVQ         x_len+8(FP), CX
	MOVL         $0xff800000, AX // minus infinity
	VPBROADCASTD AX, Z0
	SHRQ         $4, CX
	JZ           done

loop:
	VMAXPS (SI), Z0, Z0
	ADDQ   $64, SI
	DECQ   CX
	JNZ    loop

done:
	VEXTRACTF64X4 $1, Z0, Y1
	VMAXPS        Y1, Y0, Y0
	FOLD(VMAXPS)
	VMOVSS        X0, ret+24(FP)
	VZEROUPPER
	RET

// func expSumAVX512(x []float32, largest, perUnit float32) float32
TEXT ·expSumAVX512(SB), NOSPLIT, $0-36
	MOVQ         x_base+0(FP), SI
	MOVQ         x_len+8(FP), CX
	VBROADCASTSS largest+24(FP), Z24
	VBROADCASTSS perUnit+28(FP), Z23
	NUMBERS
	NUMBER(7, Z22)
	VPXORD       Z0, Z0, Z0      // the sums
	SHRQ         $4, CX
	JZ           done

loop:
	VMOVUPS (SI), Z1
	VSUBPS  Z24, Z1, Z1
	VMULPS  Z23, Z1, Z1
	VMAXPS  Z1, Z22, Z1
	EXP2(Z1, Z2, Z3)
	VMOVUPS Z3, (SI)
	VADDPS  Z3, Z0, Z0
	ADDQ    $64, SI
	DECQ    CX
	JNZ     loop

done:
	VEXTRACTF64X4 $1, Z0, Y1
	VADDPS        Y1, Y0, Y0
	FOLD(VADDPS)
	VMOVSS        X0, ret+32(FP)
	VZEROUPPER
	RET
