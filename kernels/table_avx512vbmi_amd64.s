//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "avx512vnni_amd64.h"
#include "avx512vbmi_amd64.h"

// Quadruples of codes, in the order in which FINISH ends with 16 rows in each of four registers: as
// 4 x 4 they are transposed.
DATA transpose<>+0(SB)/8, $0x0000000400000000
DATA transpose<>+8(SB)/8, $0x0000000c00000008
DATA transpose<>+16(SB)/8, $0x0000000500000001
DATA transpose<>+24(SB)/8, $0x0000000d00000009
DATA transpose<>+32(SB)/8, $0x0000000600000002
DATA transpose<>+40(SB)/8, $0x0000000e0000000a
DATA transpose<>+48(SB)/8, $0x0000000700000003
DATA transpose<>+56(SB)/8, $0x0000000f0000000b
GLOBL transpose<>(SB), RODATA|NOPTR, $64

// Where VPACKSSDW leaves the low bytes of 64 int32 in two registers of int16: it works within lanes
// of 16 bytes, four values of the first register, then four of the second.
DATA packLow<>+0(SB)/8, $0x1614121006040200
DATA packLow<>+8(SB)/8, $0x3634323026242220
DATA packLow<>+16(SB)/8, $0x1e1c1a180e0c0a08
DATA packLow<>+24(SB)/8, $0x3e3c3a382e2c2a28
DATA packLow<>+32(SB)/8, $0x5654525046444240
DATA packLow<>+40(SB)/8, $0x7674727066646260
DATA packLow<>+48(SB)/8, $0x5e5c5a584e4c4a48
DATA packLow<>+56(SB)/8, $0x7e7c7a786e6c6a68
GLOBL packLow<>(SB), RODATA|NOPTR, $64

// PACK64 turns 64 int32 of SI into 64 low bytes at DI and 64 high bytes 256 behind.
#define ROUND(off, z) \
	VCVTDQ2PS (off)(SI), z \
	VMULPS    Z31, z, z    \
	VCVTPS2DQ z, z

#define PACK64(i) \
	ROUND(256*i, Z0)             \
	ROUND(256*i+64, Z1)          \
	ROUND(256*i+128, Z2)         \
	ROUND(256*i+192, Z3)         \
	VPACKSSDW Z1, Z0, Z0         \
	VPACKSSDW Z3, Z2, Z2         \
	VMOVDQA64 Z30, Z4            \
	VMOVDQA64 Z29, Z5            \
	VPERMI2B  Z2, Z0, Z4         \
	VPERMI2B  Z2, Z0, Z5         \
	VMOVDQU32 Z4, (64*i)(DI)     \
	VMOVDQU32 Z5, (256+64*i)(DI)

// func tablePackAVX512VBMI(data *int16, work *int32, segments int, f float32)
TEXT ·tablePackAVX512VBMI(SB), NOSPLIT, $0-28
	MOVQ         data+0(FP), DI
	MOVQ         work+8(FP), SI
	MOVQ         segments+16(FP), CX
	VBROADCASTSS f+24(FP), Z31
	VMOVDQU32    packLow<>(SB), Z30
	MOVQ         $0x0101010101010101, AX
	VPBROADCASTQ AX, Z29
	VPADDB       Z30, Z29, Z29           // the high bytes

segment:
	PACK64(0)
	PACK64(1)
	PACK64(2)
	PACK64(3)
	ADDQ $1024, SI
	ADDQ $512, DI
	DECQ CX
	JNE  segment
	VZEROUPPER
	RET

// SPREAD adds the table entries of 64 rows. With the bytes l of a row's low and h of its high half,
// w sums l(even) + 256*l(odd), o sums l(odd) and h sums bytes, all modulo their width, which is all
// that is needed: the sum of a block is an int16. Four cheap additions a register, where
// interleaving the halves would cost shuffles, of which VPERMI2B leaves none.
#define SPREAD(codes, w, o, h) \
	VPERMD    codes, Z31, Z8           \
	LOOKUPMASKS(Z8)                    \
	VMOVDQA64 Z8, Z9                   \
	LOOKUP(Z0, Z1, Z2, Z3, Z8)         \
	LOOKUP(Z4, Z5, Z6, Z7, Z9)         \
	VPADDW    Z8, w, w                 \
	VPMADDUBSW Z25, Z8, Z8             \
	VPADDW    Z8, o, o                 \
	VPADDB    Z9, h, h

// START is what the sums of SPREAD start from: what makes int16 unsigned.
#define START(w, o, h) \
	VMOVDQA64 Z26, w    \
	VMOVDQA64 Z26, o    \
	VPXORD    h, h, h

