//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// The costs stay in the first cache, 32 registers of them. At each value the least costs of the
// predecessors, by their lower bits, go to the stack, and from there into the new costs.

// windowUppers<> has each of 0 to 7 in eight lanes.
DATA windowUppers<>+0(SB)/8, $0x0000000000000000
DATA windowUppers<>+8(SB)/8, $0x0000000000000000
DATA windowUppers<>+16(SB)/8, $0x0000000000000000
DATA windowUppers<>+24(SB)/8, $0x0000000000000000
DATA windowUppers<>+32(SB)/8, $0x0000000100000001
DATA windowUppers<>+40(SB)/8, $0x0000000100000001
DATA windowUppers<>+48(SB)/8, $0x0000000100000001
DATA windowUppers<>+56(SB)/8, $0x0000000100000001
DATA windowUppers<>+64(SB)/8, $0x0000000200000002
DATA windowUppers<>+72(SB)/8, $0x0000000200000002
DATA windowUppers<>+80(SB)/8, $0x0000000200000002
DATA windowUppers<>+88(SB)/8, $0x0000000200000002
DATA windowUppers<>+96(SB)/8, $0x0000000300000003
DATA windowUppers<>+104(SB)/8, $0x0000000300000003
DATA windowUppers<>+112(SB)/8, $0x0000000300000003
DATA windowUppers<>+120(SB)/8, $0x0000000300000003
DATA windowUppers<>+128(SB)/8, $0x0000000400000004
DATA windowUppers<>+136(SB)/8, $0x0000000400000004
DATA windowUppers<>+144(SB)/8, $0x0000000400000004
DATA windowUppers<>+152(SB)/8, $0x0000000400000004
DATA windowUppers<>+160(SB)/8, $0x0000000500000005
DATA windowUppers<>+168(SB)/8, $0x0000000500000005
DATA windowUppers<>+176(SB)/8, $0x0000000500000005
DATA windowUppers<>+184(SB)/8, $0x0000000500000005
DATA windowUppers<>+192(SB)/8, $0x0000000600000006
DATA windowUppers<>+200(SB)/8, $0x0000000600000006
DATA windowUppers<>+208(SB)/8, $0x0000000600000006
DATA windowUppers<>+216(SB)/8, $0x0000000600000006
DATA windowUppers<>+224(SB)/8, $0x0000000700000007
DATA windowUppers<>+232(SB)/8, $0x0000000700000007
DATA windowUppers<>+240(SB)/8, $0x0000000700000007
DATA windowUppers<>+248(SB)/8, $0x0000000700000007
GLOBL windowUppers<>(SB), RODATA|NOPTR, $256

// BEGIN leaves in DX and R15 once and three times the bytes from one register of predecessors with
// the same lower bits to the next.
#define BEGIN \
	MOVQ a+0(FP), DI               \
	MOVQ windowArgs_cost(DI), SI   \
	MOVQ windowArgs_back(DI), R8   \
	MOVQ windowArgs_x(DI), R9      \
	MOVQ windowArgs_n(DI), R10     \
	MOVQ windowArgs_w(DI), R11     \
	MOVQ windowArgs_step(DI), R12  \
	MOVQ windowArgs_table(DI), R13 \
	MOVQ windowArgs_bits(DI), CX   \
	MOVL $1024, DX                 \
	SHRQ CX, DX                    \
	LEAQ (DX)(DX*2), R15

// EQUAL writes its number over upper where a cost is the least.
#define EQUAL(u, cost, least, upper) \
	VCMPPS    $0, least, cost, cost                         \
	VBLENDVPS cost, windowUppers<>+(32*u)(SB), upper, upper

#define UPPER4(least, upper) \
	EQUAL(3, Y3, least, upper) \
	EQUAL(2, Y2, least, upper) \
	EQUAL(1, Y1, least, upper) \
	EQUAL(0, Y0, least, upper)

// PUT writes eight leasts and, as bytes, where they come from.
#define PUT(least, upper, upperX) \
	VMOVUPS      least, (AX)      \
	VEXTRACTI128 $1, upper, X15   \
	VPACKSSDW    X15, upperX, X15 \
	VPACKUSWB    X15, X15, X15    \
	VMOVQ        X15, (R8)        \
	ADDQ         $8, R8           \
	ADDQ         $32, AX

#define VALUE \
	VBROADCASTSS (R9), Y0  \
	VBROADCASTSS (R11), Y1 \
	ADDQ         $4, R9    \
	ADDQ         R12, R11

// COST adds to eight leasts what the value costs in windows 8*i and behind, from byte DI of the
// costs on.
#define COST(i, least) \
	VSUBPS  (32*i)(R13)(DI*1), Y0, Y3 \
	VMULPS  Y3, Y3, Y3                \
	VMULPS  Y1, Y3, Y3                \
	VADDPS  Y3, least, least          \
	VMOVUPS least, (32*i)(SI)(DI*1)

