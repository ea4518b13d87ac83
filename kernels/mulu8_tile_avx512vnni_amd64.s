//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// Z0-Z7 are the sums of eight vectors with the first panel, Z8-Z15 with the second; half a tile
// uses the first four of each. A step of one quad loads ten times and multiplies sixteen times, so
// that two multiplications a cycle are the limit.

#define INIT(i, a, b) \
	VPBROADCASTD (R8), a \
	ADDQ         R9, R8  \
	VMOVDQA64    a, b

#define STEP(addr, a, b) \
	VPBROADCASTD addr, Z18  \
	VPDPBUSD     Z18, Z16, a \
	VPDPBUSD     Z18, Z17, b

#define MULTIPLY(i, a, b) \
	VPMULLD Z20, a, a \
	VPMULLD Z21, b, b

// The frame holds y of all sums between two blocks and, 1024 bytes behind, t between two groups.
#define ADDT(i, a, b) \
	VPADDD (1024+128*i)(R12), a, a    \
	VPADDD (1024+128*i+64)(R12), b, b

#define STORET(i, a, b) \
	VMOVDQU32 a, (1024+128*i)(R12)    \
	VMOVDQU32 b, (1024+128*i+64)(R12)

#define LOADY(i, a, b) \
	VMOVUPS (R11), Z18             \
	VMOVUPS 64(R11), Z19           \
	VMOVUPS Z18, (128*i)(R12)      \
	VMOVUPS Z19, (128*i+64)(R12)   \
	ADDQ    R10, R11

// ADDY adds a block to y. K1 is empty where y starts at 0.
#define ADDY(i, a, b) \
	VBROADCASTSS (R8), Z18                  \
	ADDQ         R9, R8                     \
	VCVTDQ2PS    a, a                       \
	VCVTDQ2PS    b, b                       \
	VMULPS       Z18, a, a                  \
	VMULPS       Z18, b, b                  \
	VMOVUPS.Z    (128*i)(R12), K1, Z18      \
	VMOVUPS.Z    (128*i+64)(R12), K1, Z19   \
	VADDPS       Z18, a, a                  \
	VADDPS       Z19, b, b

#define STOREY(i, a, b) \
	ADDY(i, a, b)                \
	VMOVUPS a, (128*i)(R12)      \
	VMOVUPS b, (128*i+64)(R12)

// RESULT ends a tile. Z22 and Z23 are the scales of the rows, 1 if further blocks follow.
#define RESULT(i, a, b) \
	ADDY(i, a, b)           \
	VMULPS  Z22, a, a       \
	VMULPS  Z23, b, b       \
	VMOVUPS a, (R11)        \
	VMOVUPS b, 64(R11)      \
	ADDQ    R10, R11

#define LOW(M) \
	M(0, Z0, Z8)  \
	M(1, Z1, Z9)  \
	M(2, Z2, Z10) \
	M(3, Z3, Z11)

#define HIGH(M) \
	M(4, Z4, Z12) \
	M(5, Z5, Z13) \
	M(6, Z6, Z14) \
	M(7, Z7, Z15)

// EACH is LOW and, unless this is half a tile, HIGH.
#define EACH(M, done) \
	LOW(M)                     \
	CMPQ half-2120(SP), $0     \
	JNE  done                  \
	HIGH(M)                    \
	done:

// func mulU8TileAVX512VNNI(a *pairArgs)
// The weights of a tile stay in the first-level cache for all vectors, y in the frame for all
// blocks: dst, where vectors are far apart, is written once.
TEXT ·mulU8TileAVX512VNNI(SB), 0, $2200-8
	MOVQ a+0(FP), DI
	LEAQ y-2112(SP), R12
	ADDQ $63, R12
	ANDQ $~63, R12       // on a cache line boundary

	MOVQ         $0x3f800000, AX
	VPBROADCASTD AX, Z22
	VMOVDQA64    Z22, Z23
	MOVQ         tileArgs_scale(DI), AX
	TESTQ        AX, AX
	JEQ          start
	VMOVUPS      (AX), Z22
	VMOVUPS      64(AX), Z23

start:
	MOVQ    tileArgs_stride(DI), R13
	LEAQ    (R13)(R13*2), R15
	MOVBLZX pairArgs_half(DI), AX
	MOVQ    tileArgs_tiles(DI), CX
	ADDQ    CX, AX
	MOVQ    AX, tiles-2128(SP)      // with the half one, which is the last
	MOVQ    tileArgs_q(DI), AX
	MOVQ    AX, q-2136(SP)
	MOVQ    tileArgs_init(DI), AX
	MOVQ    AX, init-2144(SP)
	MOVQ    tileArgs_scales(DI), AX
	MOVQ    AX, scales-2152(SP)
	MOVQ    tileArgs_dst(DI), AX
	MOVQ    AX, dst-2160(SP)

