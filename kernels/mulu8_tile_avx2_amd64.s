//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "avx2_amd64.h"

// Two vectors meet two panels, four times eight rows: the sums of the first vector are Y0 to Y3,
// those of the second Y4 to Y7. So what is broadcast of a vector serves four times.
//
// Quads go in pairs, whose words are added before they are widened, unless one of the two vectors
// has large magnitudes there. Seven vector operations for 64 products, four of them multiplications
// in the widest sense, are the limit then, eight else: a Zen 4 has four units. Words multiplied by
// VPMADDWD are no faster, be it two products in a lane or, as sums of two factors, four (Winograd's
// inner product).

#define VECTOR(magnitudes, signs, a, b, c, d) \
	VPBROADCASTD magnitudes, Y13 \
	VPBROADCASTD signs, Y12      \
	DOT((SI), Y10, a)            \
	DOT(32(SI), Y10, b)          \
	DOT((DX), Y10, c)            \
	DOT(32(DX), Y10, d)

#define QUAD \
	VECTOR((BX), (BX)(R14*1), Y0, Y1, Y2, Y3)               \
	VECTOR((BX)(R13*1), (BX)(R15*1), Y4, Y5, Y6, Y7)        \
	ADDQ $64, SI                                            \
	ADDQ $64, DX                                            \
	ADDQ $4, BX

// DOT2 is DOT for a pair of quads whose magnitudes are in Y13 and Y11, their signs in Y12 and Y10.
#define DOT2(weights, weights2, sums) \
	VPXOR      weights, Y12, Y8  \
	VPXOR      weights2, Y10, Y9 \
	VPMADDUBSW Y8, Y13, Y8       \
	VPMADDUBSW Y9, Y11, Y9       \
	VPADDW     Y9, Y8, Y8        \
	VPMADDWD   Y14, Y8, Y8       \
	VPADDD     Y8, sums, sums

#define VECTOR2(magnitudes, magnitudes2, signs, signs2, a, b, c, d) \
	VPBROADCASTD magnitudes, Y13   \
	VPBROADCASTD magnitudes2, Y11  \
	VPBROADCASTD signs, Y12        \
	VPBROADCASTD signs2, Y10       \
	DOT2((SI), 64(SI), a)          \
	DOT2(32(SI), 96(SI), b)        \
	DOT2((DX), 64(DX), c)          \
	DOT2(32(DX), 96(DX), d)

#define MULTIPLY(a, b, c, d) \
	VPMULLD Y8, a, a  \
	VPMULLD Y9, b, b  \
	VPMULLD Y10, c, c \
	VPMULLD Y11, d, d

// The frame holds t of all sums between two groups, 256 bytes, and then the scales of the rows in
// the last block, 1 before, 128 bytes.
#define ADDT(off, a, b, c, d) \
	VPADDD (off)(R12), a, a    \
	VPADDD (off+32)(R12), b, b \
	VPADDD (off+64)(R12), c, c \
	VPADDD (off+96)(R12), d, d

#define STORET(off, a, b, c, d) \
	VMOVDQU a, (off)(R12)    \
	VMOVDQU b, (off+32)(R12) \
	VMOVDQU c, (off+64)(R12) \
	VMOVDQU d, (off+96)(R12)

// ADDY turns t into y of the rows at addr. Y9 is the scale of the vector. Y15 is empty in the first
// block, so that y starts at 0.
#define ADDY(addr, off, t) \
	VMASKMOVPS addr, Y15, Y10       \
	VCVTDQ2PS  t, t                 \
	VMULPS     Y9, t, t             \
	VADDPS     t, Y10, t            \
	VMULPS     (256+off)(R12), t, t

// func mulU8TileAVX2(a *twoArgs)
// It leaves a at the vectors behind its own.
TEXT ·mulU8TileAVX2(SB), 0, $448-8
	MOVQ a+0(FP), DI
	LEAQ t-448(SP), R12
	ADDQ $63, R12
	ANDQ $~63, R12      // on a cache line boundary

	MOVL         $0x3f800000, AX
	VMOVD        AX, X0
	VPBROADCASTD X0, Y0
	VMOVDQA      Y0, Y1
	VMOVDQA      Y0, Y2
	VMOVDQA      Y0, Y3
	MOVQ         tileArgs_scale(DI), AX
	TESTQ        AX, AX
	JEQ          start
	MOVQ         twoArgs_scale2(DI), CX
	VMOVUPS      (AX), Y0
	VMOVUPS      32(AX), Y1
	VMOVUPS      (CX), Y2
	VMOVUPS      32(CX), Y3

start:
	STORET(256, Y0, Y1, Y2, Y3)
	MOVBLZX      tileArgs_first(DI), AX
	DECL         AX
	VMOVD        AX, X15
	VPBROADCASTD X15, Y15
	ONES
	MOVQ         tileArgs_stride(DI), R13
	MOVQ         twoArgs_signs(DI), R14
	LEAQ         (R13)(R14*1), R15