// FINISH16 adds 16 rows of one block to y, with half the words of a register that unpack takes.
// Before the exponent of 2^23, a word u is the float 2^23 + u. K3 is empty in the first block. Z28
// is the block's scale.
#define FINISH16(unpack, words, off) \
	unpack    Z30, words, Z10          \
	VSUBPS    Z27, Z10, Z10            \
	VMULPS    Z28, Z10, Z10            \
	VMOVUPS.Z (off)(DX), K3, Z11       \
	VADDPS    Z10, Z11, Z11            \
	VMOVUPS   Z11, (off)(DX)

// ONLY16 is FINISH16 for a block that is alone: y starts at 0, which adds nothing.
#define ONLY16(unpack, words, off) \
	unpack  Z30, words, Z10            \
	VSUBPS  Z27, Z10, Z10              \
	VMULPS  Z28, Z10, Z10              \
	VMOVUPS Z10, (off)(DX)

// LAST16 is FINISH16 for the last block: it multiplies with the scales of the rows, too.
#define LAST16(unpack, words, off) \
	unpack    Z30, words, Z10          \
	VSUBPS    Z27, Z10, Z10            \
	VMULPS    Z28, Z10, Z10            \
	VMOVUPS.Z (off)(DX), K3, Z11       \
	VADDPS    Z10, Z11, Z11            \
	VMULPS    (off)(R9), Z11, Z11      \
	VMOVUPS   Z11, (off)(DX)

// FINISH ends a block of 64 rows, by FINISH16, LAST16 or ONLY16.
#define FINISH(finish16, w, o, h, off) \
	VPSUBW     o, h, Z8                    \
	VPSLLW     $8, Z8, Z8                  \
	VPADDW     Z8, w, w                    \
	VPANDD     Z29, h, Z9                  \
	VPADDW     Z9, o, o                    \
	VPUNPCKLWD o, w, Z8                    \
	VPUNPCKHWD o, w, Z9                    \
	finish16(VPUNPCKLWD, Z8, off)          \
	finish16(VPUNPCKHWD, Z8, off+64)       \
	finish16(VPUNPCKLWD, Z9, off+128)      \
	finish16(VPUNPCKHWD, Z9, off+192)

#define TABLE \
	VMOVDQU32 (SI), Z0      \
	VMOVDQU32 64(SI), Z1    \
	VMOVDQU32 128(SI), Z2   \
	VMOVDQU32 192(SI), Z3   \
	VMOVDQU32 256(SI), Z4   \
	VMOVDQU32 320(SI), Z5   \
	VMOVDQU32 384(SI), Z6   \
	VMOVDQU32 448(SI), Z7   \
	ADDQ      $512, SI

#define FINISH4(finish16) \
	FINISH(finish16, Z12, Z13, Z14, 0)   \
	FINISH(finish16, Z15, Z16, Z17, 256) \
	FINISH(finish16, Z18, Z19, Z20, 512) \
	FINISH(finish16, Z21, Z22, Z23, 768)

// func tableSpreadAVX512VBMI(a *spreadArgs)
// The four panels of a whole tile share the loads of a table, those of another go one by one. dst
// holds y. R9, the scales of the rows, is 0 where all are 1.
TEXT ·tableSpreadAVX512VBMI(SB), NOSPLIT, $0-8
	MOVQ         a+0(FP), DI
	VMOVDQU32    transpose<>(SB), Z31
	MOVQ         $0x4b004b004b004b00, AX
	VPBROADCASTQ AX, Z30
	MOVQ         $0xff00ff00ff00ff00, AX
	VPBROADCASTQ AX, Z29
	MOVQ         $0x4b0080004b008000, AX // 2^23 + 2^15, twice
	VPBROADCASTQ AX, Z27
	MOVQ         $0x0100010001000100, AX
	VPBROADCASTQ AX, Z25
	MOVQ         $0x8000800080008000, AX
	VPBROADCASTQ AX, Z26
	MOVQ         spreadArgs_codes(DI), BX
	MOVQ         spreadArgs_dst(DI), DX
	MOVQ         spreadArgs_scale(DI), R9
	MOVQ         spreadArgs_panels(DI), R10
	MOVQ         spreadArgs_data(DI), SI
	MOVQ         spreadArgs_tscales(DI), R11
	MOVQ         spreadArgs_segments(DI), R13

	// R8: ONLY16 will do, for one block and no scales of rows. It leaves -0 where adding it to 0 would
	// not, which a table scale that is positive, and not so small that its products vanish, never
	// makes.
	XORL  R8, R8
	CMPQ R13, spreadArgs_blockSegments(DI)
	JGT  many
	TESTQ R9, R9
	JNE  many
	CMPL (R11), $0x00800000 // the least positive float with all its bits
	JLT  many
	MOVL $1, R8
	CMPQ R13, $1
	JEQ  single

