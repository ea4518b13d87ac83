//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// Four accumulators in turn, so that a VPDPBUSD need not wait for the one before it. Prefetching is
// left to the processor. With PREFETCHT0 1024 bytes ahead, or any other distance, weights in the
// third-level cache are slower on a Zen 4 ([3072, 1024] takes 42 us, 32 without), if faster on a
// Zen 5 (26 us, up to 30 without); from memory both fetch well enough.
#define QUAD(i, acc) \
	VMOVDQU32     (64*i)(SI), Z6     \
	VPDPBUSD.BCST (4*i)(BX), Z6, acc

// func mulU8VecAVX512VNNI(a *vecArgs)
TEXT ·mulU8VecAVX512VNNI(SB), NOSPLIT, $0-8
	MOVQ a+0(FP), DI
	MOVQ vecArgs_codes(DI), SI
	MOVQ vecArgs_mult(DI), DX
	MOVQ vecArgs_dst(DI), R8
	MOVQ vecArgs_scale(DI), R9
	MOVQ vecArgs_panels(DI), R10

panel:
	MOVQ   vecArgs_q(DI), BX
	MOVQ   vecArgs_scales(DI), R11
	MOVQ   vecArgs_init(DI), R12
	MOVQ   vecArgs_quads(DI), R13
	VPXORD Z0, Z0, Z0              // y

block:
	MOVQ    vecArgs_blockQuads(DI), CX
	CMPQ    R13, CX
	CMOVQLT R13, CX
	SUBQ    CX, R13
	VPXORD  Z1, Z1, Z1                 // t

group:
	MOVQ         vecArgs_groupQuads(DI), AX
	CMPQ         CX, AX
	CMOVQLT      CX, AX
	SUBQ         AX, CX
	VPBROADCASTD (R12), Z2
	ADDQ         $4, R12
	VPXORD       Z3, Z3, Z3
	VPXORD       Z4, Z4, Z4
	VPXORD       Z5, Z5, Z5
	SUBQ         $8, AX
	JLT          four

eights:
	QUAD(0, Z2)
	QUAD(1, Z3)
	QUAD(2, Z4)
	QUAD(3, Z5)
	QUAD(4, Z2)
	QUAD(5, Z3)
	QUAD(6, Z4)
	QUAD(7, Z5)
	ADDQ $512, SI
	ADDQ $32, BX
	SUBQ $8, AX
	JGE  eights

four:
	ADDQ $4, AX
	JLT  ones
	QUAD(0, Z2)
	QUAD(1, Z3)
	QUAD(2, Z4)
	QUAD(3, Z5)
	ADDQ $256, SI
	ADDQ $16, BX
	SUBQ $4, AX

ones:
	ADDQ $4, AX
	JEQ  sum

one:
	QUAD(0, Z2)
	ADDQ $64, SI
	ADDQ $4, BX
	DECQ AX
	JNE  one

sum:
	VPADDD    Z3, Z2, Z2
	VPADDD    Z5, Z4, Z4
	VPMOVSXBD (DX), Z6
	VPADDD    Z4, Z2, Z2
	ADDQ      $16, DX
	VPMULLD   Z6, Z2, Z2
	VPADDD    Z2, Z1, Z1
	TESTQ     CX, CX
	JNE       group

	VCVTDQ2PS   Z1, Z1
	VMULPS.BCST (R11), Z1, Z1
	ADDQ        $4, R11
	VADDPS      Z1, Z0, Z0
	TESTQ       R13, R13
	JNE         block

	VMULPS  (R9), Z0, Z0
	VMOVUPS Z0, (R8)
	ADDQ    $64, R9
	ADDQ    $64, R8
	DECQ    R10
	JNE     panel
	VZEROUPPER
	RET
