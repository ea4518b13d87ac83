//go:build !purego

#include "textflag.h"

// func mulNibbleDecodeAVX2(dst, codes, lookup *byte, n int)
TEXT ·mulNibbleDecodeAVX2(SB), NOSPLIT, $0-32
	MOVQ           dst+0(FP), DI
	MOVQ           codes+8(FP), SI
	MOVQ           lookup+16(FP), AX
	MOVQ           n+24(FP), CX
	VBROADCASTI128 (AX), Y15
	MOVL           $0x0f0f0f0f, AX
	VMOVD          AX, X14
	VPBROADCASTD   X14, Y14
	TESTQ          CX, CX
	JEQ            done

loop:
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	VPSRLW  $4, Y0, Y2
	VPSRLW  $4, Y1, Y3
	VPAND   Y14, Y0, Y0
	VPAND   Y14, Y1, Y1
	VPAND   Y14, Y2, Y2
	VPAND   Y14, Y3, Y3
	VPSHUFB Y0, Y15, Y0
	VPSHUFB Y1, Y15, Y1
	VPSHUFB Y2, Y15, Y2
	VPSHUFB Y3, Y15, Y3
	VMOVDQU Y0, (DI)
	VMOVDQU Y1, 32(DI)
	VMOVDQU Y2, 64(DI)
	VMOVDQU Y3, 96(DI)
	ADDQ    $64, SI
	ADDQ    $128, DI
	DECQ    CX
	JNE     loop

done:
	VZEROUPPER
	RET
