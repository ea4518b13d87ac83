//go:build !purego

#include "textflag.h"
#include "avx2_amd64.h"

// func addNormAVX2(x, y, bias []float32) float32
TEXT ·addNormAVX2(SB), NOSPLIT, $0-76
	MOVQ  x_base+0(FP), SI
	MOVQ  x_len+8(FP), CX
	MOVQ  y_base+24(FP), DX
	MOVQ  bias_base+48(FP), DI
	VPXOR Y0, Y0, Y0           // the sums of lanes 0 to 7
	VPXOR Y1, Y1, Y1           // and 8 to 15
	SHRQ  $4, CX
	JZ    done

loop:
	VMOVUPS (DX), Y2
	VMOVUPS 32(DX), Y3
	VADDPS  (DI), Y2, Y2
	VADDPS  32(DI), Y3, Y3
	VADDPS  (SI), Y2, Y2
	VADDPS  32(SI), Y3, Y3
	VMOVUPS Y2, (SI)
	VMOVUPS Y3, 32(SI)
	VADDPS  Y2, Y0, Y0
	VADDPS  Y3, Y1, Y1
	ADDQ    $64, SI
	ADDQ    $64, DX
	ADDQ    $64, DI
	DECQ    CX
	JNZ     loop

done:
	VADDPS Y1, Y0, Y0
	FOLD(VADDPS)
	VMOVSS X0, ret+72(FP)
	VZEROUPPER
	RET

// func addNormSquaresAVX2(x []float32, mean float32) float32
TEXT ·addNormSquaresAVX2(SB), NOSPLIT, $0-36
	MOVQ         x_base+0(FP), SI
	MOVQ         x_len+8(FP), CX
	VBROADCASTSS mean+24(FP), Y4
	VPXOR        Y0, Y0, Y0      // the sums of lanes 0 to 7
	VPXOR        Y1, Y1, Y1      // and 8 to 15
	SHRQ         $4, CX
	JZ           done

loop:
	VMOVUPS (SI), Y2
	VMOVUPS 32(SI), Y3
	VSUBPS  Y4, Y2, Y2
	VSUBPS  Y4, Y3, Y3
	VMULPS  Y2, Y2, Y2
	VMULPS  Y3, Y3, Y3
	VADDPS  Y2, Y0, Y0
	VADDPS  Y3, Y1, Y1
	ADDQ    $64, SI
	DECQ    CX
	JNZ     loop

done:
	VADDPS Y1, Y0, Y0
	FOLD(VADDPS)
	VMOVSS X0, ret+32(FP)
	VZEROUPPER
	RET

// func addNormScaleAVX2(x, gain, shift []float32, mean, by float32)
TEXT ·addNormScaleAVX2(SB), NOSPLIT, $0-80
	MOVQ         x_base+0(FP), SI
	MOVQ         x_len+8(FP), CX
	MOVQ         gain_base+24(FP), DX
	MOVQ         shift_base+48(FP), DI
	VBROADCASTSS mean+72(FP), Y2
	VBROADCASTSS by+76(FP), Y3
	SHRQ         $3, CX
	JZ           done

loop:
	VMOVUPS (SI), Y1
	VSUBPS  Y2, Y1, Y1
	VMULPS  Y3, Y1, Y1
	VMULPS  (DX), Y1, Y1
	VADDPS  (DI), Y1, Y1
	VMOVUPS Y1, (SI)
	ADDQ    $32, SI
	ADDQ    $32, DX
	ADDQ    $32, DI
	DECQ    CX
	JNZ     loop

done:
	VZEROUPPER
	RET
