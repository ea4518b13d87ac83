//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// FOUR sets y to the windows of four rows, eight columns each: shuffles bring each window into two
// bytes, a product moves it to the upper one.
#define FOUR(off, y, t) \
	VMOVDQU   (off)(DX), y         \
	VPBLENDVB Y12, (off)(SI), y, y \
	VPSHUFB   Y14, y, t            \
	VPSHUFB   Y13, y, y            \
	VPMULLW   Y15, t, t            \
	VPMULLW   Y15, y, y            \
	VPSRLW    $8, t, t             \
	VPSRLW    $8, y, y             \
	VPACKUSWB t, y, y

// EIGHT writes half of two quads.
#define EIGHT(off, at) \
	FOUR(off, Y0, Y1)         \
	FOUR(off+32, Y2, Y3)      \
	VSHUFPS $0x88, Y2, Y0, Y4 \
	VSHUFPS $0xdd, Y2, Y0, Y5 \
	VPERMQ  $0xd8, Y4, Y4     \
	VPERMQ  $0xd8, Y5, Y5     \
	VMOVDQU Y4, (at)(DI)      \
	VMOVDQU Y5, (at+64)(DI)

// func mulWindowCutAVX2(dst, codes, before *byte, cut *windowCut, quads int)
TEXT ·mulWindowCutAVX2(SB), NOSPLIT, $0-40
	MOVQ           dst+0(FP), DI
	MOVQ           codes+8(FP), SI
	MOVQ           before+16(FP), DX
	MOVQ           cut+24(FP), R8
	MOVQ           quads+32(FP), CX
	VBROADCASTI128 windowCut_scale(R8), Y15

columns:
	LEAQ windowCut_steps(R8), R9
	MOVQ $8, R10

step:
	VBROADCASTI128 windowStep_upper(R9), Y12
	VBROADCASTI128 windowStep_first(R9), Y13
	VBROADCASTI128 windowStep_other(R9), Y14
	EIGHT(0, 0)
	EIGHT(64, 32)
	ADDQ           $128, DI
	MOVQ           windowStep_next(R9), AX
	TESTQ          AX, AX
	CMOVQNE        SI, DX                    // the words before
	ADDQ           AX, SI
	ADDQ           $windowStep__size, R9
	DECQ           R10
	JNE            step
	SUBQ           $16, CX
	JNE            columns
	VZEROUPPER
	RET
