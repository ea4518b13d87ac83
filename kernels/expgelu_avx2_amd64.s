//go:build !purego

#include "textflag.h"
#include "exp_avx2_amd64.h"

// ADD adds a number that has no register of its own.
#define ADD(i, p) \
	NUMBER(i, Y5)  \
	VADDPS Y5, p, p

// func expGELUAVX2(x, bias []float32)
TEXT ·expGELUAVX2(SB), NOSPLIT, $0-48
	MOVQ         x_base+0(FP), SI
	MOVQ         x_len+8(FP), CX
	MOVQ         bias_base+24(FP), DI
	NUMBERS
	NUMBER(15, Y8)
	MOVL         $0x7fffffff, AX
	VMOVD        AX, X7
	VPBROADCASTD X7, Y7
	VPXOR        Y6, Y6, Y6
	SHRQ         $3, CX          // half of the lanes at a time
	JZ           done

loop:
	VMOVUPS (SI), Y0
	VADDPS  (DI), Y0, Y0
	VPAND   Y7, Y0, Y1  // its magnitude a
	VMINPS  Y1, Y8, Y1
	NUMBER(14, Y2)
	VMULPS  Y1, Y2, Y2
	ADD(13, Y2)
	VMULPS  Y1, Y2, Y2
	ADD(12, Y2)
	VMULPS  Y1, Y2, Y2
	ADD(11, Y2)
	VMULPS  Y1, Y2, Y2
	ADD(10, Y2)
	VMULPS  Y1, Y2, Y2
	ADD(9, Y2)
	VMULPS  Y1, Y2, Y2
	ADD(8, Y2)
	EXP2(Y2, Y3, Y4)
	VMULPS  Y1, Y4, Y4
	VMAXPS  Y0, Y6, Y0
	VSUBPS  Y4, Y0, Y0
	VMOVUPS Y0, (SI)
	ADDQ    $32, SI
	ADDQ    $32, DI
	DECQ    CX
	JNZ     loop

done:
	VZEROUPPER
	RET