tile:
	MOVQ tileArgs_codes(DI), SI
	MOVQ pairArgs_codes2(DI), DX
	MOVQ q-2136(SP), BX
	LEAQ (BX)(R13*4), R14
	MOVQ tileArgs_quads(DI), AX
	MOVQ AX, quads-2168(SP)
	MOVQ $0, group-2176(SP)
	MOVQ $0, block-2184(SP)

	// half = this is the last tile and it is half a one.
	MOVBLZX pairArgs_half(DI), AX
	CMPQ    tiles-2128(SP), $1
	SETEQ   R8
	ANDB    R8, AX
	MOVQ    AX, half-2120(SP)

	KXORW   K1, K1, K1
	MOVBLZX tileArgs_first(DI), AX
	TESTQ   AX, AX
	JNE     block
	MOVQ    dst-2160(SP), R11
	MOVQ    tileArgs_ld(DI), R10
	SHLQ    $2, R10
	EACH(LOADY, loaded)
	KXNORW  K1, K1, K1

block:
	MOVQ    quads-2168(SP), CX
	MOVQ    tileArgs_blockQuads(DI), AX
	CMPQ    CX, AX
	CMOVQGT AX, CX
	SUBQ    CX, quads-2168(SP)
	XORL    R10, R10                    // not 0: t is in the frame

group:
	MOVQ tileArgs_groups(DI), R9
	SHLQ $2, R9
	MOVQ init-2144(SP), R8
	MOVQ group-2176(SP), AX
	LEAQ (R8)(AX*4), R8
	EACH(INIT, limit)
	MOVQ    tileArgs_groupQuads(DI), AX
	CMPQ    CX, AX
	CMOVQLT CX, AX
	SUBQ    AX, CX
	CMPQ    half-2120(SP), $0
	JNE     quadLow

quad:
	VMOVDQU32 (SI), Z16
	VMOVDQU32 (DX), Z17
	STEP((BX), Z0, Z8)
	STEP((BX)(R13*1), Z1, Z9)
	STEP((BX)(R13*2), Z2, Z10)
	STEP((BX)(R15*1), Z3, Z11)
	STEP((R14), Z4, Z12)
	STEP((R14)(R13*1), Z5, Z13)
	STEP((R14)(R13*2), Z6, Z14)
	STEP((R14)(R15*1), Z7, Z15)
	ADDQ $64, SI
	ADDQ $64, DX
	ADDQ $4, BX
	ADDQ $4, R14
	DECQ AX
	JNE  quad

multiply:
	MOVQ      group-2176(SP), R9
	INCQ      group-2176(SP)
	MOVQ      tileArgs_mult(DI), R8
	TESTQ     R8, R8
	JEQ       finish
	SHLQ      $4, R9
	VPMOVSXBD (R8)(R9*1), Z20
	MOVQ      pairArgs_mult2(DI), R8
	VPMOVSXBD (R8)(R9*1), Z21
	LOW(MULTIPLY)
	HIGH(MULTIPLY)
	TESTQ     R10, R10
	JEQ       firstGroup
	LOW(ADDT)
	HIGH(ADDT)

firstGroup:
	TESTQ CX, CX
	JEQ   finish
	LOW(STORET)
	HIGH(STORET)
	INCQ  R10
	JMP   group

finish:
	MOVQ   scales-2152(SP), R8
	MOVQ   block-2184(SP), AX
	LEAQ   (R8)(AX*4), R8
	INCQ   block-2184(SP)
	MOVQ   tileArgs_blocks(DI), R9
	SHLQ   $2, R9
	CMPQ   quads-2168(SP), $0
	JEQ    result
	EACH(STOREY, stored)
	KXNORW K1, K1, K1
	JMP    block

result:
	MOVQ dst-2160(SP), R11
	MOVQ tileArgs_ld(DI), R10
	SHLQ $2, R10
	EACH(RESULT, written)
	MOVQ R11, dst-2160(SP)
	SHLQ $3, R9
	ADDQ R9, scales-2152(SP)
	MOVQ tileArgs_groups(DI), R9
	SHLQ $5, R9
	ADDQ R9, init-2144(SP)
	LEAQ (R13*8), R9
	ADDQ R9, q-2136(SP)
	DECQ tiles-2128(SP)
	JNE  tile
	VZEROUPPER
	RET

quadLow:
	VMOVDQU32 (SI), Z16
	VMOVDQU32 (DX), Z17
	STEP((BX), Z0, Z8)
	STEP((BX)(R13*1), Z1, Z9)
	STEP((BX)(R13*2), Z2, Z10)
	STEP((BX)(R15*1), Z3, Z11)
	ADDQ $64, SI
	ADDQ $64, DX
	ADDQ $4, BX
	DECQ AX
	JNE  quadLow
	JMP  multiply
