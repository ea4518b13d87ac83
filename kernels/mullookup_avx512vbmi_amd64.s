//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "avx512vnni_amd64.h"
#include "avx512vbmi_amd64.h"

// Z0 y, Z2-Z5 sums, Z6-Z9 codes and weights, Z16-Z31 the lookups: four registers for each of the d
// columns.

#define LOAD4(off, a, b, c, d) \
	VMOVDQU32 (off)(AX), a     \
	VMOVDQU32 (off+64)(AX), b  \
	VMOVDQU32 (off+128)(AX), c \
	VMOVDQU32 (off+192)(AX), d

#define BEGIN \
	MOVQ a+0(FP), DI               \
	MOVQ vecArgs_lookup(DI), AX    \
	MOVQ vecArgs_codes(DI), SI     \
	MOVQ vecArgs_dst(DI), R8       \
	MOVQ vecArgs_scale(DI), R9     \
	MOVQ vecArgs_panels(DI), R10

#define PANEL \
	MOVQ   vecArgs_q(DI), BX       \
	MOVQ   vecArgs_scales(DI), R11 \
	MOVQ   vecArgs_init(DI), R12   \
	MOVQ   vecArgs_quads(DI), R13  \
	VPXORD Z0, Z0, Z0

#define BLOCK \
	MOVQ         vecArgs_blockQuads(DI), AX \
	CMPQ         R13, AX                    \
	CMOVQLT      R13, AX                    \
	SUBQ         AX, R13                    \
	VPBROADCASTD (R12), Z2                  \
	ADDQ         $4, R12                    \
	VPXORD       Z3, Z3, Z3                 \
	VPXORD       Z4, Z4, Z4                 \
	VPXORD       Z5, Z5, Z5

#define SUM \
	VPADDD      Z3, Z2, Z2      \
	VPADDD      Z5, Z4, Z4      \
	VPADDD      Z4, Z2, Z2      \
	VCVTDQ2PS   Z2, Z2          \
	VMULPS.BCST (R11), Z2, Z2   \
	ADDQ        $4, R11         \
	VADDPS      Z2, Z0, Z0      \
	TESTQ       R13, R13

#define ROWS \
	VMULPS  (R9), Z0, Z0 \
	VMOVUPS Z0, (R8)     \
	ADDQ    $64, R9      \
	ADDQ    $64, R8      \
	DECQ    R10

#define QUAD1(i, acc) \
	PREFETCHT0    (64*i+AHEAD)(SI)       \
	VMOVDQU32     (64*i)(SI), Z6         \
	LOOKUPMASKS(Z6)                      \
	LOOKUP(Z16, Z17, Z18, Z19, Z6)       \
	VPDPBUSD.BCST (4*i)(BX), Z6, acc

#define QUAD2(i, acc0, acc1) \
	PREFETCHT0    (64*i+AHEAD)(SI)       \
	VMOVDQU32     (64*i)(SI), Z6         \
	LOOKUPMASKS(Z6)                      \
	VMOVDQA64     Z6, Z7                 \
	LOOKUP(Z16, Z17, Z18, Z19, Z6)       \
	LOOKUP(Z20, Z21, Z22, Z23, Z7)       \
	VPDPBUSD.BCST (8*i)(BX), Z6, acc0    \
	VPDPBUSD.BCST (8*i+4)(BX), Z7, acc1

#define QUAD3 \
	PREFETCHT0    AHEAD(SI)              \
	VMOVDQU32     (SI), Z6               \
	LOOKUPMASKS(Z6)                      \
	VMOVDQA64     Z6, Z7                 \
	VMOVDQA64     Z6, Z8                 \
	LOOKUP(Z16, Z17, Z18, Z19, Z6)       \
	LOOKUP(Z20, Z21, Z22, Z23, Z7)       \
	LOOKUP(Z24, Z25, Z26, Z27, Z8)       \
	VPDPBUSD.BCST (BX), Z6, Z2           \
	VPDPBUSD.BCST 4(BX), Z7, Z3          \
	VPDPBUSD.BCST 8(BX), Z8, Z4

#define QUAD4 \
	PREFETCHT0    AHEAD(SI)              \
	VMOVDQU32     (SI), Z6               \
	LOOKUPMASKS(Z6)                      \
	VMOVDQA64     Z6, Z7                 \
	VMOVDQA64     Z6, Z8                 \
	VMOVDQA64     Z6, Z9                 \
	LOOKUP(Z16, Z17, Z18, Z19, Z6)       \
	LOOKUP(Z20, Z21, Z22, Z23, Z7)       \
	LOOKUP(Z24, Z25, Z26, Z27, Z8)       \
	LOOKUP(Z28, Z29, Z30, Z31, Z9)       \
	VPDPBUSD.BCST (BX), Z6, Z2           \
	VPDPBUSD.BCST 4(BX), Z7, Z3          \
	VPDPBUSD.BCST 8(BX), Z8, Z4          \
	VPDPBUSD.BCST 12(BX), Z9, Z5

