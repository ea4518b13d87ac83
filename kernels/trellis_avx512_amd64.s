//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "trellis_amd64.h"

// PART takes sixteen states from their predecessors in Z12 and Z13, of which pairs picks half; at is their place in
// Trellis.order and byte that of their decisions.
#define PART(pairs, at, byte, next) \
	VPSHUFB at(DI)(DX*1), Z0, Z1      \
	VPSHUFB at+128(DI)(DX*1), Z0, Z2  \
	VPERMPS Z12, pairs, Z3            \
	VPERMPS Z13, pairs, Z4            \
	VADDPS  Z1, Z3, Z3                \
	VADDPS  Z2, Z4, Z4                \
	VCMPPS  $0x11, Z3, Z4, K1         \
	VMINPS  Z3, Z4, next              \
	KMOVW   K1, AX                    \
	MOVW    AX, byte(R10)(CX*8)

// func trellis32AVX512(t *Trellis, cost *[256]float32, l *trellisLane, n int)
TEXT ·trellis32AVX512(SB), NOSPLIT, $0-32
	MOVQ      t+0(FP), DI
	MOVQ      cost+8(FP), R8
	MOVQ      l+16(FP), BX
	MOVQ n+24(FP), R11
	MOVQ trellisLane_x(BX), SI
	MOVQ trellisLane_class(BX), R9
	MOVQ trellisLane_steps(BX), R10
	VMOVUPS   trellisLane_costs+0(BX), Z12
	VMOVUPS   trellisLane_costs+64(BX), Z13
	VPMOVZXBD trellisPairs<>+0(SB), Z14
	VPMOVZXBD trellisPairs<>+16(SB), Z15
	XORL      CX, CX

loop:
	CANDIDATES(SI, R9, R10)
	VINSERTF64X4 $1, Y0, Z0, Z0
	PART(Z14, 0, 0, Z5)
	PART(Z15, 64, 2, Z13)
	VMOVAPS Z5, Z12
	INCQ CX
	CMPQ CX, R11
	JLT  loop

	VMOVUPS Z12, trellisLane_costs+0(BX)
	VMOVUPS Z13, trellisLane_costs+64(BX)
	VZEROUPPER
	RET
