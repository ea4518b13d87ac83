//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// The costs stay in Z0 to Z15, those of 16 windows each. The least costs of the predecessors, by
// their lower bits, are in Z16 and behind.

// numbers<> has 0 to 15.
DATA numbers<>+0(SB)/8, $0x0000000100000000
DATA numbers<>+8(SB)/8, $0x0000000300000002
DATA numbers<>+16(SB)/8, $0x0000000500000004
DATA numbers<>+24(SB)/8, $0x0000000700000006
DATA numbers<>+32(SB)/8, $0x0000000900000008
DATA numbers<>+40(SB)/8, $0x0000000b0000000a
DATA numbers<>+48(SB)/8, $0x0000000d0000000c
DATA numbers<>+56(SB)/8, $0x0000000f0000000e
GLOBL numbers<>(SB), RODATA|NOPTR, $64

#define BEGIN \
	MOVQ    a+0(FP), DI               \
	MOVQ    windowArgs_cost(DI), SI   \
	MOVQ    windowArgs_back(DI), R8   \
	MOVQ    windowArgs_x(DI), R9      \
	MOVQ    windowArgs_n(DI), R10     \
	MOVQ    windowArgs_w(DI), R11     \
	MOVQ    windowArgs_step(DI), R12  \
	MOVQ    windowArgs_table(DI), R13 \
	VMOVUPS (SI), Z0                  \
	VMOVUPS 64(SI), Z1                \
	VMOVUPS 128(SI), Z2               \
	VMOVUPS 192(SI), Z3               \
	VMOVUPS 256(SI), Z4               \
	VMOVUPS 320(SI), Z5               \
	VMOVUPS 384(SI), Z6               \
	VMOVUPS 448(SI), Z7               \
	VMOVUPS 512(SI), Z8               \
	VMOVUPS 576(SI), Z9               \
	VMOVUPS 640(SI), Z10              \
	VMOVUPS 704(SI), Z11              \
	VMOVUPS 768(SI), Z12              \
	VMOVUPS 832(SI), Z13              \
	VMOVUPS 896(SI), Z14              \
	VMOVUPS 960(SI), Z15

#define END \
	VMOVUPS Z0, (SI)     \
	VMOVUPS Z1, 64(SI)   \
	VMOVUPS Z2, 128(SI)  \
	VMOVUPS Z3, 192(SI)  \
	VMOVUPS Z4, 256(SI)  \
	VMOVUPS Z5, 320(SI)  \
	VMOVUPS Z6, 384(SI)  \
	VMOVUPS Z7, 448(SI)  \
	VMOVUPS Z8, 512(SI)  \
	VMOVUPS Z9, 576(SI)  \
	VMOVUPS Z10, 640(SI) \
	VMOVUPS Z11, 704(SI) \
	VMOVUPS Z12, 768(SI) \
	VMOVUPS Z13, 832(SI) \
	VMOVUPS Z14, 896(SI) \
	VMOVUPS Z15, 960(SI) \
	VZEROUPPER           \
	RET

#define LEAST4(a, b, c, d, least, t) \
	VMINPS b, a, least     \
	VMINPS d, c, t         \
	VMINPS t, least, least

#define LEAST8(a, b, c, d, e, f, g, h, least, t0, t1) \
	LEAST4(a, b, c, d, least, t0) \
	LEAST4(e, f, g, h, t1, t0)    \
	VMINPS t1, least, least

// EQUAL writes its number over upper where a cost is the least.
#define EQUAL(u, cost, least, upper) \
	VCMPPS       $0, least, cost, K1            \
	VPBROADCASTD numbers<>+(4*u)(SB), K1, upper

#define UPPER4(a, b, c, d, least, upper) \
	VPBROADCASTD numbers<>+12(SB), upper \
	EQUAL(2, c, least, upper)            \
	EQUAL(1, b, least, upper)            \
	EQUAL(0, a, least, upper)

#define UPPER8(a, b, c, d, e, f, g, h, least, upper) \
	VPBROADCASTD numbers<>+28(SB), upper \
	EQUAL(6, g, least, upper)            \
	EQUAL(5, f, least, upper)            \
	EQUAL(4, e, least, upper)            \
	EQUAL(3, d, least, upper)            \
	EQUAL(2, c, least, upper)            \
	EQUAL(1, b, least, upper)            \
	EQUAL(0, a, least, upper)