tile:
	MOVQ tileArgs_codes(DI), SI
	MOVQ twoArgs_codes2(DI), DX
	MOVQ tileArgs_quads(DI), CX
	MOVQ tileArgs_q(DI), BX
	XORL R8, R8                 // the group

group:
	MOVQ         tileArgs_init(DI), AX
	LEAQ         (AX)(R8*4), AX
	VPBROADCASTD (AX), Y0
	VMOVDQA      Y0, Y1
	VMOVDQA      Y0, Y2
	VMOVDQA      Y0, Y3
	MOVQ         tileArgs_groups(DI), R9
	VPBROADCASTD (AX)(R9*4), Y4
	VMOVDQA      Y4, Y5
	VMOVDQA      Y4, Y6
	VMOVDQA      Y4, Y7
	MOVQ         tileArgs_groupQuads(DI), AX
	CMPQ         CX, AX
	CMOVQLT      CX, AX
	SUBQ         AX, CX

	LEAQ         (R15)(R14*1), R9
	SUBQ         $2, AX
	JLT          last

pair:
	MOVQ (BX)(R14*2), R10
	ORQ  (BX)(R9*1), R10
	JNE  large
	VECTOR2((BX), 4(BX), (BX)(R14*1), 4(BX)(R14*1), Y0, Y1, Y2, Y3)
	VECTOR2((BX)(R13*1), 4(BX)(R13*1), (BX)(R15*1), 4(BX)(R15*1), Y4, Y5, Y6, Y7)
	ADDQ $128, SI
	ADDQ $128, DX
	ADDQ $8, BX
	SUBQ $2, AX
	JGE  pair

last:
	ADDQ $2, AX
	JEQ  multiply
	QUAD

multiply:
	MOVQ      tileArgs_mult(DI), AX
	TESTQ     AX, AX
	JEQ       finish
	MOVQ      R8, R9
	SHLQ      $4, R9
	VPMOVSXBD (AX)(R9*1), Y8
	VPMOVSXBD 8(AX)(R9*1), Y9
	MOVQ      twoArgs_mult2(DI), AX
	VPMOVSXBD (AX)(R9*1), Y10
	VPMOVSXBD 8(AX)(R9*1), Y11
	MULTIPLY(Y0, Y1, Y2, Y3)
	MULTIPLY(Y4, Y5, Y6, Y7)
	TESTQ     R8, R8
	JEQ       firstGroup
	ADDT(0, Y0, Y1, Y2, Y3)
	ADDT(128, Y4, Y5, Y6, Y7)

firstGroup:
	TESTQ CX, CX
	JEQ   finish
	STORET(0, Y0, Y1, Y2, Y3)
	STORET(128, Y4, Y5, Y6, Y7)
	INCQ  R8
	JMP   group

// Both vectors may be the same one, and both panels: all y are read before one is written.
finish:
	MOVQ         tileArgs_scales(DI), AX
	MOVQ         tileArgs_blocks(DI), CX
	LEAQ         (AX)(CX*8), BX
	MOVQ         BX, tileArgs_scales(DI)
	MOVQ         tileArgs_dst(DI), R10
	MOVQ         twoArgs_dst2(DI), R11
	MOVQ         tileArgs_ld(DI), BX
	SHLQ         $2, BX
	VBROADCASTSS (AX), Y9
	ADDY((R10), 0, Y0)
	ADDY(32(R10), 32, Y1)
	ADDY((R11), 64, Y2)
	ADDY(32(R11), 96, Y3)
	VBROADCASTSS (AX)(CX*4), Y9
	ADDY((R10)(BX*1), 0, Y4)
	ADDY(32(R10)(BX*1), 32, Y5)
	ADDY((R11)(BX*1), 64, Y6)
	ADDY(32(R11)(BX*1), 96, Y7)
	VMOVUPS      Y0, (R10)
	VMOVUPS      Y1, 32(R10)
	VMOVUPS      Y2, (R11)
	VMOVUPS      Y3, 32(R11)
	VMOVUPS      Y4, (R10)(BX*1)
	VMOVUPS      Y5, 32(R10)(BX*1)
	VMOVUPS      Y6, (R11)(BX*1)
	VMOVUPS      Y7, 32(R11)(BX*1)
	LEAQ         (R10)(BX*2), R10
	MOVQ         R10, tileArgs_dst(DI)
	LEAQ         (R11)(BX*2), R11
	MOVQ         R11, twoArgs_dst2(DI)
	MOVQ         tileArgs_groups(DI), AX
	SHLQ         $3, AX
	ADDQ         AX, tileArgs_init(DI)
	LEAQ         (R13*2), AX
	ADDQ         AX, tileArgs_q(DI)
	DECQ         tileArgs_tiles(DI)
	JNE          tile
	VZEROUPPER
	RET

large:
	QUAD
	QUAD
	SUBQ $2, AX
	JGE  pair
	JMP  last
