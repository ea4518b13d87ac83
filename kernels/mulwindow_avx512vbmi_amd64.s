//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "avx512vbmi_amd64.h"

// Eight weights take as many bytes as one takes bits, so steps of eight columns begin and end with
// a byte. Of the 64 windows that a register gives, eight in a row belong to one row: the sums of a
// row are in two neighbours.
//
// Z0 y, Z2-Z5 sums: rows 0 to 7 in Z2 and Z3, 8 to 15 in Z4 and Z5. Z6, Z7 windows and weights, Z8
// the input. Z10, Z11 the words of the 16 rows, Z12, Z13 those before, of which K3-K7 replace the
// upper bytes. Z16-Z19 the lookup. Z20-Z27 where windows begin in a word. Z28, Z29 the even and the
// odd numbers.

// WINDOWS is where the windows of eight weights begin, that of the first in the lowest byte, when
// the last ends at bit end of a word.
#define WINDOWS(bits, end, z) \
	MOVQ         $(bits*0x0001020304050607+end*0x0101010101010101), AX \
	VPBROADCASTQ AX, z

// UPPER has the bytes of each word from bit end on.
#define UPPER(end, k) \
	MOVQ  $(((0xff<<(end/8))&0xff)*0x0101010101010101), AX \
	KMOVQ AX, k

DATA evens<>+0(SB)/8, $0x0000000200000000
DATA evens<>+8(SB)/8, $0x0000000600000004
DATA evens<>+16(SB)/8, $0x0000000a00000008
DATA evens<>+24(SB)/8, $0x0000000e0000000c
DATA evens<>+32(SB)/8, $0x0000001200000010
DATA evens<>+40(SB)/8, $0x0000001600000014
DATA evens<>+48(SB)/8, $0x0000001a00000018
DATA evens<>+56(SB)/8, $0x0000001e0000001c
GLOBL evens<>(SB), RODATA|NOPTR, $64

#define TABLES \
	VMOVDQU32    (AX), Z16        \
	VMOVDQU32    64(AX), Z17      \
	VMOVDQU32    128(AX), Z18     \
	VMOVDQU32    192(AX), Z19     \
	VMOVDQU32    evens<>(SB), Z28 \
	MOVL         $1, AX           \
	VPBROADCASTD AX, Z29          \
	VPADDD       Z28, Z29, Z29

#define BEGIN \
	MOVQ a+0(FP), DI             \
	MOVQ vecArgs_lookup(DI), AX  \
	MOVQ vecArgs_codes(DI), SI   \
	MOVQ vecArgs_dst(DI), R8     \
	MOVQ vecArgs_scale(DI), R9   \
	MOVQ vecArgs_panels(DI), R10 \
	TABLES

#define PANEL \
	MOVQ   vecArgs_q(DI), BX       \
	MOVQ   vecArgs_scales(DI), R11 \
	MOVQ   vecArgs_init(DI), R12   \
	MOVQ   vecArgs_quads(DI), R13  \
	VPXORD Z0, Z0, Z0              \
	VPXORD Z12, Z12, Z12           \
	VPXORD Z13, Z13, Z13

#define BLOCK \
	MOVQ    vecArgs_blockQuads(DI), AX \
	CMPQ    R13, AX                    \
	CMOVQLT R13, AX                    \
	SUBQ    AX, R13                    \
	VPXORD  Z2, Z2, Z2                 \
	VPXORD  Z3, Z3, Z3                 \
	VPXORD  Z4, Z4, Z4                 \
	VPXORD  Z5, Z5, Z5

#define SUM \
	VPADDD      Z3, Z2, Z2    \
	VPADDD      Z5, Z4, Z4    \
	VMOVDQA64   Z2, Z6        \
	VPERMT2D    Z4, Z28, Z2   \
	VPERMT2D    Z4, Z29, Z6   \
	VPADDD.BCST (R12), Z2, Z2 \
	ADDQ        $4, R12       \
	VPADDD      Z6, Z2, Z2    \
	VCVTDQ2PS   Z2, Z2        \
	VMULPS.BCST (R11), Z2, Z2 \
	ADDQ        $4, R11       \
	VADDPS      Z2, Z0, Z0    \
	TESTQ       R13, R13

#define ROWS \
	VMULPS  (R9), Z0, Z0 \
	VMOVUPS Z0, (R8)     \
	ADDQ    $64, R9      \
	ADDQ    $64, R8      \
	DECQ    R10

