// The body of mulU8TileXxx: 16 rows by 4 vectors. A tier says before how it multiplies:
//
//	FLIPS                sets up V24 for FLIP, at the start of each group
//	FLIP(w)              what turns the weights of register w into bytes that DOTLANE takes
//	DOTLANE(m, i, n, d)  V(d) += products of the weights in V(n) with lane i of V(m)
//
// Registers: V0-V15 the sums of a group, [vector][4 registers of 4 rows]; V16-V19 weights, V20-V23
// inputs of the vectors. At the end of a group they go to t, which is in the frame, with V24-V27
// the multipliers and V28-V31 t.
//
// R0 arguments, R1 dst, R2 codes, R3 mult, R4 the frame, R5 tiles left, R6-R9 inputs, R10 bytes
// from one vector to the next in q, R11 init, R12 bytes in init, R13 quads left in the block, R14
// in the group, R15 scales, R16 bytes in scales, R17 bytes in dst, R19 q, R20 row scales, R21-R25
// scratch.

#define DOT4(i, m, s0, s1, s2, s3) \
	DOTLANE(m, i, 16, s0) \
	DOTLANE(m, i, 17, s1) \
	DOTLANE(m, i, 18, s2) \
	DOTLANE(m, i, 19, s3)

#define QUAD(i) \
	VLD1.P 64(R2), [V16.B16, V17.B16, V18.B16, V19.B16] \
	FLIP(V16)                                           \
	FLIP(V17)                                           \
	FLIP(V18)                                           \
	FLIP(V19)                                           \
	DOT4(i, 20, 0, 1, 2, 3)                             \
	DOT4(i, 21, 4, 5, 6, 7)                             \
	DOT4(i, 22, 8, 9, 10, 11)                           \
	DOT4(i, 23, 12, 13, 14, 15)

// SUM adds the sums of one vector, times their multipliers, to its t.
#define SUM(s0, s1, s2, s3, n0, n1, n2, n3) \
	VLD1R  (R22), [V20.S4]                           \
	ADD    R12, R22                                  \
	VLD1   (R21), [V28.S4, V29.S4, V30.S4, V31.S4]   \
	VADD   V20.S4, s0.S4, s0.S4                      \
	VADD   V20.S4, s1.S4, s1.S4                      \
	VADD   V20.S4, s2.S4, s2.S4                      \
	VADD   V20.S4, s3.S4, s3.S4                      \
	MLA(24, n0, 28)                                  \
	MLA(25, n1, 29)                                  \
	MLA(26, n2, 30)                                  \
	MLA(27, n3, 31)                                  \
	VST1.P [V28.S4, V29.S4, V30.S4, V31.S4], 64(R21)

	MOVD a+0(FP), R0
	MOVD $t-256(SP), R4
	MOVD tileArgs_dst(R0), R1
	MOVD tileArgs_ld(R0), R17
	MOVD tileArgs_q(R0), R19
	MOVD tileArgs_stride(R0), R10
	MOVD tileArgs_scales(R0), R15
	MOVD tileArgs_blocks(R0), R16
	MOVD tileArgs_init(R0), R11
	MOVD tileArgs_groups(R0), R12
	MOVD tileArgs_scale(R0), R20
	MOVD tileArgs_tiles(R0), R5
	LSL  $2, R17
	LSL  $2, R16
	LSL  $2, R12

tile:
	MOVD   tileArgs_codes(R0), R2
	MOVD   tileArgs_mult(R0), R3
	MOVD   tileArgs_quads(R0), R13
	MOVD   R19, R6
	ADD    R10, R6, R7
	ADD    R10, R7, R8
	ADD    R10, R8, R9
	ADD    R10, R9, R19                              // of the next tile
	MOVD   R4, R21
	MOVD   R11, R23                                  // init of the group
	ZERO4(V28, V29, V30, V31)
	VST1.P [V28.S4, V29.S4, V30.S4, V31.S4], 64(R21)
	VST1.P [V28.S4, V29.S4, V30.S4, V31.S4], 64(R21)
	VST1.P [V28.S4, V29.S4, V30.S4, V31.S4], 64(R21)
	VST1.P [V28.S4, V29.S4, V30.S4, V31.S4], 64(R21)

group:
	MOVD tileArgs_groupQuads(R0), R14
	CMP  R14, R13
	CSEL LT, R13, R14, R14
	SUB  R14, R13
	ZERO4(V0, V1, V2, V3)
	ZERO4(V4, V5, V6, V7)
	ZERO4(V8, V9, V10, V11)
	ZERO4(V12, V13, V14, V15)
	FLIPS
	SUBS $4, R14
	BLT  ones

fours:
	VLD1.P 16(R6), [V20.B16]
	VLD1.P 16(R7), [V21.B16]
	VLD1.P 16(R8), [V22.B16]
	VLD1.P 16(R9), [V23.B16]
	QUAD(0)
	QUAD(1)
	QUAD(2)
	QUAD(3)
	SUBS   $4, R14
	BGE    fours

ones:
	ADDS $4, R14
	BEQ  sum

one:
	FMOVS.P 4(R6), F20
	FMOVS.P 4(R7), F21
	FMOVS.P 4(R8), F22
	FMOVS.P 4(R9), F23
	QUAD(0)
	SUBS    $1, R14
	BNE     one

sum:
	MOVD   R4, R21
	MOVD   R23, R22
	ADD    $4, R23
	VMOVI  $1, V26.B16
	CBZ    R3, plain
	VLD1.P 16(R3), [V26.B16]

plain:
	SXTLB(26, 25)
	SXTLB2(26, 27)
	SXTLH(25, 24)
	SXTLH2(25, 25)
	SXTLH(27, 26)
	SXTLH2(27, 27)
	SUM(V0, V1, V2, V3, 0, 1, 2, 3)
	SUM(V4, V5, V6, V7, 4, 5, 6, 7)
	SUM(V8, V9, V10, V11, 8, 9, 10, 11)
	SUM(V12, V13, V14, V15, 12, 13, 14, 15)
	CBNZ R13, group

	// y of the four vectors: never fused, the contract rounds twice.
	MOVD  R4, R21
	MOVBU tileArgs_first(R0), R24
	MOVD  $4, R25
	CBZ   R20, vector
	VLD1  (R20), [V4.S4, V5.S4, V6.S4, V7.S4]

vector:
	VLD1.P 64(R21), [V28.S4, V29.S4, V30.S4, V31.S4]
	SCVTF(28, 28)
	SCVTF(29, 29)
	SCVTF(30, 30)
	SCVTF(31, 31)
	VLD1R  (R15), [V20.S4]
	ADD    R16, R15
	FMUL(20, 28, 28)
	FMUL(20, 29, 29)
	FMUL(20, 30, 30)
	FMUL(20, 31, 31)
	ZERO4(V0, V1, V2, V3)
	CBNZ   R24, add
	VLD1   (R1), [V0.S4, V1.S4, V2.S4, V3.S4]

add:
	FADD(28, 0, 0)
	FADD(29, 1, 1)
	FADD(30, 2, 2)
	FADD(31, 3, 3)
	CBZ R20, store
	FMUL(4, 0, 0)
	FMUL(5, 1, 1)
	FMUL(6, 2, 2)
	FMUL(7, 3, 3)

store:
	VST1 [V0.S4, V1.S4, V2.S4, V3.S4], (R1)
	ADD  R17, R1
	SUBS $1, R25
	BNE  vector

	ADD  R12<<2, R11
	SUBS $1, R5
	BNE  tile
	RET
