//go:build !purego

#include "textflag.h"
#include "avx2_amd64.h"

// ADD adds the words of Z2 to the sums, Z0, and their squares to Z1.
#define ADD \
	VPMADDWD Z15, Z2, Z3 \
	VPMADDWD Z2, Z2, Z2  \
	VPADDD   Z3, Z0, Z0  \
	VPADDD   Z2, Z1, Z1

// func groupSumsAVX512(sums, squares []int32, q []int8, group int)
TEXT ·groupSumsAVX512(SB), NOSPLIT, $0-80
	MOVQ         sums_base+0(FP), DI
	MOVQ         squares_base+24(FP), R8
	MOVQ         q_base+48(FP), SI
	MOVQ         q_len+56(FP), R9
	MOVQ         group+72(FP), R10
	MOVL         $0x00010001, AX
	VPBROADCASTD AX, Z15

group:
	CMPQ    R10, R9
	CMOVQGT R9, R10    // the last group may be shorter
	SUBQ    R10, R9
	VPXORD  Z0, Z0, Z0
	VPXORD  Z1, Z1, Z1
	MOVQ    R10, DX
	SUBQ    $32, DX
	JLT     rest

loop:
	VPMOVSXBW (SI), Z2
	ADD
	ADDQ      $32, SI
	SUBQ      $32, DX
	JGE       loop

rest:
	ADDQ       $32, DX
	JEQ        fold
	MOVL       $1, AX
	MOVQ       DX, CX
	SHLL       CX, AX
	DECL       AX
	KMOVD      AX, K1
	VMOVDQU8.Z (SI), K1, Y2
	VPMOVSXBW  Y2, Z2
	ADD
	ADDQ       DX, SI

fold:
	VEXTRACTI64X4 $1, Z0, Y2
	VEXTRACTI64X4 $1, Z1, Y3
	VPADDD        Y2, Y0, Y0
	VPADDD        Y3, Y1, Y1
	FOLD2
	ADDQ          $4, DI
	ADDQ          $4, R8
	TESTQ         R9, R9
	JNE           group
	VZEROUPPER
	RET