// WORD loads word i of the rows and puts its upper bytes over those of the words before.
#define WORD(i, upper) \
	VMOVDQU8  (128*i)(SI), upper, Z12    \
	VMOVDQU8  (128*i+64)(SI), upper, Z13 \
	VMOVDQU64 (128*i)(SI), Z10           \
	VMOVDQU64 (128*i+64)(SI), Z11

#define NEXT \
	VMOVDQA64 Z10, Z12 \
	VMOVDQA64 Z11, Z13

// CUT sets Z6 and Z7 to the weights of eight columns of all rows.
#define CUT(windows, words0, words1) \
	VPMULTISHIFTQB words0, windows, Z6 \
	VPMULTISHIFTQB words1, windows, Z7 \
	LOOKUPMASKS(Z6)                    \
	LOOKUP(Z16, Z17, Z18, Z19, Z6)     \
	LOOKUPMASKS(Z7)                    \
	LOOKUP(Z16, Z17, Z18, Z19, Z7)

// MUL multiplies columns 8*i and behind.
#define MUL(i, windows, words0, words1, sum0, sum1) \
	VPBROADCASTQ (8*i)(BX), Z8   \
	CUT(windows, words0, words1) \
	VPDPBUSD     Z8, Z6, sum0    \
	VPDPBUSD     Z8, Z7, sum1

// STORE writes columns 8*i and behind as two quads.
#define STORE(i, windows, words0, words1, sum0, sum1) \
	CUT(windows, words0, words1) \
	VMOVDQA64 Z6, Z8             \
	VPERMT2D  Z7, Z28, Z6        \
	VPERMT2D  Z7, Z29, Z8        \
	VMOVDQU32 Z6, (128*i)(R8)    \
	VMOVDQU32 Z8, (128*i+64)(R8)

// SETUP2 prepares for units of 2 bits: a step of eight columns ends at bit 48, 32, 16 and 0 of a
// word, the first begins in the word before. UNIT2 is such a unit, STEP being MUL or STORE. The
// others likewise: a unit is as few words as whole steps fill.

#define SETUP2 \
	UPPER(48, K3)       \
	WINDOWS(2, 48, Z20) \
	WINDOWS(2, 32, Z21) \
	WINDOWS(2, 16, Z22) \
	WINDOWS(2, 0, Z23)

#define UNIT2(STEP) \
	WORD(0, K3)                    \
	STEP(0, Z20, Z12, Z13, Z2, Z4) \
	STEP(1, Z21, Z10, Z11, Z3, Z5) \
	STEP(2, Z22, Z10, Z11, Z2, Z4) \
	STEP(3, Z23, Z10, Z11, Z3, Z5) \
	NEXT

#define SETUP3 \
	UPPER(40, K3)       \
	WINDOWS(3, 40, Z20) \
	WINDOWS(3, 16, Z21) \
	UPPER(56, K4)       \
	WINDOWS(3, 56, Z22) \
	WINDOWS(3, 32, Z23) \
	WINDOWS(3, 8, Z24)  \
	UPPER(48, K5)       \
	WINDOWS(3, 48, Z25) \
	WINDOWS(3, 24, Z26) \
	WINDOWS(3, 0, Z27)

#define UNIT3(STEP) \
	WORD(0, K3)                    \
	STEP(0, Z20, Z12, Z13, Z2, Z4) \
	STEP(1, Z21, Z10, Z11, Z3, Z5) \
	NEXT                           \
	WORD(1, K4)                    \
	STEP(2, Z22, Z12, Z13, Z2, Z4) \
	STEP(3, Z23, Z10, Z11, Z3, Z5) \
	STEP(4, Z24, Z10, Z11, Z2, Z4) \
	NEXT                           \
	WORD(2, K5)                    \
	STEP(5, Z25, Z12, Z13, Z3, Z5) \
	STEP(6, Z26, Z10, Z11, Z2, Z4) \
	STEP(7, Z27, Z10, Z11, Z3, Z5) \
	NEXT

#define SETUP4 \
	UPPER(32, K3)       \
	WINDOWS(4, 32, Z20) \
	WINDOWS(4, 0, Z21)

#define UNIT4(STEP) \
	WORD(0, K3)                    \
	STEP(0, Z20, Z12, Z13, Z2, Z4) \
	STEP(1, Z21, Z10, Z11, Z3, Z5) \
	NEXT

#define SETUP5 \
	UPPER(24, K3)       \
	WINDOWS(5, 24, Z20) \
	UPPER(48, K4)       \
	WINDOWS(5, 48, Z21) \
	WINDOWS(5, 8, Z22)  \
	UPPER(32, K5)       \
	WINDOWS(5, 32, Z23) \
	UPPER(56, K6)       \
	WINDOWS(5, 56, Z24) \
	WINDOWS(5, 16, Z25) \
	UPPER(40, K7)       \
	WINDOWS(5, 40, Z26) \
	WINDOWS(5, 0, Z27)

