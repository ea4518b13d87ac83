// The body of mulNibbleVecXxx; mul_arm64.h says what a tier defines before. V26 holds the 16
// weights, flipped, V30 0x0fs. A group may begin or end in the middle of a pair of quads: R12 is 1
// when the next quad is the second of its pair, the high halves of the codes at R2.

#include "mul_arm64.h"

#define CODES \
	VLD1.P 64(R2), [V16.B16, V17.B16, V18.B16, V19.B16]

#define LOW(i, e) \
	VAND V30.B16, V16.B16, V20.B16   \
	VAND V30.B16, V17.B16, V21.B16   \
	VAND V30.B16, V18.B16, V22.B16   \
	VAND V30.B16, V19.B16, V23.B16   \
	VTBL V20.B16, [V26.B16], V20.B16 \
	VTBL V21.B16, [V26.B16], V21.B16 \
	VTBL V22.B16, [V26.B16], V22.B16 \
	VTBL V23.B16, [V26.B16], V23.B16 \
	DOT(i, e)

#define HIGH(i, e) \
	VUSHR $4, V16.B16, V20.B16        \
	VUSHR $4, V17.B16, V21.B16        \
	VUSHR $4, V18.B16, V22.B16        \
	VUSHR $4, V19.B16, V23.B16        \
	VTBL  V20.B16, [V26.B16], V20.B16 \
	VTBL  V21.B16, [V26.B16], V21.B16 \
	VTBL  V22.B16, [V26.B16], V22.B16 \
	VTBL  V23.B16, [V26.B16], V23.B16 \
	DOT(i, e)

	VECARGS
	MOVD  vecArgs_lookup(R0), R13
	VLD1  (R13), [V26.B16]
	FLIP(V26)
	VMOVI $15, V30.B16

panel:
	PANELSTART(start)

start:
	MOVD $0, R12

block:
	BLOCKSTART

group:
	GROUPSTART
	CBZ     R12, even
	CODES
	FMOVS.P 4(R6), F24
	HIGH(0, 1)
	MOVD    $0, R12
	SUB     $1, R11

even:
	SUBS $4, R11
	BLT  two

fours:
	VLD1.P 16(R6), [V24.B16]
	CODES
	LOW(0, 0)
	HIGH(1, 1)
	CODES
	LOW(2, 0)
	HIGH(3, 1)
	SUBS   $4, R11
	BGE    fours

two:
	TBZ     $1, R11, one
	FMOVD.P 8(R6), F24
	CODES
	LOW(0, 0)
	HIGH(1, 1)

one:
	TBZ     $0, R11, sum
	FMOVS.P 4(R6), F24
	VLD1    (R2), [V16.B16, V17.B16, V18.B16, V19.B16] // the high halves are for the next group
	LOW(0, 0)
	MOVD    $1, R12

sum:
	GROUPEND(plain, next, group)
	BLOCKEND(block)
	ADD R12<<6, R2 // past a pair whose second quad does not exist
	PANELEND(store, panel)
	RET
