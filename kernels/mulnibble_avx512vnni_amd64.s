//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "avx512vnni_amd64.h"

DATA nibbleMask<>+0(SB)/4, $0x0f0f0f0f
GLOBL nibbleMask<>(SB), RODATA|NOPTR, $4

#define LOW(codes, x, acc) \
	VPANDD        Z30, codes, Z8 \
	VPSHUFB       Z8, Z31, Z8    \
	VPDPBUSD.BCST x, Z8, acc

#define HIGH(codes, x, acc) \
	VPSRLW        $4, codes, Z9  \
	VPANDD        Z30, Z9, Z9    \
	VPSHUFB       Z9, Z31, Z9    \
	VPDPBUSD.BCST x, Z9, acc

#define PAIR(i, acc0, acc1) \
	PREFETCHT0 (64*i+AHEAD)(SI)    \
	VMOVDQU32 (64*i)(SI), Z6       \
	LOW(Z6, (8*i)(BX), acc0)       \
	HIGH(Z6, (8*i+4)(BX), acc1)

// func mulNibbleVecAVX512VNNI(a *vecArgs)
// A group may begin or end in the middle of a pair of quads: R14 is 1 while the low half of the
// pair at SI is used up.
TEXT ·mulNibbleVecAVX512VNNI(SB), NOSPLIT, $0-8
	MOVQ            a+0(FP), DI
	MOVQ            vecArgs_lookup(DI), AX
	VBROADCASTI32X4 (AX), Z31
	VPBROADCASTD    nibbleMask<>(SB), Z30
	MOVQ            vecArgs_codes(DI), SI
	MOVQ            vecArgs_mult(DI), DX
	MOVQ            vecArgs_dst(DI), R8
	MOVQ            vecArgs_scale(DI), R9
	MOVQ            vecArgs_panels(DI), R10

panel:
	MOVQ   vecArgs_q(DI), BX
	MOVQ   vecArgs_scales(DI), R11
	MOVQ   vecArgs_init(DI), R12
	MOVQ   vecArgs_quads(DI), R13
	XORL   R14, R14
	VPXORD Z0, Z0, Z0              // y

block:
	MOVQ    vecArgs_blockQuads(DI), CX
	CMPQ    R13, CX
	CMOVQLT R13, CX
	SUBQ    CX, R13
	VPXORD  Z1, Z1, Z1                 // t

	PCALIGN $64 // groups of 16 columns take 1.15 times as long on a Zen 5 where the code is badly aligned

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
	TESTQ        R14, R14
	JNE          second

pairs:
	SUBQ $8, AX
	JLT  four

eights:
	PAIR(0, Z2, Z3)
	PAIR(1, Z4, Z5)
	PAIR(2, Z2, Z3)
	PAIR(3, Z4, Z5)
	ADDQ $256, SI
	ADDQ $32, BX
	SUBQ $8, AX
	JGE  eights

four:
	ADDQ $4, AX
	JLT  two
	PAIR(0, Z2, Z3)
	PAIR(1, Z4, Z5)
	ADDQ $128, SI
	ADDQ $16, BX
	SUBQ $4, AX

two:
	ADDQ $4, AX
	JEQ  sum
	CMPQ AX, $2
	JLT  one
	PAIR(0, Z2, Z3)
	ADDQ $64, SI
	ADDQ $8, BX
	SUBQ $2, AX
	JEQ  sum

one:
	VMOVDQU32 (SI), Z6
	LOW(Z6, (BX), Z2)
	ADDQ $4, BX
	INCQ R14

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
	SHLQ    $6, R14
	ADDQ    R14, SI     // an odd number of quads leaves half a pair unused
	DECQ    R10
	JNE     panel
	VZEROUPPER
	RET

second:
	VMOVDQU32 (SI), Z6
	HIGH(Z6, (BX), Z3)
	ADDQ $64, SI
	ADDQ $4, BX
	XORL R14, R14
	DECQ AX
	JNE  pairs
	JMP  sum

// func mulNibbleDecodeAVX512VNNI(dst, codes, lookup *byte, n int)
TEXT ·mulNibbleDecodeAVX512VNNI(SB), NOSPLIT, $0-32
	MOVQ            dst+0(FP), DI
	MOVQ            codes+8(FP), SI
	MOVQ            lookup+16(FP), AX
	MOVQ            n+24(FP), CX
	VBROADCASTI32X4 (AX), Z31
	VPBROADCASTD    nibbleMask<>(SB), Z30
	TESTQ           CX, CX
	JEQ             done

loop:
	VMOVDQU32 (SI), Z0
	VPANDD    Z30, Z0, Z1
	VPSRLW    $4, Z0, Z2
	VPANDD    Z30, Z2, Z2
	VPSHUFB   Z1, Z31, Z1
	VPSHUFB   Z2, Z31, Z2
	VMOVDQU32 Z1, (DI)
	VMOVDQU32 Z2, 64(DI)
	ADDQ      $64, SI
	ADDQ      $128, DI
	DECQ      CX
	JNE       loop

done:
	VZEROUPPER
	RET
