//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "trellis_amd64.h"

// STATES takes sixteen states from their predecessors in Z12 and Z13, in the halves that pairs
// picks; at is their place in Trellis.order. Their decisions go to AX.
#define STATES(pairs, at, next) \
	VPSHUFB at(DI)(DX*1), Z0, Z1     \
	VPSHUFB at+128(DI)(DX*1), Z0, Z2 \
	VPERMPS Z12, pairs, Z3           \
	VPERMPS Z13, pairs, Z4           \
	VADDPS  Z1, Z3, Z3               \
	VADDPS  Z2, Z4, Z4               \
	VCMPPS  $0x11, Z3, Z4, K1        \
	VMINPS  Z3, Z4, next             \
	KMOVW   K1, AX

// func trellis32AVX512(t *Trellis, cost *[256]float32, l *trellisWalk, n int)
TEXT ·trellis32AVX512(SB), NOSPLIT, $0-32
	MOVQ      t+0(FP), DI
	MOVQ      cost+8(FP), R8
	MOVQ      l+16(FP), R9
	MOVQ      n+24(FP), R11
	MOVQ      trellisWalk_steps(R9), SI
	VMOVUPS   trellisWalk_costs+0(R9), Z12
	VMOVUPS   trellisWalk_costs+64(R9), Z13
	VPMOVZXBD trellisPairs<>+0(SB), Z14
	VPMOVZXBD trellisPairs<>+16(SB), Z15
	XORL      CX, CX

loop:
	CANDIDATES(SI)
	VINSERTF64X4 $1, Y0, Z0, Z0
	STATES(Z14, 0, Z5)
	MOVW    AX, (SI)(CX*8)
	STATES(Z15, 64, Z13)
	MOVW    AX, 2(SI)(CX*8)
	VMOVAPS Z5, Z12
	INCQ    CX
	CMPQ    CX, R11
	JLT     loop

	VMOVUPS Z12, trellisWalk_costs+0(R9)
	VMOVUPS Z13, trellisWalk_costs+64(R9)
	VZEROUPPER
	RET
