//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// 16 points in four registers meet four centroids at a time: 16 sums. Multiplied, rounded, then
// subtracted: FMLS would round once.
//
// Registers: V0-V15 the sums, [centroid][4 points]; V16-V19 a coordinate of the points, V20 of a
// centroid; V21-V23 products; V24-V27 the best sums so far, V28-V31 their centroids. The second
// best are in memory, in V20-V23 while sums are compared.
//
// R0 x, R1 bytes from one coordinate to the next, R2 coordinates, R3 centroids, R4 bytes from one
// centroid to the next, R5 half, R6 centroids left, R7 the number of the next centroid, R8 sums, R9
// first, R10 last, R19 seconds or 0. In a round: R11 walks along x, R12-R15 along the centroids,
// R16 counts, R17 walks along sums.

#define SAME(s0, s1, s2, s3) \
	VLD1R.P 4(R5), [s0.S4]         \
	VORR    s0.B16, s0.B16, s1.B16 \
	VORR    s0.B16, s0.B16, s2.B16 \
	VORR    s0.B16, s0.B16, s3.B16

#define LOAD(s0, s1, s2, s3) \
	VLD1.P 64(R17), [s0.S4, s1.S4, s2.S4, s3.S4]

#define STORE(s0, s1, s2, s3) \
	VST1.P [s0.S4, s1.S4, s2.S4, s3.S4], 64(R8)

#define COLUMN \
	VLD1 (R11), [V16.S4, V17.S4, V18.S4, V19.S4] \
	ADD  R1, R11

#define TERM(walk, s0, s1, s2, s3) \
	FMOVS.P 4(walk), F20    \
	FMULLANE(20, 0, 16, 21) \
	FMULLANE(20, 0, 17, 22) \
	FMULLANE(20, 0, 18, 23) \
	FSUB(21, s0, s0)        \
	FMULLANE(20, 0, 19, 21) \
	FSUB(22, s1, s1)        \
	FSUB(23, s2, s2)        \
	FSUB(21, s3, s3)

// KEEP takes over, with the number R7 of their centroid, the sums that are smaller than the best.
#define KEEP(s0, s1, s2, s3, n0, n1, n2, n3) \
	VDUP R7, V16.S4                \
	ADD  $1, R7                    \
	FCMGT(n0, 24, 17)              \
	FCMGT(n1, 25, 18)              \
	VBIT V17.B16, s0.B16, V24.B16  \
	VBIT V18.B16, s1.B16, V25.B16  \
	VBIT V17.B16, V16.B16, V28.B16 \
	VBIT V18.B16, V16.B16, V29.B16 \
	FCMGT(n2, 26, 17)              \
	FCMGT(n3, 27, 18)              \
	VBIT V17.B16, s2.B16, V26.B16  \
	VBIT V18.B16, s3.B16, V27.B16  \
	VBIT V17.B16, V16.B16, V30.B16 \
	VBIT V18.B16, V16.B16, V31.B16

// SECOND, before KEEP, lowers the second best to the larger of sum and best where that is smaller.
#define SECOND(s0, s1, s2, s3, n0, n1, n2, n3) \
	LARGER(s0, n0, V24, 24, 17, V17) \
	LARGER(s1, n1, V25, 25, 18, V18) \
	LOWER(17, V17, 20, V20)          \
	LOWER(18, V18, 21, V21)          \
	LARGER(s2, n2, V26, 26, 17, V17) \
	LARGER(s3, n3, V27, 27, 18, V18) \
	LOWER(17, V17, 22, V22)          \
	LOWER(18, V18, 23, V23)

#define LARGER(s, n, best, nbest, nto, to) \
	FCMGT(n, nbest, 16)           \
	VORR s.B16, s.B16, to.B16     \
	VBIT V16.B16, best.B16, to.B16

#define LOWER(n, s, nsecond, second) \
	FCMGT(n, nsecond, 19)           \
	VBIT V19.B16, s.B16, second.B16

#define LOADSECONDS VLD1 (R19), [V20.S4, V21.S4, V22.S4, V23.S4]
#define STORESECONDS VST1 [V20.S4, V21.S4, V22.S4, V23.S4], (R19)