many:
	SUBQ $4, R10
	JLT  ones

tile:
	MOVQ  spreadArgs_data(DI), SI
	MOVQ  spreadArgs_tscales(DI), R11
	MOVQ  spreadArgs_segments(DI), R13
	KXORQ K3, K3, K3

block4:
	MOVQ    spreadArgs_blockSegments(DI), CX
	CMPQ    R13, CX
	CMOVQLT R13, CX
	SUBQ    CX, R13
	START(Z12, Z13, Z14)
	START(Z15, Z16, Z17)
	START(Z18, Z19, Z20)
	START(Z21, Z22, Z23)

segment4:
	PREFETCHT0 AHEAD(BX)
	PREFETCHT0 AHEAD+64(BX)
	PREFETCHT0 AHEAD+128(BX)
	PREFETCHT0 AHEAD+192(BX)
	TABLE
	SPREAD((BX), Z12, Z13, Z14)
	SPREAD(64(BX), Z15, Z16, Z17)
	SPREAD(128(BX), Z18, Z19, Z20)
	SPREAD(192(BX), Z21, Z22, Z23)
	ADDQ $256, BX
	DECQ CX
	JNE  segment4

	VBROADCASTSS (R11), Z28
	ADDQ         $4, R11
	TESTQ        R8, R8
	JNE          only4
	TESTQ        R13, R13
	JNE          more4
	TESTQ        R9, R9
	JEQ          more4
	FINISH4(LAST16)
	ADDQ         $1024, R9
	JMP          next4

only4:
	FINISH4(ONLY16)
	JMP next4

more4:
	FINISH4(FINISH16)
	KXNORQ K3, K3, K3
	TESTQ  R13, R13
	JNE    block4

next4:
	ADDQ $1024, DX
	SUBQ $4, R10
	JGE  tile

ones:
	ADDQ $4, R10
	JEQ  done
	MOVQ BX, R14
	MOVQ R10, R12
	SHLQ $6, R12     // from one segment to the next in codes

one:
	MOVQ  R14, BX
	MOVQ  spreadArgs_data(DI), SI
	MOVQ  spreadArgs_tscales(DI), R11
	MOVQ  spreadArgs_segments(DI), R13
	KXORQ K3, K3, K3

block1:
	MOVQ    spreadArgs_blockSegments(DI), CX
	CMPQ    R13, CX
	CMOVQLT R13, CX
	SUBQ    CX, R13
	START(Z12, Z13, Z14)

segment1:
	TABLE
	SPREAD((BX), Z12, Z13, Z14)
	ADDQ R12, BX
	DECQ CX
	JNE  segment1

	VBROADCASTSS (R11), Z28
	ADDQ         $4, R11
	TESTQ        R13, R13
	JNE          more1
	TESTQ        R9, R9
	JEQ          more1
	FINISH(LAST16, Z12, Z13, Z14, 0)
	ADDQ         $256, R9
	JMP          next1

more1:
	FINISH(FINISH16, Z12, Z13, Z14, 0)
	KXNORQ K3, K3, K3
	TESTQ  R13, R13
	JNE    block1

next1:
	ADDQ $256, DX
	ADDQ $64, R14
	DECQ R10
	JNE  one

done:
	VZEROUPPER
	RET

	// One segment: the table stays where it is, there is nothing to sum up, and panels lie behind each
	// other.
single:
	MOVQ         $0x8080808080808080, AX
	VPBROADCASTQ AX, Z26
	VBROADCASTSS (R11), Z28
	TABLE

panel:
	PREFETCHT0 AHEAD(BX)
	VPERMD     (BX), Z31, Z8
	LOOKUPMASKS(Z8)
	VMOVDQA64  Z8, Z9
	LOOKUP(Z0, Z1, Z2, Z3, Z8)
	LOOKUP(Z4, Z5, Z6, Z7, Z9)
	VPXORD     Z26, Z9, Z9
	VPUNPCKLBW Z9, Z8, Z12
	VPUNPCKHBW Z9, Z8, Z13
	ONLY16(VPUNPCKLWD, Z12, 0)
	ONLY16(VPUNPCKHWD, Z12, 64)
	ONLY16(VPUNPCKLWD, Z13, 128)
	ONLY16(VPUNPCKHWD, Z13, 192)
	ADDQ       $64, BX
	ADDQ       $256, DX
	DECQ       R10
	JNE        panel
	VZEROUPPER
	RET
