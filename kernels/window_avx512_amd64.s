//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "window_bits_amd64.h"
#include "window_amd64.h"

// A register has sixteen lanes, those of 16 next states, Z8. They have an order in which one
// broadcast gives all of them the costs of their predecessors, and that of the states at the end.

// windowFours<> takes states to the lanes at 2 bits, where four neighbours have different
// predecessors, and is its own inverse. windowPairs<> does at 3 bits, where it is two,
// windowUnpairs<> takes them back.
DATA windowFours<>+0(SB)/8, $0x0000000400000000
DATA windowFours<>+8(SB)/8, $0x0000000c00000008
DATA windowFours<>+16(SB)/8, $0x0000000500000001
DATA windowFours<>+24(SB)/8, $0x0000000d00000009
DATA windowFours<>+32(SB)/8, $0x0000000600000002
DATA windowFours<>+40(SB)/8, $0x0000000e0000000a
DATA windowFours<>+48(SB)/8, $0x0000000700000003
DATA windowFours<>+56(SB)/8, $0x0000000f0000000b
GLOBL windowFours<>(SB), RODATA|NOPTR, $64

DATA windowPairs<>+0(SB)/8, $0x0000000800000000
DATA windowPairs<>+8(SB)/8, $0x0000000900000001
DATA windowPairs<>+16(SB)/8, $0x0000000a00000002
DATA windowPairs<>+24(SB)/8, $0x0000000b00000003
DATA windowPairs<>+32(SB)/8, $0x0000000c00000004
DATA windowPairs<>+40(SB)/8, $0x0000000d00000005
DATA windowPairs<>+48(SB)/8, $0x0000000e00000006
DATA windowPairs<>+56(SB)/8, $0x0000000f00000007
GLOBL windowPairs<>(SB), RODATA|NOPTR, $64

DATA windowUnpairs<>+0(SB)/8, $0x0000000200000000
DATA windowUnpairs<>+8(SB)/8, $0x0000000600000004
DATA windowUnpairs<>+16(SB)/8, $0x0000000a00000008
DATA windowUnpairs<>+24(SB)/8, $0x0000000e0000000c
DATA windowUnpairs<>+32(SB)/8, $0x0000000300000001
DATA windowUnpairs<>+40(SB)/8, $0x0000000700000005
DATA windowUnpairs<>+48(SB)/8, $0x0000000b00000009
DATA windowUnpairs<>+56(SB)/8, $0x0000000f0000000d
GLOBL windowUnpairs<>(SB), RODATA|NOPTR, $64

// LANES2 brings the centroids of lower halves, Z15, into the order of the lanes, and sets Z14 to
// what STATES brings costs into that of the states by. At 4 and 5 bits lanes are in order.
#define LANES2 \
	VMOVDQU32 windowFours<>(SB), Z14 \
	VPERMPS   Z15, Z14, Z15

#define LANES3 \
	VMOVDQU32 windowPairs<>(SB), Z14   \
	VPERMPS   Z15, Z14, Z15            \
	VMOVDQU32 windowUnpairs<>(SB), Z14

#define STATES \
	VPERMD Z8, Z14, Z8

#define NOTHING

// SQUARE sets square to those of the differences by upper centroid m, and Z3 to the least.
#define SQUARE(m, square) \
	VBROADCASTSS (64+4*m)(AX), Z0 \
	VSUBPS       Z0, Z1, Z0       \
	VSUBPS       Z15, Z0, Z0      \
	VMULPS       Z0, Z0, square   \
	VMINPS       square, Z3, Z3

// WHOLE writes row m of the errors.
#define WHOLE(m, bits, square) \
	VSUBPS    Z3, square, Z0 \
	VMULPS    Z4, Z0, Z0     \
	VMINPS    Z5, Z0, Z0     \
	VCVTPS2DQ Z0, Z0         \
	VPSLLD    $bits, Z0, Z0  \
	VMOVDQU32 Z0, (64*m)(BX)

#define EACH(DO) \
	DO(0, Z16)  \
	DO(1, Z17)  \
	DO(2, Z18)  \
	DO(3, Z19)  \
	DO(4, Z20)  \
	DO(5, Z21)  \
	DO(6, Z22)  \
	DO(7, Z23)  \
	DO(8, Z24)  \
	DO(9, Z25)  \
	DO(10, Z26) \
	DO(11, Z27) \
	DO(12, Z28) \
	DO(13, Z29) \
	DO(14, Z30) \
	DO(15, Z31)