// func mulLookup1AVX512VBMI(a *vecArgs)
TEXT ·mulLookup1AVX512VBMI(SB), NOSPLIT, $0-8
	BEGIN
	LOAD4(0, Z16, Z17, Z18, Z19)

panel:
	PANEL

block:
	BLOCK
	SUBQ $4, AX
	JLT  ones

fours:
	QUAD1(0, Z2)
	QUAD1(1, Z3)
	QUAD1(2, Z4)
	QUAD1(3, Z5)
	ADDQ $256, SI
	ADDQ $16, BX
	SUBQ $4, AX
	JGE  fours

ones:
	ADDQ $4, AX
	JEQ  sum

one:
	QUAD1(0, Z2)
	ADDQ $64, SI
	ADDQ $4, BX
	DECQ AX
	JNE  one

sum:
	SUM
	JNE block
	ROWS
	JNE panel
	VZEROUPPER
	RET

// func mulLookup2AVX512VBMI(a *vecArgs)
TEXT ·mulLookup2AVX512VBMI(SB), NOSPLIT, $0-8
	BEGIN
	LOAD4(0, Z16, Z17, Z18, Z19)
	LOAD4(256, Z20, Z21, Z22, Z23)

panel:
	PANEL

block:
	BLOCK
	SUBQ $2, AX
	JLT  one

twos:
	QUAD2(0, Z2, Z3)
	QUAD2(1, Z4, Z5)
	ADDQ $128, SI
	ADDQ $16, BX
	SUBQ $2, AX
	JGE  twos

one:
	ADDQ $2, AX
	JEQ  sum
	QUAD2(0, Z2, Z3)
	ADDQ $64, SI
	ADDQ $8, BX

sum:
	SUM
	JNE block
	ROWS
	JNE panel
	VZEROUPPER
	RET

// func mulLookup3AVX512VBMI(a *vecArgs)
TEXT ·mulLookup3AVX512VBMI(SB), NOSPLIT, $0-8
	BEGIN
	LOAD4(0, Z16, Z17, Z18, Z19)
	LOAD4(256, Z20, Z21, Z22, Z23)
	LOAD4(512, Z24, Z25, Z26, Z27)

panel:
	PANEL

block:
	BLOCK

quad:
	QUAD3
	ADDQ $64, SI
	ADDQ $12, BX
	DECQ AX
	JNE  quad
	SUM
	JNE block
	ROWS
	JNE panel
	VZEROUPPER
	RET

// func mulLookup4AVX512VBMI(a *vecArgs)
TEXT ·mulLookup4AVX512VBMI(SB), NOSPLIT, $0-8
	BEGIN
	LOAD4(0, Z16, Z17, Z18, Z19)
	LOAD4(256, Z20, Z21, Z22, Z23)
	LOAD4(512, Z24, Z25, Z26, Z27)
	LOAD4(768, Z28, Z29, Z30, Z31)

panel:
	PANEL

block:
	BLOCK

quad:
	QUAD4
	ADDQ $64, SI
	ADDQ $16, BX
	DECQ AX
	JNE  quad
	SUM
	JNE block
	ROWS
	JNE panel
	VZEROUPPER
	RET

// func mulLookupDecodeAVX512VBMI(dst, codes, lookup *byte, d, n int)
// One column at a time, so that four registers of lookup stay in place whatever d is.
TEXT ·mulLookupDecodeAVX512VBMI(SB), NOSPLIT, $0-40
	MOVQ  dst+0(FP), DI
	MOVQ  lookup+16(FP), AX
	MOVQ  d+24(FP), R8
	MOVQ  R8, R10
	SHLQ  $6, R8             // from one quad to the next in dst
	MOVQ  n+32(FP), R9
	TESTQ R9, R9
	JEQ   done

column:
	MOVQ codes+8(FP), SI
	MOVQ DI, BX
	MOVQ R9, CX
	LOAD4(0, Z16, Z17, Z18, Z19)

quad:
	VMOVDQU32 (SI), Z6
	LOOKUPMASKS(Z6)
	LOOKUP(Z16, Z17, Z18, Z19, Z6)
	VMOVDQU32 Z6, (BX)
	ADDQ      $64, SI
	ADDQ      R8, BX
	DECQ      CX
	JNE       quad
	ADDQ      $64, DI
	ADDQ      $256, AX
	DECQ      R10
	JNE       column

done:
	VZEROUPPER
	RET
