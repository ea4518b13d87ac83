//go:build !purego

#include "textflag.h"
#include "avx2_amd64.h"

// func groupSumsAVX2(sums, squares []int32, q []int8, group int)
TEXT ·groupSumsAVX2(SB), NOSPLIT, $0-80
	MOVQ sums_base+0(FP), DI
	MOVQ squares_base+24(FP), R8
	MOVQ q_base+48(FP), SI
	MOVQ q_len+56(FP), R9
	MOVQ group+72(FP), R10
	ONES

group:
	CMPQ    R10, R9
	CMOVQGT R9, R10     // the last group may be shorter
	SUBQ    R10, R9
	VPXOR   Y0, Y0, Y0  // sums
	VPXOR   Y1, Y1, Y1  // squares
	MOVQ    R10, DX
	SUBQ    $16, DX
	JLT     rest

loop:
	VPMOVSXBW (SI), Y2
	VPMADDWD  Y14, Y2, Y3
	VPMADDWD  Y2, Y2, Y2
	VPADDD    Y3, Y0, Y0
	VPADDD    Y2, Y1, Y1
	ADDQ      $16, SI
	SUBQ      $16, DX
	JGE       loop

rest:
	ADDQ $16, DX
	JEQ  fold

one:
	MOVBLSX (SI), AX
	VMOVD   AX, X2
	VPADDD  Y2, Y0, Y0
	IMULL   AX, AX
	VMOVD   AX, X2
	VPADDD  Y2, Y1, Y1
	INCQ    SI
	DECQ    DX
	JNE     one

fold:
	FOLD2
	ADDQ  $4, DI
	ADDQ  $4, R8
	TESTQ R9, R9
	JNE   group
	VZEROUPPER
	RET
