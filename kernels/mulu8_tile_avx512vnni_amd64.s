//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// Z0-Z7 are the sums of eight vectors with the first panel, Z8-Z15 with the second; half a tile uses
// the first four of each. A step of one
// quad loads ten times and multiplies sixteen times, so that two multiplications a cycle are the limit.

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

#define ADDT(i, a, b) \
	VPADDD (128*i)(R12), a, a    \
	VPADDD (128*i+64)(R12), b, b

#define STORET(i, a, b) \
	VMOVDQU32 a, (128*i)(R12)    \
	VMOVDQU32 b, (128*i+64)(R12)

// K1 is empty in the first block, so that y starts at 0. Z22 and Z23 are the scales of the rows in
// the last block and 1 before.
#define FINISH(i, a, b) \
	VBROADCASTSS (R8), Z18         \
	ADDQ         R9, R8            \
	VCVTDQ2PS    a, a              \
	VCVTDQ2PS    b, b              \
	VMULPS       Z18, a, a         \
	VMULPS       Z18, b, b         \
	VMOVUPS.Z    (R11), K1, Z18    \
	VMOVUPS.Z    64(R11), K1, Z19  \
	VADDPS       Z18, a, a         \
	VADDPS       Z19, b, b         \
	VMULPS       Z22, a, a         \
	VMULPS       Z23, b, b         \
	VMOVUPS      a, (R11)          \
	VMOVUPS      b, 64(R11)        \
	ADDQ         R10, R11

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

#define EACH(M) \
	LOW(M)  \
	HIGH(M)

// func mulU8TileVNNI(a *tileArgs)
// The frame holds t of all sums between two groups, on a cache line boundary.
TEXT ·mulU8TileVNNI(SB), 0, $1200-8
	MOVQ a+0(FP), DI
	LEAQ t-1088(SP), R12
	ADDQ $63, R12
	ANDQ $~63, R12

	MOVQ         $0x3f800000, AX
	VPBROADCASTD AX, Z22
	VMOVDQA64    Z22, Z23
	MOVQ         tileArgs_scale(DI), AX
	TESTQ        AX, AX
	JEQ          start
	VMOVUPS      (AX), Z22
	VMOVUPS      64(AX), Z23

start:
	MOVBLZX tileArgs_first(DI), AX
	DECL    AX                     // 0 in the first block, else all ones
	KMOVW   AX, K1
	MOVQ    tileArgs_dst(DI), R11
	MOVQ    tileArgs_ld(DI), R10
	SHLQ    $2, R10
	MOVQ    tileArgs_stride(DI), R13
	LEAQ    (R13)(R13*2), R15
	MOVBLZX tileArgs_half(DI), AX
	MOVQ    tileArgs_tiles(DI), CX
	ADDQ    CX, AX
	MOVQ    AX, tiles-1096(SP)    // with the half one, which is the last
	MOVQ    tileArgs_q(DI), AX
	MOVQ    AX, q-1104(SP)
	MOVQ    tileArgs_init(DI), AX
	MOVQ    AX, init-1112(SP)
	MOVQ    tileArgs_scales(DI), AX
	MOVQ    AX, scales-1120(SP)

tile:
	MOVQ tileArgs_codes(DI), SI
	MOVQ tileArgs_codes2(DI), DX
	MOVQ q-1104(SP), BX
	LEAQ (BX)(R13*4), R14
	MOVQ tileArgs_quads(DI), CX
	MOVQ $0, group-1128(SP)

	// half = this is the last tile and it is half a one.
	MOVBLZX tileArgs_half(DI), AX
	CMPQ    tiles-1096(SP), $1
	SETEQ   R8
	ANDB    R8, AX
	MOVQ    AX, half-1136(SP)

group:
	MOVQ tileArgs_groups(DI), R9
	SHLQ $2, R9
	MOVQ init-1112(SP), R8
	MOVQ group-1128(SP), AX
	LEAQ (R8)(AX*4), R8
	LOW(INIT)
	CMPQ    half-1136(SP), $0
	JNE     limit
	HIGH(INIT)

limit:
	MOVQ    tileArgs_groupQuads(DI), AX
	CMPQ    CX, AX
	CMOVQLT CX, AX
	SUBQ    AX, CX
	CMPQ    half-1136(SP), $0
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
	MOVQ      tileArgs_mult(DI), R8
	TESTQ     R8, R8
	JEQ       finish
	MOVQ      group-1128(SP), AX
	MOVQ      AX, R9
	SHLQ      $4, R9
	VPMOVSXBD (R8)(R9*1), Z20
	MOVQ      tileArgs_mult2(DI), R8
	VPMOVSXBD (R8)(R9*1), Z21
	EACH(MULTIPLY)
	INCQ      group-1128(SP)
	TESTQ     AX, AX
	JEQ       firstGroup
	EACH(ADDT)

firstGroup:
	TESTQ CX, CX
	JEQ   finish
	EACH(STORET)
	JMP   group

finish:
	MOVQ scales-1120(SP), R8
	MOVQ tileArgs_blocks(DI), R9
	SHLQ $2, R9
	LOW(FINISH)
	CMPQ half-1136(SP), $0
	JNE  done
	HIGH(FINISH)
	MOVQ R8, scales-1120(SP)
	MOVQ tileArgs_groups(DI), R9
	SHLQ $5, R9
	ADDQ R9, init-1112(SP)
	LEAQ (R13*8), R9
	ADDQ R9, q-1104(SP)
	DECQ tiles-1096(SP)
	JNE  tile

done:
	VZEROUPPER
	RET

quadLow:
	VMOVDQU32 (SI), Z16
	VMOVDQU32 (DX), Z17
	STEP((BX), Z0, Z8)
	STEP((BX)(R13*1), Z1, Z9)
	STEP((BX)(R13*2), Z2, Z10)
	STEP((BX)(R15*1), Z3, Z11)
	ADDQ      $64, SI
	ADDQ      $64, DX
	ADDQ      $4, BX
	DECQ      AX
	JNE       quadLow
	JMP       multiply