// ALL16 leaves the leasts of all registers in Z16, and in Z17 the lowest that has them.
#define ALL16 \
	LEAST8(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z16, Z18, Z19)       \
	LEAST8(Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15, Z17, Z20, Z21) \
	VMINPS       Z17, Z16, Z16                                  \
	VPBROADCASTD numbers<>+60(SB), Z17                          \
	EQUAL(14, Z14, Z16, Z17)                                    \
	EQUAL(13, Z13, Z16, Z17)                                    \
	EQUAL(12, Z12, Z16, Z17)                                    \
	EQUAL(11, Z11, Z16, Z17)                                    \
	EQUAL(10, Z10, Z16, Z17)                                    \
	EQUAL(9, Z9, Z16, Z17)                                      \
	EQUAL(8, Z8, Z16, Z17)                                      \
	EQUAL(7, Z7, Z16, Z17)                                      \
	EQUAL(6, Z6, Z16, Z17)                                      \
	EQUAL(5, Z5, Z16, Z17)                                      \
	EQUAL(4, Z4, Z16, Z17)                                      \
	EQUAL(3, Z3, Z16, Z17)                                      \
	EQUAL(2, Z2, Z16, Z17)                                      \
	EQUAL(1, Z1, Z16, Z17)                                      \
	EQUAL(0, Z0, Z16, Z17)

#define VALUE \
	VBROADCASTSS (R9), Z20  \
	VBROADCASTSS (R11), Z21 \
	ADDQ         $4, R9     \
	ADDQ         R12, R11

// COST writes to c the costs of windows 16*i and behind: the leasts that spread selects, and what
// the value costs.
#define COST(i, spread, least, c) \
	VPERMPS least, spread, c      \
	VSUBPS  (64*i)(R13), Z20, Z22 \
	VMULPS  Z22, Z22, Z22         \
	VMULPS  Z21, Z22, Z22         \
	VADDPS  Z22, c, c

// COST1 is COST where all 16 windows have the same predecessors.
#define COST1(i, at, c) \
	VPBROADCASTD numbers<>+(4*at)(SB), Z23 \
	COST(i, Z23, Z16, c)

// func window2AVX512(a *windowArgs)
TEXT ·window2AVX512(SB), NOSPLIT, $0-8
	BEGIN
	VMOVDQU32   numbers<>(SB), Z24
	VPSRLD      $2, Z24, Z24
	VPADDD.BCST numbers<>+16(SB), Z24, Z25
	VPADDD.BCST numbers<>+16(SB), Z25, Z26
	VPADDD.BCST numbers<>+16(SB), Z26, Z27

value:
	LEAST4(Z0, Z4, Z8, Z12, Z16, Z20)
	LEAST4(Z1, Z5, Z9, Z13, Z17, Z21)
	LEAST4(Z2, Z6, Z10, Z14, Z18, Z22)
	LEAST4(Z3, Z7, Z11, Z15, Z19, Z23)
	UPPER4(Z0, Z4, Z8, Z12, Z16, Z28)
	UPPER4(Z1, Z5, Z9, Z13, Z17, Z29)
	UPPER4(Z2, Z6, Z10, Z14, Z18, Z30)
	UPPER4(Z3, Z7, Z11, Z15, Z19, Z31)
	VPMOVDB Z28, (R8)
	VPMOVDB Z29, 16(R8)
	VPMOVDB Z30, 32(R8)
	VPMOVDB Z31, 48(R8)
	VALUE
	COST(0, Z24, Z16, Z0)
	COST(1, Z25, Z16, Z1)
	COST(2, Z26, Z16, Z2)
	COST(3, Z27, Z16, Z3)
	COST(4, Z24, Z17, Z4)
	COST(5, Z25, Z17, Z5)
	COST(6, Z26, Z17, Z6)
	COST(7, Z27, Z17, Z7)
	COST(8, Z24, Z18, Z8)
	COST(9, Z25, Z18, Z9)
	COST(10, Z26, Z18, Z10)
	COST(11, Z27, Z18, Z11)
	COST(12, Z24, Z19, Z12)
	COST(13, Z25, Z19, Z13)
	COST(14, Z26, Z19, Z14)
	COST(15, Z27, Z19, Z15)
	ADDQ    $64, R8
	DECQ    R10
	JNE     value
	END

