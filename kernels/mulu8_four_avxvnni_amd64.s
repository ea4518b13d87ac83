//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "avxvnni_amd64.h"

// Four vectors share the loads of the weights, Y8 for rows 0-7 and Y9 for rows 8-15. The sums of
// vector i are Yi and Y(4+i).
#define STEP(addr, low, high) \
	VPBROADCASTD addr, Y10    \
	VPDPBUSD_VEX(10, 8, low)  \
	VPDPBUSD_VEX(10, 9, high)

#define QUAD(i) \
	VMOVDQU (64*i)(SI), Y8             \
	VMOVDQU (64*i+32)(SI), Y9          \
	STEP((4*i)(BX), 0, 4)              \
	STEP((4*i)(BX)(R13*1), 1, 5)       \
	STEP((4*i)(BX)(R13*2), 2, 6)       \
	STEP((4*i)(BX)(R14*1), 3, 7)

#define INIT(i, low, high) \
	VPBROADCASTD (DX), low             \
	ADDQ         R15, DX               \
	VMOVDQA      low, high

#define MULTIPLY(i, low, high) \
	VPMULLD Y8, low, low               \
	VPMULLD Y9, high, high

#define ADDT(i, low, high) \
	VPADDD (64*i)(R12), low, low       \
	VPADDD (64*i+32)(R12), high, high

#define STORET(i, low, high) \
	VMOVDQA low, (64*i)(R12)           \
	VMOVDQA high, (64*i+32)(R12)

// Y15 is empty in the first block, so that y starts at 0. Y13 and Y14 are the scales of the rows in
// the last block and 1 before.
#define FINISH(i, low, high) \
	VBROADCASTSS (DX), Y8              \
	ADDQ         R15, DX               \
	VCVTDQ2PS    low, low              \
	VCVTDQ2PS    high, high            \
	VMULPS       Y8, low, low          \
	VMULPS       Y8, high, high        \
	VMASKMOVPS   (R11), Y15, Y10       \
	VMASKMOVPS   32(R11), Y15, Y11     \
	VADDPS       low, Y10, Y10         \
	VADDPS       high, Y11, Y11        \
	VMULPS       Y13, Y10, Y10         \
	VMULPS       Y14, Y11, Y11         \
	VMOVUPS      Y10, (R11)            \
	VMOVUPS      Y11, 32(R11)          \
	ADDQ         R10, R11

#define EACH(M) \
	M(0, Y0, Y4) \
	M(1, Y1, Y5) \
	M(2, Y2, Y6) \
	M(3, Y3, Y7)

// func mulU8FourAVXVNNI(a *tileArgs)
// The frame holds t of all sums between two groups.
TEXT ·mulU8FourAVXVNNI(SB), 0, $320-8
	MOVQ a+0(FP), DI
	LEAQ t-288(SP), R12
	ADDQ $31, R12
	ANDQ $~31, R12

	MOVL         $0x3f800000, AX
	VMOVD        AX, X13
	VPBROADCASTD X13, Y13
	VMOVDQA      Y13, Y14
	MOVQ         tileArgs_scale(DI), AX
	TESTQ        AX, AX
	JEQ          start
	VMOVUPS      (AX), Y13
	VMOVUPS      32(AX), Y14

start:
	MOVBLZX      tileArgs_first(DI), AX
	DECL         AX
	VMOVD        AX, X15
	VPBROADCASTD X15, Y15
	MOVQ         tileArgs_dst(DI), R11
	MOVQ         tileArgs_ld(DI), R10
	SHLQ         $2, R10
	MOVQ         tileArgs_stride(DI), R13
	LEAQ         (R13)(R13*2), R14
	MOVQ         tileArgs_tiles(DI), R9
	MOVQ         tileArgs_q(DI), AX
	MOVQ         AX, q-296(SP)
	MOVQ         tileArgs_init(DI), AX
	MOVQ         AX, init-304(SP)
	MOVQ         tileArgs_scales(DI), AX
	MOVQ         AX, scales-312(SP)

tile:
	MOVQ tileArgs_codes(DI), SI
	MOVQ tileArgs_quads(DI), CX
	MOVQ q-296(SP), BX
	XORL R8, R8                  // the group

group:
	MOVQ    tileArgs_groups(DI), R15
	SHLQ    $2, R15
	MOVQ    init-304(SP), DX
	LEAQ    (DX)(R8*4), DX
	EACH(INIT)
	MOVQ    tileArgs_groupQuads(DI), AX
	CMPQ    CX, AX
	CMOVQLT CX, AX
	SUBQ    AX, CX
	SUBQ    $2, AX
	JLT     one

twos:
	QUAD(0)
	QUAD(1)
	ADDQ $128, SI
	ADDQ $8, BX
	SUBQ $2, AX
	JGE  twos

one:
	ADDQ $2, AX
	JEQ  multiply
	QUAD(0)
	ADDQ $64, SI
	ADDQ $4, BX

multiply:
	MOVQ      tileArgs_mult(DI), DX
	TESTQ     DX, DX
	JEQ       finish
	MOVQ      R8, AX
	SHLQ      $4, AX
	VPMOVSXBD (DX)(AX*1), Y8
	VPMOVSXBD 8(DX)(AX*1), Y9
	EACH(MULTIPLY)
	INCQ      R8
	TESTQ     AX, AX
	JEQ       firstGroup
	EACH(ADDT)

firstGroup:
	TESTQ CX, CX
	JEQ   finish
	EACH(STORET)
	JMP   group

finish:
	MOVQ scales-312(SP), DX
	MOVQ tileArgs_blocks(DI), R15
	SHLQ $2, R15
	EACH(FINISH)
	MOVQ DX, scales-312(SP)
	MOVQ tileArgs_groups(DI), R15
	SHLQ $4, R15
	ADDQ R15, init-304(SP)
	LEAQ (R13*4), R15
	ADDQ R15, q-296(SP)
	DECQ R9
	JNE  tile
	VZEROUPPER
	RET
