//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "avx2_amd64.h"
#include "mulu8_vec_amd64.h"

// QUAD adds to low and high the products of one quad of input with two times eight rows.
#define QUAD(i, low, high) \
	INPUT((4*i), BX, R14)          \
	DOT((64*i)(SI), Y10, low)      \
	DOT((64*i+32)(SI), Y11, high)

// func mulU8VecAVX2(a *vecArgs)
TEXT ·mulU8VecAVX2(SB), NOSPLIT, $0-8
	MOVQ         a+0(FP), DI
	ONES
	MOVQ         vecArgs_signs(DI), R14
	PANELS
	VPXOR        Y6, Y6, Y6
	VPXOR        Y7, Y7, Y7
	SUBQ         $4, AX
	JLT          ones

fours:
	QUAD(0, Y4, Y5)
	QUAD(1, Y6, Y7)
	QUAD(2, Y4, Y5)
	QUAD(3, Y6, Y7)
	ADDQ $256, SI
	ADDQ $16, BX
	SUBQ $4, AX
	JGE  fours

ones:
	ADDQ $4, AX
	JEQ  sum

one:
	QUAD(0, Y4, Y5)
	ADDQ $64, SI
	ADDQ $4, BX
	DECQ AX
	JNE  one

sum:
	VPADDD    Y6, Y4, Y4
	VPADDD    Y7, Y5, Y5
	NEXT