// ERRORS writes the errors of a value. Z5 is the largest, Z7 what a square of 1 counts.
#define ERRORS(WHOLES) \
	VBROADCASTSS  (R9), Z1                 \
	MOVQ          windowArgs_table(DI), AX \
	VMOVAPS       Z6, Z3                   \
	EACH(SQUARE)                           \
	VEXTRACTF64X4 $1, Z3, Y0               \
	VMINPS        Y0, Y3, Y3               \
	VEXTRACTF128  $1, Y3, X0               \
	VMINPS        X0, X3, X3               \
	VPERMILPS     $0x4e, X3, X0            \
	VMINPS        X0, X3, X3               \
	VPERMILPS     $0xb1, X3, X0            \
	VMINPS        X0, X3, X3               \
	VBROADCASTSS  X3, Z3                   \
	VMULPS.BCST   (R11), Z7, Z4            \
	EACH(WHOLES)

#define WHOLE2(m, square) WHOLE(m, 2, square)
#define WHOLE3(m, square) WHOLE(m, 3, square)
#define WHOLE4(m, square) WHOLE(m, 4, square)
#define WHOLE5(m, square) WHOLE(m, 5, square)

// FIRST2 takes in the costs by way of the predecessors with one first: what they cost is at off, the
// row's errors are those that xor leads to. At 2 bits a state's cost is that of four lanes, at 3 of
// eight, from then on of all.
#define FIRST2(off, xor) \
	XORL            $(64*xor), AX \
	VBROADCASTI32X4 off(R13), Z0  \
	LEAST

#define FIRST3(off, xor) \
	XORL         $(64*xor), AX \
	VPBROADCASTQ off(R13), Z0  \
	LEAST

#define FIRST4(off, xor) \
	XORL         $(64*xor), AX \
	VPBROADCASTD off(R13), Z0  \
	LEAST

#define LEAST \
	VPADDD  (BX)(AX*1), Z0, Z0 \
	VPMINSD Z0, Z8, Z8

// PUT writes tags and costs of 16 states: costs less that of the first state, Z11, with the next
// tags. Z10 are the bits of a tag.
#define PUT \
	VPANDD       Z8, Z10, Z0         \
	VPMOVDB      Z0, (R8)            \
	ADDQ         $16, R8             \
	VPANDND      Z8, Z10, Z8         \
	TESTL        CX, CX              \
	JNE          put                 \
	VPBROADCASTD X8, Z11             \
	put:                             \
	VPSUBD       Z11, Z8, Z8         \
	MOVQ         CX, AX              \
	SHLQ         $6, AX              \
	VPADDD       (R14)(AX*1), Z8, Z8 \
	VMOVDQU32    Z8, (DX)(AX*1)

#define SEARCH(bits, LANES, COSTS, FIRSTS, FIRST, ORDER, WHOLES) \
	BEGIN                                       \
	MOVQ         windowArgs_table(DI), AX       \
	VMOVUPS      (AX), Z15                      \
	LANES                                       \
	MOVQ         windowArgs_tags(DI), R14       \
	VPTERNLOGD   $0xff, Z12, Z12, Z12           \
	VPSRLD       $(32-bits), Z12, Z10           \
	VPSRLD       $25, Z12, Z6                   \
	VPSLLD       $24, Z6, Z6                    \
	VPSRLD       $1, Z12, Z12                   \
	MOVL         $const_windowLargest>>bits, AX \
	VPBROADCASTD AX, Z5                         \
	VCVTDQ2PS    Z5, Z5                         \
	MOVL         $const_windowUnit, AX          \
	VPBROADCASTD AX, Z7                         \
	VCVTDQ2PS    Z7, Z7                         \
	value:                                      \
	ERRORS(WHOLES)                              \
	MOVL         $0, CX                         \
	group:                                      \
	ROW0                                        \
	COSTS                                       \
	VMOVDQA32    Z12, Z8                        \
	FIRSTS(FIRST)                               \
	ORDER                                       \
	PUT                                         \
	INCL         CX                             \
	CMPL         CX, $(256>>bits)               \
	JNE          group                          \
	VALUE_DONE                                  \
	JNE          value                          \
	VZEROUPPER                                  \
	RET

// func windowStepsAVX512(a *windowArgs)
TEXT ·windowStepsAVX512(SB), NOSPLIT, $0-8
	MOVQ a+0(FP), DI
	BYBITS(windowArgs_bits(DI))

TEXT bits2<>(SB), NOSPLIT, $0-8
	SEARCH(2, LANES2, COSTS2, FIRSTS2, FIRST2, STATES, WHOLE2)

TEXT bits3<>(SB), NOSPLIT, $0-8
	SEARCH(3, LANES3, COSTS3, FIRSTS3, FIRST3, STATES, WHOLE3)

TEXT bits4<>(SB), NOSPLIT, $0-8
	SEARCH(4, NOTHING, COSTS4, FIRSTS4, FIRST4, NOTHING, WHOLE4)

TEXT bits5<>(SB), NOSPLIT, $0-8
	SEARCH(5, NOTHING, COSTS5, FIRSTS5, FIRST4, NOTHING, WHOLE5)
