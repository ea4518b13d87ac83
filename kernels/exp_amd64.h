// What the tiers of exp-sum, exp-gelu and exp-swiglu share, for registers of any width. Each defines the names of
// what is in expNumbers: BIAS, ONE, C1 to C5, registers.

#define NUMBER(i, to) VBROADCASTSS ·expNumbers+(4*i)(SB), to

// EXP2 makes p of y as exp2 does; r and y are used up.
#define EXP2(y, r, p) \
	VADDPS BIAS, y, r \
	VSUBPS BIAS, r, p \
	VSUBPS p, y, y    \
	VMULPS C5, y, p   \
	VADDPS C4, p, p   \
	VMULPS y, p, p    \
	VADDPS C3, p, p   \
	VMULPS y, p, p    \
	VADDPS C2, p, p   \
	VMULPS y, p, p    \
	VADDPS C1, p, p   \
	VMULPS y, p, p    \
	VADDPS ONE, p, p  \
	VPSLLD $23, r, r  \
	VPADDD r, p, p
