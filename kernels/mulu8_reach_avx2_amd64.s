//go:build !purego

#include "textflag.h"

// ROWS adds to sums the squares of four rows.
#define ROWS(codes, sums) \
	VPMOVZXBW codes, Y0     \
	VPSUBW    Y15, Y0, Y0   \
	VPMADDWD  Y0, Y0, Y0    \
	VPADDD    Y0, sums, sums

// func mulU8ReachAVX2(largest []byte, squares *[2]int32, codes []byte)
TEXT ·mulU8ReachAVX2(SB), NOSPLIT, $0-56
	MOVQ     largest_base+0(FP), DI
	MOVQ     squares+24(FP), R8
	MOVQ     codes_base+32(FP), SI
	MOVQ     codes_len+40(FP), CX
	VPCMPEQW Y15, Y15, Y15
	VPSRLW   $15, Y15, Y15
	VPSLLW   $7, Y15, Y15          // words of 128
	VPXOR    Y4, Y4, Y4
	VPXOR    Y5, Y5, Y5
	VPXOR    Y6, Y6, Y6
	VPXOR    Y7, Y7, Y7

quad:
	ROWS((SI), Y4)
	ROWS(16(SI), Y5)
	ROWS(32(SI), Y6)
	ROWS(48(SI), Y7)
	VMOVDQU      (SI), Y0
	VPMAXUB      32(SI), Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPMAXUB      X1, X0, X0
	VPSHUFD      $0x4e, X0, X1
	VPMAXUB      X1, X0, X0
	VPSHUFD      $0xb1, X0, X1
	VPMAXUB      X1, X0, X0
	VMOVD        (DI), X1
	VPMAXUB      X1, X0, X0
	VMOVD        X0, (DI)
	ADDQ         $64, SI
	ADDQ         $4, DI
	SUBQ         $64, CX
	JNE          quad

	VPMAXSD      Y5, Y4, Y4
	VPMAXSD      Y7, Y6, Y6
	VPMAXSD      Y6, Y4, Y4
	VEXTRACTI128 $1, Y4, X1
	VPMAXSD      X1, X4, X0
	VPSHUFD      $0x4e, X0, X1
	VPMAXSD      X1, X0, X0
	VMOVQ        (R8), X1
	VPMAXSD      X1, X0, X0
	VMOVQ        X0, (R8)
	VZEROUPPER
	RET
