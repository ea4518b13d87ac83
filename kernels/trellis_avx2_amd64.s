//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "trellis_amd64.h"

#define LANE(lane, x, class, steps) \
	MOVQ trellisLane_x(lane), x         \
	MOVQ trellisLane_class(lane), class \
	MOVQ trellisLane_steps(lane), steps

// STEP8 advances costs by one value.
#define STEP8(x, class, steps, costs) \
	CANDIDATES(x, class, steps)           \
	VPSHUFB      (DI)(DX*1), Y0, Y1        \
	VPSHUFB      128(DI)(DX*1), Y0, Y2     \
	VPERMPS      costs, Y14, Y3            \
	VPERMPS      costs, Y15, Y4            \
	VADDPS       Y1, Y3, Y3                \
	VADDPS       Y2, Y4, Y4                \
	VCMPPS       $0x11, Y3, Y4, Y1         \
	VMINPS       Y3, Y4, costs             \
	VMOVMSKPS    Y1, AX                    \
	MOVL         AX, (steps)(CX*8)

// func trellis8AVX2(t *Trellis, cost *[256]float32, a, b *trellisLane, n int)
TEXT ·trellis8AVX2(SB), NOSPLIT, $0-40
	MOVQ    t+0(FP), DI
	MOVQ    cost+8(FP), R8
	MOVQ    a+16(FP), AX
	MOVQ    b+24(FP), BX
	LANE(AX, SI, R9, R10)
	LANE(BX, R11, R12, R13)
	VMOVUPS trellisLane_costs(AX), Y12
	VMOVUPS trellisLane_costs(BX), Y13
	VPMOVZXBD trellisPairs<>+0(SB), Y14
	VPMOVZXBD trellisPairs<>+8(SB), Y15
	XORL    CX, CX

loop:
	STEP8(SI, R9, R10, Y12)
	STEP8(R11, R12, R13, Y13)
	INCQ CX
	CMPQ CX, n+32(FP)
	JLT  loop

	MOVQ    a+16(FP), AX
	VMOVUPS Y12, trellisLane_costs(AX)
	VMOVUPS Y13, trellisLane_costs(BX)
	VZEROUPPER
	RET

// PART takes eight states from their predecessors in p and q, in the halves that pairs picks; at is their place in
// Trellis.order and bit their byte of the decisions.
#define PART(p, q, pairs, at, byte, next) \
	VPSHUFB   at(DI)(DX*1), Y0, Y1      \
	VPSHUFB   at+128(DI)(DX*1), Y0, Y2  \
	VPERMPS   p, pairs, Y3              \
	VPERMPS   q, pairs, Y4              \
	VADDPS    Y1, Y3, Y3                \
	VADDPS    Y2, Y4, Y4                \
	VCMPPS    $0x11, Y3, Y4, Y1         \
	VMINPS    Y3, Y4, next              \
	VMOVMSKPS Y1, AX                    \
	MOVB      AX, byte(R10)(CX*8)

// func trellis32AVX2(t *Trellis, cost *[256]float32, l *trellisLane, n int)
TEXT ·trellis32AVX2(SB), NOSPLIT, $0-32
	MOVQ    t+0(FP), DI
	MOVQ    cost+8(FP), R8
	MOVQ    l+16(FP), BX
	LANE(BX, SI, R9, R10)
	VMOVUPS trellisLane_costs+0(BX), Y10
	VMOVUPS trellisLane_costs+32(BX), Y11
	VMOVUPS trellisLane_costs+64(BX), Y12
	VMOVUPS trellisLane_costs+96(BX), Y13
	VPMOVZXBD trellisPairs<>+0(SB), Y14
	VPMOVZXBD trellisPairs<>+8(SB), Y15
	XORL    CX, CX

loop:
	CANDIDATES(SI, R9, R10)
	PART(Y10, Y12, Y14, 0, 0, Y8)
	PART(Y10, Y12, Y15, 32, 1, Y9)
	PART(Y11, Y13, Y14, 64, 2, Y12)
	PART(Y11, Y13, Y15, 96, 3, Y13)
	VMOVAPS Y8, Y10
	VMOVAPS Y9, Y11
	INCQ CX
	CMPQ CX, n+24(FP)
	JLT  loop

	VMOVUPS Y10, trellisLane_costs+0(BX)
	VMOVUPS Y11, trellisLane_costs+32(BX)
	VMOVUPS Y12, trellisLane_costs+64(BX)
	VMOVUPS Y13, trellisLane_costs+96(BX)
	VZEROUPPER
	RET
