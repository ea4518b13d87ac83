#include "neon_arm64.h"

// ROWS is the body of a rowsFunc for one row, by what it does with four values and with one.
#define ROWS(FOUR, ONE) \
	MOVD dst_base+0(FP), R0; \
	MOVD x_base+24(FP), R1; \
	MOVD x_len+32(FP), R2; \
	MOVD by_base+48(FP), R3; \
	SUBS $16, R2; \
	BLT  rest; \
loop: \
	VLD1.P 64(R1), [V0.S4, V1.S4, V2.S4, V3.S4]; \
	VLD1.P 64(R3), [V4.S4, V5.S4, V6.S4, V7.S4]; \
	ALL4(FOUR, 4, 0, 0); \
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0); \
	SUBS   $16, R2; \
	BGE    loop; \
rest: \
	ANDS $15, R2; \
	BEQ  done; \
one: \
	FMOVS.P 4(R1), F0; \
	FMOVS.P 4(R3), F4; \
	ONE     F4, F0, F0; \
	FMOVS.P F0, 4(R0); \
	SUBS    $1, R2; \
	BNE     one; \
done: \
	RET