// func window3AVX512(a *windowArgs)
TEXT ·window3AVX512(SB), NOSPLIT, $0-8
	BEGIN
	VMOVDQU32   numbers<>(SB), Z24
	VPSRLD      $3, Z24, Z24
	VPADDD.BCST numbers<>+8(SB), Z24, Z25
	VPADDD.BCST numbers<>+8(SB), Z25, Z26
	VPADDD.BCST numbers<>+8(SB), Z26, Z27
	VPADDD.BCST numbers<>+8(SB), Z27, Z28
	VPADDD.BCST numbers<>+8(SB), Z28, Z29
	VPADDD.BCST numbers<>+8(SB), Z29, Z30
	VPADDD.BCST numbers<>+8(SB), Z30, Z31

value:
	LEAST8(Z0, Z2, Z4, Z6, Z8, Z10, Z12, Z14, Z16, Z18, Z19)
	LEAST8(Z1, Z3, Z5, Z7, Z9, Z11, Z13, Z15, Z17, Z20, Z21)
	UPPER8(Z0, Z2, Z4, Z6, Z8, Z10, Z12, Z14, Z16, Z18)
	UPPER8(Z1, Z3, Z5, Z7, Z9, Z11, Z13, Z15, Z17, Z19)
	VPMOVDB Z18, (R8)
	VPMOVDB Z19, 16(R8)
	VALUE
	COST(0, Z24, Z16, Z0)
	COST(1, Z25, Z16, Z1)
	COST(2, Z26, Z16, Z2)
	COST(3, Z27, Z16, Z3)
	COST(4, Z28, Z16, Z4)
	COST(5, Z29, Z16, Z5)
	COST(6, Z30, Z16, Z6)
	COST(7, Z31, Z16, Z7)
	COST(8, Z24, Z17, Z8)
	COST(9, Z25, Z17, Z9)
	COST(10, Z26, Z17, Z10)
	COST(11, Z27, Z17, Z11)
	COST(12, Z28, Z17, Z12)
	COST(13, Z29, Z17, Z13)
	COST(14, Z30, Z17, Z14)
	COST(15, Z31, Z17, Z15)
	ADDQ    $32, R8
	DECQ    R10
	JNE     value
	END

// func window4AVX512(a *windowArgs)
TEXT ·window4AVX512(SB), NOSPLIT, $0-8
	BEGIN

value:
	ALL16
	VPMOVDB Z17, (R8)
	VALUE
	COST1(0, 0, Z0)
	COST1(1, 1, Z1)
	COST1(2, 2, Z2)
	COST1(3, 3, Z3)
	COST1(4, 4, Z4)
	COST1(5, 5, Z5)
	COST1(6, 6, Z6)
	COST1(7, 7, Z7)
	COST1(8, 8, Z8)
	COST1(9, 9, Z9)
	COST1(10, 10, Z10)
	COST1(11, 11, Z11)
	COST1(12, 12, Z12)
	COST1(13, 13, Z13)
	COST1(14, 14, Z14)
	COST1(15, 15, Z15)
	ADDQ    $16, R8
	DECQ    R10
	JNE     value
	END

// func window5AVX512(a *windowArgs)
// A register has two predecessors with the same lower bits, in its halves.
TEXT ·window5AVX512(SB), NOSPLIT, $0-8
	BEGIN

value:
	ALL16
	VPADDD        Z17, Z17, Z17
	VEXTRACTF32X8 $1, Z16, Y18
	VEXTRACTI32X8 $1, Z17, Y19
	VPADDD.BCST   numbers<>+4(SB), Y19, Y19
	VCMPPS        $0, Y16, Y18, K1
	VCMPPS        $0x11, Y16, Y18, K2
	VMINPS        Y18, Y16, Y16
	VPMINUD       Y19, Y17, K1, Y17
	VMOVDQA32     Y19, K2, Y17
	VPMOVDB       Y17, (R8)
	VALUE
	COST1(0, 0, Z0)
	COST1(1, 0, Z1)
	COST1(2, 1, Z2)
	COST1(3, 1, Z3)
	COST1(4, 2, Z4)
	COST1(5, 2, Z5)
	COST1(6, 3, Z6)
	COST1(7, 3, Z7)
	COST1(8, 4, Z8)
	COST1(9, 4, Z9)
	COST1(10, 5, Z10)
	COST1(11, 5, Z11)
	COST1(12, 6, Z12)
	COST1(13, 6, Z13)
	COST1(14, 7, Z14)
	COST1(15, 7, Z15)
	ADDQ          $8, R8
	DECQ          R10
	JNE           value
	END
