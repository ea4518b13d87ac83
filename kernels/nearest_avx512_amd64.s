//go:build !purego

#include "textflag.h"

// Registers: Z0-Z15 the sums of 4 centroids x 64 points, Z16-Z19 a coordinate of the points, Z20
// and Z21 one value of a centroid in all lanes, Z22 and Z23 products, Z24-Z27 the best sums so far,
// Z28-Z31 their centroids. The second best are in memory, in Z16-Z19 while sums are compared. Four
// by four makes 16 independent chains, which hide the latency of the subtraction, and takes 8 loads
// for 32 operations. Small widths need no code of their own: d = 1 takes 24 cycles for 4 x 64 on
// Zen 5, what products, comparisons and minima take at two a cycle.

// TERM subtracts from four sums the products of a coordinate with one value.
#define TERM(c, mem, s0, s1, s2, s3) \
	VBROADCASTSS mem, c      \
	VMULPS       c, Z16, Z22 \
	VMULPS       c, Z17, Z23 \
	VSUBPS       Z22, s0, s0 \
	VSUBPS       Z23, s1, s1 \
	VMULPS       c, Z18, Z22 \
	VMULPS       c, Z19, Z23 \
	VSUBPS       Z22, s2, s2 \
	VSUBPS       Z23, s3, s3

#define START(mem, s0, s1, s2, s3) \
	VBROADCASTSS mem, s0 \
	VMOVAPS      s0, s1  \
	VMOVAPS      s0, s2  \
	VMOVAPS      s0, s3

#define LOAD(at, s0, s1, s2, s3) \
	VMOVUPS at+0(R12), s0   \
	VMOVUPS at+64(R12), s1  \
	VMOVUPS at+128(R12), s2 \
	VMOVUPS at+192(R12), s3

#define STORE(at, s0, s1, s2, s3) \
	VMOVUPS s0, at+0(R12)   \
	VMOVUPS s1, at+64(R12)  \
	VMOVUPS s2, at+128(R12) \
	VMOVUPS s3, at+192(R12)

// KEEP takes over, with the number R13 of their centroid, the sums that are smaller than the best.
// VMINPS returns what is written first, the old best, unless the new sum is truly less.
#define KEEP(s0, s1, s2, s3) \
	VPBROADCASTD R13, Z20           \
	VCMPPS       $0x11, Z24, s0, K1 \
	VCMPPS       $0x11, Z25, s1, K2 \
	VCMPPS       $0x11, Z26, s2, K3 \
	VCMPPS       $0x11, Z27, s3, K4 \
	VMINPS       Z24, s0, Z24       \
	VMINPS       Z25, s1, Z25       \
	VMINPS       Z26, s2, Z26       \
	VMINPS       Z27, s3, Z27       \
	VMOVDQA32    Z20, K1, Z28       \
	VMOVDQA32    Z20, K2, Z29       \
	VMOVDQA32    Z20, K3, Z30       \
	VMOVDQA32    Z20, K4, Z31       \
	INCL         R13

// SECOND, before KEEP, lowers the second best to the larger of sum and best where that is smaller.
#define SECOND(s0, s1, s2, s3) \
	VMAXPS s0, Z24, Z20  \
	VMAXPS s1, Z25, Z21  \
	VMAXPS s2, Z26, Z22  \
	VMAXPS s3, Z27, Z23  \
	VMINPS Z16, Z20, Z16 \
	VMINPS Z17, Z21, Z17 \
	VMINPS Z18, Z22, Z18 \
	VMINPS Z19, Z23, Z19

#define LOADSECONDS \
	VMOVUPS (AX), Z16    \
	VMOVUPS 64(AX), Z17  \
	VMOVUPS 128(AX), Z18 \
	VMOVUPS 192(AX), Z19

#define STORESECONDS \
	VMOVUPS Z16, (AX)    \
	VMOVUPS Z17, 64(AX)  \
	VMOVUPS Z18, 128(AX) \
	VMOVUPS Z19, 192(AX)

#define COLUMN \
	VMOVUPS (AX), Z16    \
	VMOVUPS 64(AX), Z17  \
	VMOVUPS 128(AX), Z18 \
	VMOVUPS 192(AX), Z19

// func nearestLanesAVX512(assignments *byte, scores, seconds, sums, x *float32, stride, d int,
//	centroids *float32, ld int, half *float32, k int, first, last bool)
TEXT ·nearestLanesAVX512(SB), NOSPLIT, $0-90
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
	VPBROADCASTD AX, Z24
	VMOVAPS      Z24, Z25
	VMOVAPS      Z24, Z26
	VMOVAPS      Z24, Z27
	VPXORD       Z28, Z28, Z28
	VMOVAPS      Z28, Z29
	VMOVAPS      Z28, Z30
	VMOVAPS      Z28, Z31
	MOVQ         seconds+16(FP), AX
	TESTQ        AX, AX
	JE           start
	VMOVAPS      Z24, Z16
	VMOVAPS      Z24, Z17
	VMOVAPS      Z24, Z18
	VMOVAPS      Z24, Z19
	STORESECONDS

