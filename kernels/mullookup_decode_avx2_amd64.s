//go:build !purego

#include "textflag.h"

// AVX2 looks up 16 bytes at a time: sixteen shuffles by the low half of a code, and a tree of
// blends by the bits of the high half, which Y1 to Y4 have on top of their bytes: bit 4, 5, 6 and
// 7.
#define PAIR(i, y) \
	VBROADCASTI128 (32*i)(AX), y        \
	VBROADCASTI128 (32*i+16)(AX), Y15   \
	VPSHUFB        Y0, y, y             \
	VPSHUFB        Y0, Y15, Y15         \
	VPBLENDVB      Y1, Y15, y, y

// func mulLookupDecodeAVX2(dst, codes, lookup *byte, d, n int)
TEXT ·mulLookupDecodeAVX2(SB), NOSPLIT, $0-40
	MOVQ         dst+0(FP), DI
	MOVQ         lookup+16(FP), AX
	MOVQ         d+24(FP), R10
	MOVQ         R10, R8
	SHLQ         $6, R8               // from one quad to the next in dst
	MOVL         $0x0f0f0f0f, R9
	VMOVD        R9, X14
	VPBROADCASTD X14, Y14
	MOVQ         n+32(FP), R9
	TESTQ        R9, R9
	JEQ          done

column:
	MOVQ codes+8(FP), SI
	MOVQ DI, BX
	MOVQ R9, CX

quad:
	MOVQ $2, DX

half:
	VMOVDQU   (SI), Y4
	VPSLLW    $3, Y4, Y1
	VPSLLW    $2, Y4, Y2
	VPSLLW    $1, Y4, Y3
	VPAND     Y14, Y4, Y0
	PAIR(0, Y5)
	PAIR(1, Y6)
	PAIR(2, Y7)
	PAIR(3, Y8)
	PAIR(4, Y9)
	PAIR(5, Y10)
	PAIR(6, Y11)
	PAIR(7, Y12)
	VPBLENDVB Y2, Y6, Y5, Y5
	VPBLENDVB Y2, Y8, Y7, Y7
	VPBLENDVB Y2, Y10, Y9, Y9
	VPBLENDVB Y2, Y12, Y11, Y11
	VPBLENDVB Y3, Y7, Y5, Y5
	VPBLENDVB Y3, Y11, Y9, Y9
	VPBLENDVB Y4, Y9, Y5, Y5
	VMOVDQU   Y5, (BX)
	ADDQ      $32, SI
	ADDQ      $32, BX
	DECQ      DX
	JNE       half
	LEAQ      -64(BX)(R8*1), BX
	DECQ      CX
	JNE       quad
	ADDQ      $64, DI
	ADDQ      $256, AX
	DECQ      R10
	JNE       column

done:
	VZEROUPPER
	RET
