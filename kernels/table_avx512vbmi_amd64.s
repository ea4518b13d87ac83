//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "avx512vnni_amd64.h"
#include "avx512vbmi_amd64.h"

// The words of two registers, even rows in the first and odd rows in the second, in order of rows.
DATA interleaveLow<>+0(SB)/8, $0x0021000100200000
DATA interleaveLow<>+8(SB)/8, $0x0023000300220002
DATA interleaveLow<>+16(SB)/8, $0x0025000500240004
DATA interleaveLow<>+24(SB)/8, $0x0027000700260006
DATA interleaveLow<>+32(SB)/8, $0x0029000900280008
DATA interleaveLow<>+40(SB)/8, $0x002b000b002a000a
DATA interleaveLow<>+48(SB)/8, $0x002d000d002c000c
DATA interleaveLow<>+56(SB)/8, $0x002f000f002e000e
GLOBL interleaveLow<>(SB), RODATA|NOPTR, $64

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
	VMOVDQU32 codes, Z8                \
	LOOKUPMASKS(Z8)                    \
	VMOVDQA64 Z8, Z9                   \
	LOOKUP(Z0, Z1, Z2, Z3, Z8)         \
	LOOKUP(Z4, Z5, Z6, Z7, Z9)         \
	VPADDW    Z8, w, w                 \
	VPSRLW    $8, Z8, Z8               \
	VPADDW    Z8, o, o                 \
	VPADDB    Z9, h, h

// FINISH16 adds 16 rows of one block to y. K3 is empty in the first block. Z28 is the block's
// scale.
#define FINISH16(sums, off) \
	VPMOVSXWD sums, Z10                \
	VCVTDQ2PS Z10, Z10                 \
	VMULPS    Z28, Z10, Z10            \
	VMOVUPS.Z (off)(DX), K3, Z11       \
	VADDPS    Z10, Z11, Z11            \
	VMOVUPS   Z11, (off)(DX)

#define FINISH(w, o, h, off) \
	VPSUBW        o, h, Z8             \
	VPSLLW        $8, Z8, Z8           \
	VPADDW        Z8, w, w             \
	VPANDD        Z29, h, Z9           \
	VPADDW        Z9, o, o             \
	VMOVDQA64     Z31, Z8              \
	VMOVDQA64     Z30, Z9              \
	VPERMI2W      o, w, Z8             \
	VPERMI2W      o, w, Z9             \
	FINISH16(Y8, off)                  \
	FINISH16(Y9, off+128)              \
	VEXTRACTI64X4 $1, Z8, Y8           \
	VEXTRACTI64X4 $1, Z9, Y9           \
	FINISH16(Y8, off+64)               \
	FINISH16(Y9, off+192)

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

#define ROWSCALE(off) \
	VMOVUPS (off)(DX), Z8       \
	VMULPS  (off)(R9), Z8, Z8   \
	VMOVUPS Z8, (off)(DX)

// func tableSpreadAVX512VBMI(a *spreadArgs)
// The four panels of a whole tile share the loads of a table, those of another go one by one. dst
// holds y.
TEXT ·tableSpreadAVX512VBMI(SB), NOSPLIT, $0-8
	MOVQ         a+0(FP), DI
	VMOVDQU32    interleaveLow<>(SB), Z31
	MOVQ         $0x0010001000100010, AX
	VPBROADCASTQ AX, Z30
	VPADDW       Z31, Z30, Z30
	MOVQ         $0xff00ff00ff00ff00, AX
	VPBROADCASTQ AX, Z29
	MOVQ         spreadArgs_codes(DI), BX
	MOVQ         spreadArgs_dst(DI), DX
	MOVQ         spreadArgs_scale(DI), R9
	MOVQ         spreadArgs_panels(DI), R10
	MOVQ         spreadArgs_data(DI), SI
	MOVQ         spreadArgs_tscales(DI), R11
	MOVQ         spreadArgs_segments(DI), R13
	KXORQ        K3, K3, K3
	CMPQ         R10, $4
	JNE          ones

block4:
	MOVQ    spreadArgs_blockSegments(DI), CX
	CMPQ    R13, CX
	CMOVQLT R13, CX
	SUBQ    CX, R13
	VPXORD  Z12, Z12, Z12
	VPXORD  Z13, Z13, Z13
	VPXORD  Z14, Z14, Z14
	VPXORD  Z15, Z15, Z15
	VPXORD  Z16, Z16, Z16
	VPXORD  Z17, Z17, Z17
	VPXORD  Z18, Z18, Z18
	VPXORD  Z19, Z19, Z19
	VPXORD  Z20, Z20, Z20
	VPXORD  Z21, Z21, Z21
	VPXORD  Z22, Z22, Z22
	VPXORD  Z23, Z23, Z23

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
	FINISH(Z12, Z13, Z14, 0)
	FINISH(Z15, Z16, Z17, 256)
	FINISH(Z18, Z19, Z20, 512)
	FINISH(Z21, Z22, Z23, 768)
	KXNORQ       K3, K3, K3
	TESTQ        R13, R13
	JNE          block4

	MOVQ $4, CX

scale4:
	ROWSCALE(0)
	ROWSCALE(64)
	ROWSCALE(128)
	ROWSCALE(192)
	ADDQ $256, R9
	ADDQ $256, DX
	DECQ CX
	JNE  scale4
	VZEROUPPER
	RET

ones:
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
	VPXORD  Z12, Z12, Z12
	VPXORD  Z13, Z13, Z13
	VPXORD  Z14, Z14, Z14

segment1:
	TABLE
	SPREAD((BX), Z12, Z13, Z14)
	ADDQ R12, BX
	DECQ CX
	JNE  segment1

	VBROADCASTSS (R11), Z28
	ADDQ         $4, R11
	FINISH(Z12, Z13, Z14, 0)
	KXNORQ       K3, K3, K3
	TESTQ        R13, R13
	JNE          block1

	ROWSCALE(0)
	ROWSCALE(64)
	ROWSCALE(128)
	ROWSCALE(192)
	ADDQ $256, R9
	ADDQ $256, DX
	ADDQ $64, R14
	DECQ R10
	JNE  one
	VZEROUPPER
	RET
