// The body of mulU8VecXxx; mul_arm64.h says what a tier defines before.

#include "mul_arm64.h"

	VECARGS

panel:
	PANELSTART(block)

block:
	BLOCKSTART

group:
	GROUPSTART
	SUBS $4, R11
	BLT  ones

fours:
	VLD1.P 16(R6), [V24.B16]
	QUAD(0, 0)
	QUAD(1, 1)
	QUAD(2, 0)
	QUAD(3, 1)
	SUBS   $4, R11
	BGE    fours

ones:
	ADDS $4, R11
	BEQ  sum

one:
	FMOVS.P 4(R6), F24
	QUAD(0, 0)
	SUBS    $1, R11
	BNE     one

sum:
	GROUPEND(plain, next, group)
	BLOCKEND(block)
	PANELEND(store, panel)
	RET
