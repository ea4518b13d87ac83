//go:build !purego

#include "textflag.h"
#include "exp_avx2_amd64.h"

// func expSumLargestAVX2(x []float32) float32
TEXT ·expSumLargestAVX2(SB), NOSPLIT, $0-28
	MOVQ         x_base+0(FP), SI
	MOVQ         x_len+8(FP), CX
	MOVL         $0xff800000, AX // minus infinity
	VMOVD        AX, X0
	VPBROADCASTD X0, Y0
	VMOVDQA      Y0, Y1
	SHRQ         $4, CX
	JZ           done

loop:
	VMAXPS (SI), Y0, Y0
	VMAXPS 32(SI), Y1, Y1
	ADDQ   $64, SI
	DECQ   CX
	JNZ    loop

done:
	VMAXPS Y1, Y0, Y0
	FOLD(VMAXPS)
	VMOVSS X0, ret+24(FP)
	VZEROUPPER
	RET

// func expSumAVX2(x []float32, largest, perUnit float32) float32
TEXT ·expSumAVX2(SB), NOSPLIT, $0-36
	MOVQ         x_base+0(FP), SI
	MOVQ         x_len+8(FP), CX
	VBROADCASTSS largest+24(FP), Y8
	VBROADCASTSS perUnit+28(FP), Y7
	NUMBERS
	NUMBER(7, Y6)
	VPXOR        Y0, Y0, Y0      // the sums of lanes 0 to 7
	VPXOR        Y1, Y1, Y1      // and 8 to 15
	SHRQ         $4, CX
	JZ           done

loop:
	VMOVUPS (SI), Y2
	VSUBPS  Y8, Y2, Y2
	VMULPS  Y7, Y2, Y2
	VMAXPS  Y2, Y6, Y2
	EXP2(Y2, Y3, Y4)
	VMOVUPS Y4, (SI)
	VADDPS  Y4, Y0, Y0
	VMOVUPS 32(SI), Y2
	VSUBPS  Y8, Y2, Y2
	VMULPS  Y7, Y2, Y2
	VMAXPS  Y2, Y6, Y2
	EXP2(Y2, Y3, Y5)
	VMOVUPS Y5, 32(SI)
	VADDPS  Y5, Y1, Y1
	ADDQ    $64, SI
	DECQ    CX
	JNZ     loop

done:
	VADDPS Y1, Y0, Y0
	FOLD(VADDPS)
	VMOVSS X0, ret+32(FP)
	VZEROUPPER
	RET