#define UNIT5(STEP) \
	WORD(0, K3)                    \
	STEP(0, Z20, Z12, Z13, Z2, Z4) \
	NEXT                           \
	WORD(1, K4)                    \
	STEP(1, Z21, Z12, Z13, Z3, Z5) \
	STEP(2, Z22, Z10, Z11, Z2, Z4) \
	NEXT                           \
	WORD(2, K5)                    \
	STEP(3, Z23, Z12, Z13, Z3, Z5) \
	NEXT                           \
	WORD(3, K6)                    \
	STEP(4, Z24, Z12, Z13, Z2, Z4) \
	STEP(5, Z25, Z10, Z11, Z3, Z5) \
	NEXT                           \
	WORD(4, K7)                    \
	STEP(6, Z26, Z12, Z13, Z2, Z4) \
	STEP(7, Z27, Z10, Z11, Z3, Z5) \
	NEXT

// MULTIPLY is a kernel for one vector. A unit has this many words of a row, and steps of eight
// columns.
#define MULTIPLY(SETUP, UNIT, words, steps) \
	BEGIN                 \
	SETUP                 \
	panel:                \
	PANEL                 \
	block:                \
	BLOCK                 \
	unit:                 \
	UNIT(MUL)             \
	ADDQ $(128*words), SI \
	ADDQ $(8*steps), BX   \
	SUBQ $(2*steps), AX   \
	JNE  unit             \
	SUM                   \
	JNE  block            \
	ROWS                  \
	JNE  panel            \
	VZEROUPPER            \
	RET

// DECODE is a kernel that turns quads into the layout of mul-u8.
#define DECODE(SETUP, UNIT, words, steps) \
	MOVQ      dst+0(FP), R8     \
	MOVQ      codes+8(FP), SI   \
	MOVQ      before+16(FP), AX \
	VMOVDQU64 (AX), Z12         \
	VMOVDQU64 64(AX), Z13       \
	MOVQ      lookup+24(FP), AX \
	TABLES                      \
	MOVQ      quads+32(FP), CX  \
	SETUP                       \
	unit:                       \
	UNIT(STORE)                 \
	ADDQ      $(128*words), SI  \
	ADDQ      $(128*steps), R8  \
	SUBQ      $(2*steps), CX    \
	JNE       unit              \
	VZEROUPPER                  \
	RET

// func mulWindow2AVX512VBMI(a *vecArgs)
TEXT ·mulWindow2AVX512VBMI(SB), NOSPLIT, $0-8
	MULTIPLY(SETUP2, UNIT2, 1, 4)

// func mulWindow3AVX512VBMI(a *vecArgs)
TEXT ·mulWindow3AVX512VBMI(SB), NOSPLIT, $0-8
	MULTIPLY(SETUP3, UNIT3, 3, 8)

// func mulWindow4AVX512VBMI(a *vecArgs)
TEXT ·mulWindow4AVX512VBMI(SB), NOSPLIT, $0-8
	MULTIPLY(SETUP4, UNIT4, 1, 2)

// func mulWindow5AVX512VBMI(a *vecArgs)
TEXT ·mulWindow5AVX512VBMI(SB), NOSPLIT, $0-8
	MULTIPLY(SETUP5, UNIT5, 5, 8)

// func mulWindowDecode2AVX512VBMI(dst, codes, before, lookup *byte, quads int)
TEXT ·mulWindowDecode2AVX512VBMI(SB), NOSPLIT, $0-40
	DECODE(SETUP2, UNIT2, 1, 4)

// func mulWindowDecode3AVX512VBMI(dst, codes, before, lookup *byte, quads int)
TEXT ·mulWindowDecode3AVX512VBMI(SB), NOSPLIT, $0-40
	DECODE(SETUP3, UNIT3, 3, 8)

// func mulWindowDecode4AVX512VBMI(dst, codes, before, lookup *byte, quads int)
TEXT ·mulWindowDecode4AVX512VBMI(SB), NOSPLIT, $0-40
	DECODE(SETUP4, UNIT4, 1, 2)

// func mulWindowDecode5AVX512VBMI(dst, codes, before, lookup *byte, quads int)
TEXT ·mulWindowDecode5AVX512VBMI(SB), NOSPLIT, $0-40
	DECODE(SETUP5, UNIT5, 5, 8)
