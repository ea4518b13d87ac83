//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "window_bits_amd64.h"
#include "window_amd64.h"

// A register has eight lanes: 16 next states take two, Y8 and Y9. Lanes have an order in which one
// broadcast gives all of them the costs of their predecessors, and that of the states at the end.

// windowPairs<> takes eight states to the lanes at 2 bits, where neighbouring lanes have different
// predecessors, windowUnpairs<> back.
DATA windowPairs<>+0(SB)/8, $0x0000000400000000
DATA windowPairs<>+8(SB)/8, $0x0000000500000001
DATA windowPairs<>+16(SB)/8, $0x0000000600000002
DATA windowPairs<>+24(SB)/8, $0x0000000700000003
GLOBL windowPairs<>(SB), RODATA|NOPTR, $32

DATA windowUnpairs<>+0(SB)/8, $0x0000000200000000
DATA windowUnpairs<>+8(SB)/8, $0x0000000600000004
DATA windowUnpairs<>+16(SB)/8, $0x0000000300000001
DATA windowUnpairs<>+24(SB)/8, $0x0000000700000005
GLOBL windowUnpairs<>(SB), RODATA|NOPTR, $32

// LANES2 brings the centroids of lower halves, Y14 and Y15, into the order of the lanes, STATES2
// costs into that of the states. The others are in order.
#define LANES2 \
	VMOVDQU windowPairs<>(SB), Y0 \
	VPERMPS Y14, Y0, Y14          \
	VPERMPS Y15, Y0, Y15

#define STATES2 \
	VMOVDQU windowUnpairs<>(SB), Y0 \
	VPERMD  Y8, Y0, Y8              \
	VPERMD  Y9, Y0, Y9

#define NOTHING

// ERRORS writes the errors of a value: the frame gets what is left of it by the upper centroids.
#define ERRORS(bits) \
	VBROADCASTSS (R9), Y0                       \
	MOVQ         windowArgs_table(DI), AX       \
	VSUBPS       64(AX), Y0, Y1                 \
	VSUBPS       96(AX), Y0, Y2                 \
	VMOVUPS      Y1, rest-64(SP)                \
	VMOVUPS      Y2, rest-32(SP)                \
	VPCMPEQD     Y3, Y3, Y3                     \
	VPSRLD       $25, Y3, Y3                    \
	VPSLLD       $24, Y3, Y3                    \
	MOVL         $0, CX                         \
	squares:                                    \
	VBROADCASTSS rest-64(SP)(CX*4), Y0          \
	VSUBPS       Y14, Y0, Y1                    \
	VSUBPS       Y15, Y0, Y2                    \
	VMULPS       Y1, Y1, Y1                     \
	VMULPS       Y2, Y2, Y2                     \
	VMINPS       Y1, Y3, Y3                     \
	VMINPS       Y2, Y3, Y3                     \
	MOVL         CX, AX                         \
	SHLL         $6, AX                         \
	VMOVUPS      Y1, (BX)(AX*1)                 \
	VMOVUPS      Y2, 32(BX)(AX*1)               \
	INCL         CX                             \
	CMPL         CX, $16                        \
	JNE          squares                        \
	VEXTRACTF128 $1, Y3, X0                     \
	VMINPS       X0, X3, X3                     \
	VPERMILPS    $0x4e, X3, X0                  \
	VMINPS       X0, X3, X3                     \
	VPERMILPS    $0xb1, X3, X0                  \
	VMINPS       X0, X3, X3                     \
	VBROADCASTSS X3, Y3                         \
	MOVL         $const_windowUnit, AX          \
	VCVTSI2SSL   AX, X4, X4                     \
	VMULSS       (R11), X4, X4                  \
	VBROADCASTSS X4, Y4                         \
	MOVL         $const_windowLargest>>bits, AX \
	VMOVD        AX, X5                         \
	VPBROADCASTD X5, Y5                         \
	VCVTDQ2PS    Y5, Y5                         \
	MOVL         $0, AX                         \
	whole:                                      \
	VMOVUPS      (BX)(AX*1), Y0                 \
	VSUBPS       Y3, Y0, Y0                     \
	VMULPS       Y4, Y0, Y0                     \
	VMINPS       Y5, Y0, Y0                     \
	VCVTPS2DQ    Y0, Y0                         \
	VPSLLD       $bits, Y0, Y0                  \
	VMOVDQU      Y0, (BX)(AX*1)                 \
	ADDL         $32, AX                        \
	CMPL         AX, $1024                      \
	JNE          whole

