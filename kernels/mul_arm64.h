// The multiplication of a run of panels with one vector, for mulu8_arm64.h and mulnibble_arm64.h.
// A tier says before how it multiplies:
//
//	FLIP(w)          what turns the weights of register w into bytes that DOT takes
//	DOT(i, e)        V0-V7 += products of the quad in V20-V23 (16 rows) with lane i of V24; e is 0
//	                 for even quads and 1 for odd ones, so that a tier may keep two sets of sums
//	FOLD             V0-V3 = the sums of the 16 rows
//
// Registers: V0-V7 the sums of a group, V8-V11 t, V12-V15 y, V16-V19 scratch, V20-V23 weights, V24
// inputs, V25-V31 the tier's and the operation's.
//
// R0 arguments, R1 dst, R2 codes, R3 mult, R4 scale, R5 panels left, R6 q, R7 scales, R8 init, R9
// quads left in the row, R10 in the block, R11 in the group.

// QUAD adds the products of the next 64 weights at R2 with lane i of V24.
#define QUAD(i, e) \
	VLD1.P 64(R2), [V20.B16, V21.B16, V22.B16, V23.B16] \
	FLIP(V20)                                           \
	FLIP(V21)                                           \
	FLIP(V22)                                           \
	FLIP(V23)                                           \
	DOT(i, e)

#define VECARGS \
	MOVD a+0(FP), R0            \
	MOVD vecArgs_dst(R0), R1    \
	MOVD vecArgs_codes(R0), R2  \
	MOVD vecArgs_mult(R0), R3   \
	MOVD vecArgs_scale(R0), R4  \
	MOVD vecArgs_panels(R0), R5

#define PANELSTART(block) \
	MOVD  vecArgs_q(R0), R6                      \
	MOVD  vecArgs_scales(R0), R7                 \
	MOVD  vecArgs_init(R0), R8                   \
	MOVD  vecArgs_quads(R0), R9                  \
	ZERO4(V12, V13, V14, V15)                    \
	MOVBU vecArgs_first(R0), R10                 \
	CBNZ  R10, block                             \
	VLD1  (R1), [V12.S4, V13.S4, V14.S4, V15.S4]

#define BLOCKSTART \
	MOVD vecArgs_blockQuads(R0), R10 \
	CMP  R10, R9                     \
	CSEL LT, R9, R10, R10            \
	SUB  R10, R9                     \
	ZERO4(V8, V9, V10, V11)

#define GROUPSTART \
	MOVD vecArgs_groupQuads(R0), R11 \
	CMP  R11, R10                    \
	CSEL LT, R10, R11, R11           \
	SUB  R11, R10                    \
	ZERO4(V0, V1, V2, V3)            \
	ZERO4(V4, V5, V6, V7)

// GROUPEND adds a group times its multipliers to t.
#define GROUPEND(plain, next, group) \
	FOLD                          \
	VLD1R.P 4(R8), [V16.S4]       \
	VADD    V16.S4, V0.S4, V0.S4  \
	VADD    V16.S4, V1.S4, V1.S4  \
	VADD    V16.S4, V2.S4, V2.S4  \
	VADD    V16.S4, V3.S4, V3.S4  \
	CBZ     R3, plain             \
	VLD1.P  16(R3), [V18.B16]     \
	SXTLB(18, 17)                 \
	SXTLB2(18, 19)                \
	SXTLH(17, 16)                 \
	SXTLH2(17, 17)                \
	SXTLH(19, 18)                 \
	SXTLH2(19, 19)                \
	MLA(16, 0, 8)                 \
	MLA(17, 1, 9)                 \
	MLA(18, 2, 10)                \
	MLA(19, 3, 11)                \
	B       next                  \
	plain:                        \
	VADD    V0.S4, V8.S4, V8.S4   \
	VADD    V1.S4, V9.S4, V9.S4   \
	VADD    V2.S4, V10.S4, V10.S4 \
	VADD    V3.S4, V11.S4, V11.S4 \
	next:                         \
	CBNZ    R10, group

// BLOCKEND adds t times the scale of the block to y: never fused, the contract rounds twice.
#define BLOCKEND(block) \
	SCVTF(8, 8)             \
	SCVTF(9, 9)             \
	SCVTF(10, 10)           \
	SCVTF(11, 11)           \
	VLD1R.P 4(R7), [V16.S4] \
	FMUL(16, 8, 8)          \
	FMUL(16, 9, 9)          \
	FMUL(16, 10, 10)        \
	FMUL(16, 11, 11)        \
	FADD(8, 12, 12)         \
	FADD(9, 13, 13)         \
	FADD(10, 14, 14)        \
	FADD(11, 15, 15)        \
	CBNZ    R9, block

#define PANELEND(store, panel) \
	CBZ    R4, store                                \
	VLD1.P 64(R4), [V16.S4, V17.S4, V18.S4, V19.S4] \
	FMUL(16, 12, 12)                                \
	FMUL(17, 13, 13)                                \
	FMUL(18, 14, 14)                                \
	FMUL(19, 15, 15)                                \
	store:                                          \
	VST1.P [V12.S4, V13.S4, V14.S4, V15.S4], 64(R1) \
	SUBS   $1, R5                                   \
	BNE    panel
