//go:build !purego

#include "textflag.h"
#include "avx2_amd64.h"

// func addNormAVX512(x, y, bias []float32) float32
TEXT ·addNormAVX512(SB), NOSPLIT, $0-76
	MOVQ   x_base+0(FP), SI
	MOVQ   x_len+8(FP), CX
	MOVQ   y_base+24(FP), DX
	MOVQ   bias_base+48(FP), DI
	VPXORD Z0, Z0, Z0           // the sums
	SHRQ   $4, CX
	JZ     done

loop:
	VMOVUPS (DX), Z1
	VADDPS  (DI), Z1, Z1
	VADDPS  (SI), Z1, Z1
	VMOVUPS Z1, (SI)
	VADDPS  Z1, Z0, Z0
	ADDQ    $64, SI
	ADDQ    $64, DX
	ADDQ    $64, DI
	DECQ    CX
	JNZ     loop

done:
	VEXTRACTF64X4 $1, Z0, Y1
	VADDPS        Y1, Y0, Y0
	FOLD(VADDPS)
	VMOVSS        X0, ret+72(FP)
	VZEROUPPER
	RET

// func addNormSquaresAVX512(x []float32, mean float32) float32
TEXT ·addNormSquaresAVX512(SB), NOSPLIT, $0-36
	MOVQ         x_base+0(FP), SI
	MOVQ         x_len+8(FP), CX
	VBROADCASTSS mean+24(FP), Z2
	VPXORD       Z0, Z0, Z0      // the sums
	SHRQ         $4, CX
	JZ           done

loop:
	VMOVUPS (SI), Z1
	VSUBPS  Z2, Z1, Z1
	VMULPS  Z1, Z1, Z1
	VADDPS  Z1, Z0, Z0
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

// func addNormScaleAVX512(x, gain, shift []float32, mean, by float32)
TEXT ·addNormScaleAVX512(SB), NOSPLIT, $0-80
	MOVQ         x_base+0(FP), SI
	MOVQ         x_len+8(FP), CX
	MOVQ         gain_base+24(FP), DX
	MOVQ         shift_base+48(FP), DI
	VBROADCASTSS mean+72(FP), Z2
	VBROADCASTSS by+76(FP), Z3
	SHRQ         $4, CX
	JZ           done

loop:
	VMOVUPS (SI), Z1
	VSUBPS  Z2, Z1, Z1
	VMULPS  Z3, Z1, Z1
	VMULPS  (DX), Z1, Z1
	VADDPS  (DI), Z1, Z1
	VMOVUPS Z1, (SI)
	ADDQ    $64, SI
	ADDQ    $64, DX
	ADDQ    $64, DI
	DECQ    CX
	JNZ     loop

done:
	VZEROUPPER
	RET