// func window2AVX2(a *windowArgs)
TEXT ·window2AVX2(SB), NOSPLIT, $256-8
	BEGIN
	VXORPS      Y13, Y13, Y13
	VPCMPEQD    Y12, Y12, Y12
	VPSRLD      $31, Y12, Y12
	VINSERTF128 $1, X12, Y13, Y14 // numbers 0 0 0 0 1 1 1 1

value:
	LEAQ 0(SP), AX
	XORL BX, BX

lower:
	LEAQ    (SI)(BX*1), DI
	VMOVUPS (DI), Y0
	VMOVUPS (DI)(DX*1), Y1
	VMOVUPS (DI)(DX*2), Y2
	VMOVUPS (DI)(R15*1), Y3
	VMINPS  Y1, Y0, Y8
	VMINPS  Y3, Y2, Y9
	VMINPS  Y9, Y8, Y8
	UPPER4(Y8, Y9)
	PUT(Y8, Y9, X9)
	ADDQ    $32, BX
	CMPQ    BX, DX
	JNE     lower

	VALUE
	XORL DI, DI
	LEAQ 0(SP), AX

window:
	VBROADCASTSD (AX), Y2
	VBROADCASTSD 8(AX), Y4
	VPERMILPS    Y14, Y2, Y2
	VPERMILPS    Y14, Y4, Y4
	COST(0, Y2)
	COST(1, Y4)
	ADDQ         $16, AX
	ADDQ         $64, DI
	CMPQ         DI, $1024
	JNE          window
	DECQ         R10
	JNE          value
	VZEROUPPER
	RET

#define LEAST8 \
	VMOVUPS (DI), Y0                      \
	VMOVUPS (DI)(DX*1), Y1                \
	VMOVUPS (DI)(DX*2), Y2                \
	VMOVUPS (DI)(R15*1), Y3               \
	LEAQ    (DI)(DX*4), DI                \
	VMOVUPS (DI), Y4                      \
	VMOVUPS (DI)(DX*1), Y5                \
	VMOVUPS (DI)(DX*2), Y6                \
	VMOVUPS (DI)(R15*1), Y7               \
	LEAQ    (DI)(DX*4), DI                \
	VMINPS  Y1, Y0, Y8                    \
	VMINPS  Y3, Y2, Y9                    \
	VMINPS  Y5, Y4, Y10                   \
	VMINPS  Y7, Y6, Y11                   \
	VMINPS  Y9, Y8, Y8                    \
	VMINPS  Y11, Y10, Y10                 \
	VMINPS  Y10, Y8, Y8                   \
	VMOVUPS windowUppers<>+(32*7)(SB), Y9 \
	EQUAL(6, Y6, Y8, Y9)                  \
	EQUAL(5, Y5, Y8, Y9)                  \
	EQUAL(4, Y4, Y8, Y9)                  \
	UPPER4(Y8, Y9)

// func window3AVX2(a *windowArgs)
TEXT ·window3AVX2(SB), NOSPLIT, $128-8
	BEGIN
	SUBQ     $3, CX        // 2^CX registers of windows have the same predecessors
	VPCMPEQD Y14, Y14, Y14
	VPSRLD   $31, Y14, Y14
	VPSLLD   $3, Y14, Y14  // 8

value:
	LEAQ 0(SP), AX
	XORL BX, BX

lower:
	LEAQ    (SI)(BX*1), DI
	LEAQ    1024(SI), R14
	LEAST8
	VMOVAPS Y8, Y12
	VMOVAPS Y9, Y13
	VMOVAPS Y14, Y15
	CMPQ    DI, R14
	JGE     put

more:
	LEAST8
	VPADDD    Y15, Y9, Y9
	VPADDD    Y14, Y15, Y15
	VCMPPS    $0x11, Y12, Y8, Y0
	VMINPS    Y12, Y8, Y12
	VBLENDVPS Y0, Y9, Y13, Y13
	CMPQ      DI, R14
	JLT       more

put:
	PUT(Y12, Y13, X13)
	ADDQ $32, BX
	CMPQ BX, DX
	JNE  lower

	VALUE
	XORL DI, DI
	XORL BX, BX

window:
	MOVQ         BX, AX
	SHRQ         CX, AX
	VBROADCASTSS (SP)(AX*4), Y2
	LEAQ         1(BX), AX
	SHRQ         CX, AX
	VBROADCASTSS (SP)(AX*4), Y4
	COST(0, Y2)
	COST(1, Y4)
	ADDQ         $2, BX
	ADDQ         $64, DI
	CMPQ         DI, $1024
	JNE          window
	DECQ         R10
	JNE          value
	VZEROUPPER
	RET