// FIRST2 takes in the costs by way of the predecessors with one first: what they cost is at off, the
// rows' errors are those that xor leads to. At 2 bits a state's cost is that of four lanes, at 3 of
// eight, from then on of all.
#define FIRST2(off, xor) \
	XORL         $(64*xor), AX    \
	VPBROADCASTQ off(R13), Y0     \
	VPBROADCASTQ (off+8)(R13), Y1 \
	LEAST(Y0, Y1)

#define FIRST3(off, xor) \
	XORL         $(64*xor), AX    \
	VPBROADCASTD off(R13), Y0     \
	VPBROADCASTD (off+4)(R13), Y1 \
	LEAST(Y0, Y1)

#define FIRST4(off, xor) \
	XORL         $(64*xor), AX \
	VPBROADCASTD off(R13), Y0  \
	LEAST(Y0, Y0)

#define LEAST(costs, costs2) \
	VPADDD  (BX)(AX*1), costs, Y2    \
	VPADDD  32(BX)(AX*1), costs2, Y3 \
	VPMINSD Y2, Y8, Y8               \
	VPMINSD Y3, Y9, Y9

// STATES takes the tags off the costs of 16 states and writes them, lowers the costs by that of the
// first state, Y11, and puts the next tags on. Y10 are the bits of a tag.
#define STATES \
	VPAND        Y8, Y10, Y0           \
	VPAND        Y9, Y10, Y1           \
	VPACKUSDW    Y1, Y0, Y0            \
	VEXTRACTI128 $1, Y0, X1            \
	VPACKUSWB    X1, X0, X0            \
	VPSHUFD      $0xd8, X0, X0         \
	VMOVDQU      X0, (R8)              \
	ADDQ         $16, R8               \
	VPANDN       Y8, Y10, Y8           \
	VPANDN       Y9, Y10, Y9           \
	TESTL        CX, CX                \
	JNE          put                   \
	VPBROADCASTD X8, Y11               \
	put:                               \
	VPSUBD       Y11, Y8, Y8           \
	VPSUBD       Y11, Y9, Y9           \
	MOVQ         CX, AX                \
	SHLQ         $6, AX                \
	VPADDD       (R14)(AX*1), Y8, Y8   \
	VPADDD       32(R14)(AX*1), Y9, Y9 \
	VMOVDQU      Y8, (DX)(AX*1)        \
	VMOVDQU      Y9, 32(DX)(AX*1)

#define SEARCH(bits, LANES, COSTS, FIRSTS, FIRST, ORDER) \
	BEGIN                             \
	MOVQ     windowArgs_table(DI), AX \
	VMOVUPS  (AX), Y14                \
	VMOVUPS  32(AX), Y15              \
	LANES                             \
	MOVQ     windowArgs_tags(DI), R14 \
	VPCMPEQD Y12, Y12, Y12            \
	VPSRLD   $(32-bits), Y12, Y10     \
	VPSRLD   $1, Y12, Y12             \
	value:                            \
	ERRORS(bits)                      \
	MOVL     $0, CX                   \
	group:                            \
	ROW0                              \
	COSTS                             \
	VMOVDQA  Y12, Y8                  \
	VMOVDQA  Y12, Y9                  \
	FIRSTS(FIRST)                     \
	ORDER                             \
	STATES                            \
	INCL     CX                       \
	CMPL     CX, $(256>>bits)         \
	JNE      group                    \
	VALUE_DONE                        \
	JNE      value                    \
	VZEROUPPER                        \
	RET

// func windowStepsAVX2(a *windowArgs)
TEXT ·windowStepsAVX2(SB), NOSPLIT, $0-8
	MOVQ a+0(FP), DI
	BYBITS(windowArgs_bits(DI))

TEXT bits2<>(SB), NOSPLIT, $64-8
	SEARCH(2, LANES2, COSTS2, FIRSTS2, FIRST2, STATES2)

TEXT bits3<>(SB), NOSPLIT, $64-8
	SEARCH(3, NOTHING, COSTS3, FIRSTS3, FIRST3, NOTHING)

TEXT bits4<>(SB), NOSPLIT, $64-8
	SEARCH(4, NOTHING, COSTS4, FIRSTS4, FIRST4, NOTHING)

TEXT bits5<>(SB), NOSPLIT, $64-8
	SEARCH(5, NOTHING, COSTS5, FIRSTS5, FIRST4, NOTHING)