start:
	SUBQ $4, R11
	JLT  ones

fours:
	CMPB first+88(FP), $0
	JE   fourLoad
	START((R10), Z0, Z1, Z2, Z3)
	START(4(R10), Z4, Z5, Z6, Z7)
	START(8(R10), Z8, Z9, Z10, Z11)
	START(12(R10), Z12, Z13, Z14, Z15)
	JMP  four

fourLoad:
	LOAD(0, Z0, Z1, Z2, Z3)
	LOAD(256, Z4, Z5, Z6, Z7)
	LOAD(512, Z8, Z9, Z10, Z11)
	LOAD(768, Z12, Z13, Z14, Z15)

four:
	MOVQ DI, AX
	MOVQ R8, BX
	MOVQ DX, CX

fourColumn:
	COLUMN
	TERM(Z20, (BX), Z0, Z1, Z2, Z3)
	TERM(Z21, (BX)(R9*1), Z4, Z5, Z6, Z7)
	TERM(Z20, (BX)(R9*2), Z8, Z9, Z10, Z11)
	TERM(Z21, (BX)(R15*1), Z12, Z13, Z14, Z15)
	ADDQ SI, AX
	ADDQ $4, BX
	DECQ CX
	JNZ  fourColumn

	CMPB  last+89(FP), $0
	JE    fourStore
	MOVQ  seconds+16(FP), AX
	TESTQ AX, AX
	JNE   fourSeconds
	KEEP(Z0, Z1, Z2, Z3)
	KEEP(Z4, Z5, Z6, Z7)
	KEEP(Z8, Z9, Z10, Z11)
	KEEP(Z12, Z13, Z14, Z15)
	JMP  fourNext

fourSeconds:
	LOADSECONDS
	SECOND(Z0, Z1, Z2, Z3)
	KEEP(Z0, Z1, Z2, Z3)
	SECOND(Z4, Z5, Z6, Z7)
	KEEP(Z4, Z5, Z6, Z7)
	SECOND(Z8, Z9, Z10, Z11)
	KEEP(Z8, Z9, Z10, Z11)
	SECOND(Z12, Z13, Z14, Z15)
	KEEP(Z12, Z13, Z14, Z15)
	STORESECONDS
	JMP  fourNext

fourStore:
	STORE(0, Z0, Z1, Z2, Z3)
	STORE(256, Z4, Z5, Z6, Z7)
	STORE(512, Z8, Z9, Z10, Z11)
	STORE(768, Z12, Z13, Z14, Z15)

fourNext:
	ADDQ $1024, R12
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
	START((R10), Z0, Z1, Z2, Z3)
	JMP  oneStart

oneLoad:
	LOAD(0, Z0, Z1, Z2, Z3)

oneStart:
	MOVQ DI, AX
	MOVQ R8, BX
	MOVQ DX, CX

oneColumn:
	COLUMN
	TERM(Z20, (BX), Z0, Z1, Z2, Z3)
	ADDQ SI, AX
	ADDQ $4, BX
	DECQ CX
	JNZ  oneColumn

	CMPB  last+89(FP), $0
	JE    oneStore
	MOVQ  seconds+16(FP), AX
	TESTQ AX, AX
	JE    oneKeep
	LOADSECONDS
	SECOND(Z0, Z1, Z2, Z3)
	STORESECONDS

oneKeep:
	KEEP(Z0, Z1, Z2, Z3)
	JMP  oneNext

oneStore:
	STORE(0, Z0, Z1, Z2, Z3)

oneNext:
	ADDQ $256, R12
	ADDQ $4, R10
	ADDQ R9, R8
	DECQ R11
	JNZ  one

done:
	CMPB    last+89(FP), $0
	JE      return
	MOVQ    assignments+0(FP), DI
	MOVQ    scores+8(FP), SI
	VPMOVDB Z28, (DI)
	VPMOVDB Z29, 16(DI)
	VPMOVDB Z30, 32(DI)
	VPMOVDB Z31, 48(DI)
	VMOVUPS Z24, (SI)
	VMOVUPS Z25, 64(SI)
	VMOVUPS Z26, 128(SI)
	VMOVUPS Z27, 192(SI)

return:
	VZEROUPPER
	RET
