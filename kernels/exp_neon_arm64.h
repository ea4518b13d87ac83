// The registers of exp-sum, exp-gelu and exp-swiglu, what is in expNumbers in all lanes, and what they share.

#define BIAS 24
#define ONE 25
#define C1 26
#define C2 27
#define C3 28
#define C4 29
#define C5 30
#define LEAST 31

#include "neon_arm64.h"

// NUMBERS leaves behind them where it stopped, in R3.
#define NUMBERS \
	MOVD    $·expNumbers(SB), R3 \
	VLD1R.P 4(R3), [V24.S4]      \
	VLD1R.P 4(R3), [V25.S4]      \
	VLD1R.P 4(R3), [V26.S4]      \
	VLD1R.P 4(R3), [V27.S4]      \
	VLD1R.P 4(R3), [V28.S4]      \
	VLD1R.P 4(R3), [V29.S4]      \
	VLD1R.P 4(R3), [V30.S4]      \
	VLD1R.P 4(R3), [V31.S4]

// EXP2 makes V16-V19 of V8-V11 as exp2 does; V12-V15 are used up too.
#define EXP2 \
	EACH4(FADD, BIAS, 8, 12)      \
	EACH4(FSUB, BIAS, 12, 16)     \
	ALL4(FSUB, 16, 8, 8)         \
	EACH4(FMUL, C5, 8, 16)        \
	EACH4(FADD, C4, 16, 16)       \
	ALL4(FMUL, 8, 16, 16)        \
	EACH4(FADD, C3, 16, 16)       \
	ALL4(FMUL, 8, 16, 16)        \
	EACH4(FADD, C2, 16, 16)       \
	ALL4(FMUL, 8, 16, 16)        \
	EACH4(FADD, C1, 16, 16)       \
	ALL4(FMUL, 8, 16, 16)        \
	EACH4(FADD, ONE, 16, 16)      \
	VSHL $23, V12.S4, V12.S4     \
	VSHL $23, V13.S4, V13.S4     \
	VSHL $23, V14.S4, V14.S4     \
	VSHL $23, V15.S4, V15.S4     \
	VADD V12.S4, V16.S4, V16.S4  \
	VADD V13.S4, V17.S4, V17.S4  \
	VADD V14.S4, V18.S4, V18.S4  \
	VADD V15.S4, V19.S4, V19.S4
