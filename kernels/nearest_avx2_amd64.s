//go:build !purego

#include "textflag.h"

// Registers: Y0-Y7 the sums of 4 centroids x 16 points, Y8 and Y11 a column of the points, Y9 one value
// of a centroid in all lanes and then the second product, Y10 the first, Y12 and Y13 the best sums
// so far, Y14 and Y15 their centroids.

// TERM subtracts from two sums the products of a column with one value.
#define TERM(mem, s0, s1) \
	VBROADCASTSS mem, Y9     \
	VMULPS       Y9, Y8, Y10 \
	VMULPS       Y9, Y11, Y9 \
	VSUBPS       Y10, s0, s0 \
	VSUBPS       Y9, s1, s1

#define START(mem, s0, s1) \
	VBROADCASTSS mem, s0 \
	VMOVAPS      s0, s1

#define LOAD(at, s0, s1) \
	VMOVUPS at+0(R12), s0  \
	VMOVUPS at+32(R12), s1

#define STORE(at, s0, s1) \
	VMOVUPS s0, at+0(R12)  \
	VMOVUPS s1, at+32(R12)

// KEEP takes over, with the number R13 of their centroid, the sums that are smaller than the best.
// VMINPS returns its last operand, the old best, unless the new sum is truly less.
#define KEEP(s0, s1) \
	VMOVD        R13, X8             \
	VPBROADCASTD X8, Y8              \
	VCMPPS       $0x11, Y12, s0, Y9  \
	VCMPPS       $0x11, Y13, s1, Y10 \
	VMINPS       Y12, s0, Y12        \
	VMINPS       Y13, s1, Y13        \
	VBLENDVPS    Y9, Y8, Y14, Y14    \
	VBLENDVPS    Y10, Y8, Y15, Y15   \
	INCL         R13

// func nearestPanelAVX2(assignments *byte, scores, sums, x *float32, stride, d int, centroids *float32, ld int, half *float32, k int, first, last bool)
TEXT ·nearestPanelAVX2(SB), NOSPLIT, $0-82
	MOVQ         sums+16(FP), R12
	MOVQ         x+24(FP), DI
	MOVQ         stride+32(FP), SI
	MOVQ         d+40(FP), DX
	MOVQ         centroids+48(FP), R8
	MOVQ         ld+56(FP), R9
	MOVQ         half+64(FP), R10
	MOVQ         k+72(FP), R11
	SHLQ         $2, SI
	SHLQ         $2, R9
	LEAQ         (R9)(R9*2), R15
	XORL         R13, R13
	MOVL         $0x7f7fffff, AX      // the largest float32
	VMOVD        AX, X12
	VPBROADCASTD X12, Y12
	VMOVAPS      Y12, Y13
	VPXOR        Y14, Y14, Y14
	VMOVAPS      Y14, Y15
	SUBQ         $4, R11
	JLT          ones

fours:
	CMPB first+80(FP), $0
	JE   fourLoad
	START((R10), Y0, Y1)
	START(4(R10), Y2, Y3)
	START(8(R10), Y4, Y5)
	START(12(R10), Y6, Y7)
	JMP  four

fourLoad:
	LOAD(0, Y0, Y1)
	LOAD(64, Y2, Y3)
	LOAD(128, Y4, Y5)
	LOAD(192, Y6, Y7)

four:
	MOVQ DI, AX
	MOVQ R8, BX
	MOVQ DX, CX

fourColumn:
	VMOVUPS (AX), Y8
	VMOVUPS 32(AX), Y11
	TERM((BX), Y0, Y1)
	TERM((BX)(R9*1), Y2, Y3)
	TERM((BX)(R9*2), Y4, Y5)
	TERM((BX)(R15*1), Y6, Y7)
	ADDQ    SI, AX
	ADDQ    $4, BX
	DECQ    CX
	JNZ     fourColumn

	CMPB last+81(FP), $0
	JE   fourStore
	KEEP(Y0, Y1)
	KEEP(Y2, Y3)
	KEEP(Y4, Y5)
	KEEP(Y6, Y7)
	JMP  fourNext

fourStore:
	STORE(0, Y0, Y1)
	STORE(64, Y2, Y3)
	STORE(128, Y4, Y5)
	STORE(192, Y6, Y7)

fourNext:
	ADDQ $256, R12
	ADDQ $16, R10
	LEAQ (R8)(R9*4), R8
	SUBQ $4, R11
	JGE  fours

ones:
	ADDQ $4, R11
	JZ   done

one:
	CMPB first+80(FP), $0
	JE   oneLoad
	START((R10), Y0, Y1)
	JMP  oneStart

oneLoad:
	LOAD(0, Y0, Y1)

oneStart:
	MOVQ DI, AX
	MOVQ R8, BX
	MOVQ DX, CX

oneColumn:
	VMOVUPS (AX), Y8
	VMOVUPS 32(AX), Y11
	TERM((BX), Y0, Y1)
	ADDQ    SI, AX
	ADDQ    $4, BX
	DECQ    CX
	JNZ     oneColumn

	CMPB last+81(FP), $0
	JE   oneStore
	KEEP(Y0, Y1)
	JMP  oneNext

oneStore:
	STORE(0, Y0, Y1)

oneNext:
	ADDQ $64, R12
	ADDQ $4, R10
	ADDQ R9, R8
	DECQ R11
	JNZ  one

done:
	CMPB    last+81(FP), $0
	JE      return
	MOVQ    assignments+0(FP), DI
	MOVQ    scores+8(FP), SI
	VMOVUPS Y12, (SI)
	VMOVUPS Y13, 32(SI)

	// The packs work within halves: put the four groups of four in order first.
	VEXTRACTI128 $1, Y14, X8
	VEXTRACTI128 $1, Y15, X9
	VPACKUSDW    X8, X14, X14
	VPACKUSDW    X9, X15, X15
	VPACKUSWB    X15, X14, X14
	VMOVDQU      X14, (DI)

return:
	VZEROUPPER
	RET
