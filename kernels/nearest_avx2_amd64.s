//go:build !purego

#include "textflag.h"

// Registers: Y0-Y7 the sums of 4 centroids x 16 points, Y8 and Y11 a coordinate of the points, Y9
// one value of a centroid in all lanes and then the second product, Y10 the first, Y12 and Y13 the
// best sums so far, Y14 and Y15 their centroids. The second best are in memory, in Y8 and Y11 while
// sums are compared.

// TERM subtracts from two sums the products of a coordinate with one value.
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
// VMINPS returns what is written first, the old best, unless the new sum is truly less.
#define KEEP(s0, s1) \
	VMOVD        R13, X9             \
	VPBROADCASTD X9, Y9              \
	VCMPPS       $0x11, Y12, s0, Y10 \
	VMINPS       Y12, s0, Y12        \
	VBLENDVPS    Y10, Y9, Y14, Y14   \
	VCMPPS       $0x11, Y13, s1, Y10 \
	VMINPS       Y13, s1, Y13        \
	VBLENDVPS    Y10, Y9, Y15, Y15   \
	INCL         R13

// SECOND, before KEEP, lowers the second best to the larger of sum and best where that is smaller.
#define SECOND(s0, s1) \
	VMAXPS s0, Y12, Y9   \
	VMAXPS s1, Y13, Y10  \
	VMINPS Y8, Y9, Y8    \
	VMINPS Y11, Y10, Y11

#define LOADSECONDS \
	VMOVUPS (AX), Y8    \
	VMOVUPS 32(AX), Y11

#define STORESECONDS \
	VMOVUPS Y8, (AX)    \
	VMOVUPS Y11, 32(AX)

// func nearestLanesAVX2(assignments *byte, scores, seconds, sums, x *float32, stride, d int,
//	centroids *float32, ld int, half *float32, k int, first, last bool)
TEXT ·nearestLanesAVX2(SB), NOSPLIT, $0-90
	MOVQ         sums+24(FP), R12
	MOVQ         x+32(FP), DI
	MOVQ         stride+40(FP), SI
	MOVQ         d+48(FP), DX
	MOVQ         centroids+56(FP), R8
	MOVQ         ld+64(FP), R9
	MOVQ         half+72(FP), R10
	MOVQ         k+80(FP), R11
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
	MOVQ         seconds+16(FP), AX
	TESTQ        AX, AX
	JE           start
	VMOVUPS      Y12, (AX)
	VMOVUPS      Y12, 32(AX)

start:
	SUBQ $4, R11
	JLT  ones

fours:
	CMPB first+88(FP), $0
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

	CMPB  last+89(FP), $0
	JE    fourStore
	MOVQ  seconds+16(FP), AX
	TESTQ AX, AX
	JNE   fourSeconds
	KEEP(Y0, Y1)
	KEEP(Y2, Y3)
	KEEP(Y4, Y5)
	KEEP(Y6, Y7)
	JMP  fourNext

fourSeconds:
	LOADSECONDS
	SECOND(Y0, Y1)
	KEEP(Y0, Y1)
	SECOND(Y2, Y3)
	KEEP(Y2, Y3)
	SECOND(Y4, Y5)
	KEEP(Y4, Y5)
	SECOND(Y6, Y7)
	KEEP(Y6, Y7)
	STORESECONDS
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
	CMPB first+88(FP), $0
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

	CMPB  last+89(FP), $0
	JE    oneStore
	MOVQ  seconds+16(FP), AX
	TESTQ AX, AX
	JE    oneKeep
	LOADSECONDS
	SECOND(Y0, Y1)
	STORESECONDS

oneKeep:
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
	CMPB    last+89(FP), $0
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
