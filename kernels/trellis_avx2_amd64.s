//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "trellis_amd64.h"

DATA trellisRange<>+0(SB)/4, $-1024.0
DATA trellisRange<>+4(SB)/4, $1024.0
DATA trellisRange<>+8(SB)/4, $-124.0
DATA trellisRange<>+12(SB)/4, $123.0
DATA trellisRange<>+16(SB)/4, $125.0
GLOBL trellisRange<>(SB), RODATA|NOPTR, $20

// func trellisPrepareAVX2(steps *trellisStep, x *float32, class *byte, n int)
// VMAXPS gives its last operand, here the first, where x is not a number.
TEXT ·trellisPrepareAVX2(SB), NOSPLIT, $0-32
	MOVQ         steps+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         class+16(FP), DX
	MOVQ         n+24(FP), CX
	VBROADCASTSS trellisRange<>+0(SB), Y11
	VBROADCASTSS trellisRange<>+4(SB), Y12
	VBROADCASTSS trellisRange<>+8(SB), Y13
	VBROADCASTSS trellisRange<>+12(SB), Y14
	VBROADCASTSS trellisRange<>+16(SB), Y15

loop:
	VMOVUPS      (SI), Y0
	VMAXPS       Y11, Y0, Y0
	VMINPS       Y12, Y0, Y0
	VMAXPS       Y13, Y0, Y1
	VMINPS       Y14, Y1, Y1
	VADDPS       Y15, Y1, Y1
	VCVTTPS2DQ   Y1, Y1
	VPMOVZXBD    (DX), Y2
	VPSLLD       $8, Y2, Y2
	VPADDD       Y2, Y1, Y1
	VPUNPCKLDQ   Y1, Y0, Y2
	VPUNPCKHDQ   Y1, Y0, Y3
	VMOVDQU      X2, (DI)
	VMOVDQU      X3, 16(DI)
	VEXTRACTI128 $1, Y2, 32(DI)
	VEXTRACTI128 $1, Y3, 48(DI)
	ADDQ         $32, SI
	ADDQ         $8, DX
	ADDQ         $64, DI
	SUBQ         $8, CX
	JNZ          loop
	VZEROUPPER
	RET

// STATES takes eight states from their predecessors in p and q, in the halves that lower and upper
// pick; at is their place in Trellis.order. Their decisions go to AX.
#define STATES(p, q, lower, upper, at, next) \
	VPSHUFB   at(DI)(DX*1), Y0, Y1     \
	VPSHUFB   at+128(DI)(DX*1), Y0, Y2 \
	VPERMPS   p, lower, Y3             \
	VPERMPS   q, upper, Y4             \
	VADDPS    Y1, Y3, Y3               \
	VADDPS    Y2, Y4, Y4               \
	VCMPPS    $0x11, Y3, Y4, Y1        \
	VMINPS    Y3, Y4, next             \
	VMOVMSKPS Y1, AX

// STEP8 advances the costs of 8 states by one value.
#define STEP8(steps, costs) \
	CANDIDATES(steps)                        \
	STATES(costs, costs, Y14, Y15, 0, costs) \
	MOVL AX, (steps)(CX*8)

// PAIRS sets the indices of the lower and of the upper half of eight costs, each twice.
#define PAIRS \
	VPMOVZXBD trellisPairs<>+0(SB), Y14 \
	VPMOVZXBD trellisPairs<>+8(SB), Y15

// func trellis8PairAVX2(t *Trellis, cost *[256]float32, a, b *trellisWalk, n int)
TEXT ·trellis8PairAVX2(SB), NOSPLIT, $0-40
	MOVQ t+0(FP), DI
	MOVQ cost+8(FP), R8
	PAIRS
	MOVQ    a+16(FP), R9
	MOVQ    b+24(FP), R10
	MOVQ    n+32(FP), R11
	MOVQ    trellisWalk_steps(R9), SI
	MOVQ    trellisWalk_steps(R10), BX
	VMOVUPS trellisWalk_costs(R9), Y12
	VMOVUPS trellisWalk_costs(R10), Y13
	XORL    CX, CX

loop:
	STEP8(SI, Y12)
	STEP8(BX, Y13)
	INCQ CX
	CMPQ CX, R11
	JLT  loop

	VMOVUPS Y12, trellisWalk_costs(R9)
	VMOVUPS Y13, trellisWalk_costs(R10)
	VZEROUPPER
	RET

// func trellis8AVX2(t *Trellis, cost *[256]float32, l *trellisWalk, n int)
TEXT ·trellis8AVX2(SB), NOSPLIT, $0-32
	MOVQ t+0(FP), DI
	MOVQ cost+8(FP), R8
	PAIRS
	MOVQ    l+16(FP), R9
	MOVQ    n+24(FP), R11
	MOVQ    trellisWalk_steps(R9), SI
	VMOVUPS trellisWalk_costs(R9), Y12
	XORL    CX, CX

loop:
	STEP8(SI, Y12)
	INCQ CX
	CMPQ CX, R11
	JLT  loop

	VMOVUPS Y12, trellisWalk_costs(R9)
	VZEROUPPER
	RET

// func trellis32AVX2(t *Trellis, cost *[256]float32, l *trellisWalk, n int)
TEXT ·trellis32AVX2(SB), NOSPLIT, $0-32
	MOVQ t+0(FP), DI
	MOVQ cost+8(FP), R8
	PAIRS
	MOVQ    l+16(FP), R9
	MOVQ    n+24(FP), R11
	MOVQ    trellisWalk_steps(R9), SI
	VMOVUPS trellisWalk_costs+0(R9), Y10
	VMOVUPS trellisWalk_costs+32(R9), Y11
	VMOVUPS trellisWalk_costs+64(R9), Y12
	VMOVUPS trellisWalk_costs+96(R9), Y13
	XORL    CX, CX

loop:
	CANDIDATES(SI)
	STATES(Y10, Y12, Y14, Y14, 0, Y8)
	MOVB    AX, (SI)(CX*8)
	STATES(Y10, Y12, Y15, Y15, 32, Y9)
	MOVB    AX, 1(SI)(CX*8)
	STATES(Y11, Y13, Y14, Y14, 64, Y12)
	MOVB    AX, 2(SI)(CX*8)
	STATES(Y11, Y13, Y15, Y15, 96, Y13)
	MOVB    AX, 3(SI)(CX*8)
	VMOVAPS Y8, Y10
	VMOVAPS Y9, Y11
	INCQ    CX
	CMPQ    CX, R11
	JLT     loop

	VMOVUPS Y10, trellisWalk_costs+0(R9)
	VMOVUPS Y11, trellisWalk_costs+32(R9)
	VMOVUPS Y12, trellisWalk_costs+64(R9)
	VMOVUPS Y13, trellisWalk_costs+96(R9)
	VZEROUPPER
	RET