// func nearestLanesNEON(assignments *byte, scores, seconds, sums, x *float32, stride, d int,
//	centroids *float32, ld int, half *float32, k int, first, last bool)
TEXT ·nearestLanesNEON(SB), NOSPLIT, $0-90
	MOVD  sums+24(FP), R8
	MOVD  x+32(FP), R0
	MOVD  stride+40(FP), R1
	MOVD  d+48(FP), R2
	MOVD  centroids+56(FP), R3
	MOVD  ld+64(FP), R4
	MOVD  half+72(FP), R5
	MOVD  k+80(FP), R6
	MOVBU first+88(FP), R9
	MOVBU last+89(FP), R10
	LSL   $2, R1
	LSL   $2, R4
	MOVD  seconds+16(FP), R19
	MOVD  $0, R7
	MOVD  R8, R17
	MOVD  $0x7f7fffff, R11          // the largest float32
	VDUP  R11, V24.S4
	VDUP  R11, V25.S4
	VDUP  R11, V26.S4
	VDUP  R11, V27.S4
	VEOR  V28.B16, V28.B16, V28.B16
	VEOR  V29.B16, V29.B16, V29.B16
	VEOR  V30.B16, V30.B16, V30.B16
	VEOR  V31.B16, V31.B16, V31.B16
	CBZ   R19, start
	VST1  [V24.S4, V25.S4, V26.S4, V27.S4], (R19)

start:
	SUBS $4, R6
	BLT  ones

fours:
	CBZ R9, fourLoad
	SAME(V0, V1, V2, V3)
	SAME(V4, V5, V6, V7)
	SAME(V8, V9, V10, V11)
	SAME(V12, V13, V14, V15)
	B   four

fourLoad:
	LOAD(V0, V1, V2, V3)
	LOAD(V4, V5, V6, V7)
	LOAD(V8, V9, V10, V11)
	LOAD(V12, V13, V14, V15)

four:
	MOVD R0, R11
	MOVD R3, R12
	ADD  R4, R12, R13
	ADD  R4, R13, R14
	ADD  R4, R14, R15
	ADD  R4, R15, R3
	MOVD R2, R16

fourColumn:
	COLUMN
	TERM(R12, 0, 1, 2, 3)
	TERM(R13, 4, 5, 6, 7)
	TERM(R14, 8, 9, 10, 11)
	TERM(R15, 12, 13, 14, 15)
	SUBS $1, R16
	BNE  fourColumn

	CBZ  R10, fourStore
	CBNZ R19, fourSeconds
	KEEP(V0, V1, V2, V3, 0, 1, 2, 3)
	KEEP(V4, V5, V6, V7, 4, 5, 6, 7)
	KEEP(V8, V9, V10, V11, 8, 9, 10, 11)
	KEEP(V12, V13, V14, V15, 12, 13, 14, 15)
	B   fourNext

fourSeconds:
	LOADSECONDS
	SECOND(V0, V1, V2, V3, 0, 1, 2, 3)
	KEEP(V0, V1, V2, V3, 0, 1, 2, 3)
	SECOND(V4, V5, V6, V7, 4, 5, 6, 7)
	KEEP(V4, V5, V6, V7, 4, 5, 6, 7)
	SECOND(V8, V9, V10, V11, 8, 9, 10, 11)
	KEEP(V8, V9, V10, V11, 8, 9, 10, 11)
	SECOND(V12, V13, V14, V15, 12, 13, 14, 15)
	KEEP(V12, V13, V14, V15, 12, 13, 14, 15)
	STORESECONDS
	B    fourNext

fourStore:
	STORE(V0, V1, V2, V3)
	STORE(V4, V5, V6, V7)
	STORE(V8, V9, V10, V11)
	STORE(V12, V13, V14, V15)

fourNext:
	SUBS $4, R6
	BGE  fours

ones:
	ADDS $4, R6
	BEQ  done

one:
	CBZ R9, oneLoad
	SAME(V0, V1, V2, V3)
	B   oneStart

oneLoad:
	LOAD(V0, V1, V2, V3)

oneStart:
	MOVD R0, R11
	MOVD R3, R12
	ADD  R4, R3
	MOVD R2, R16

oneColumn:
	COLUMN
	TERM(R12, 0, 1, 2, 3)
	SUBS $1, R16
	BNE  oneColumn

	CBZ R10, oneStore
	CBZ R19, oneKeep
	LOADSECONDS
	SECOND(V0, V1, V2, V3, 0, 1, 2, 3)
	STORESECONDS

oneKeep:
	KEEP(V0, V1, V2, V3, 0, 1, 2, 3)
	B   oneNext

oneStore:
	STORE(V0, V1, V2, V3)

oneNext:
	SUBS $1, R6
	BNE  one

done:
	CBZ   R10, return
	MOVD  assignments+0(FP), R0
	MOVD  scores+8(FP), R1
	VST1  [V24.S4, V25.S4, V26.S4, V27.S4], (R1)
	VUZP1 V29.H8, V28.H8, V28.H8
	VUZP1 V31.H8, V30.H8, V30.H8
	VUZP1 V30.B16, V28.B16, V28.B16
	VST1  [V28.B16], (R0)

return:
	RET
