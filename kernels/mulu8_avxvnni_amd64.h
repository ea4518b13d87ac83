// DOT adds to Y4 and Y5 the products of AX quads of input at BX with two times eight rows at SI,
// and moves BX and SI behind them. Eight accumulators, in pairs, so that a VPDPBUSD need not wait
// for the one before it.
#define QUAD(i, low, high) \
	VPBROADCASTD (4*i)(BX), Y12     \
	VMOVDQU      (64*i)(SI), Y13    \
	VMOVDQU      (64*i+32)(SI), Y14 \
	VPDPBUSD_VEX(12, 13, low)       \
	VPDPBUSD_VEX(12, 14, high)

#define DOT \
	VPXOR Y6, Y6, Y6    \
	VPXOR Y7, Y7, Y7    \
	VPXOR Y8, Y8, Y8    \
	VPXOR Y9, Y9, Y9    \
	VPXOR Y10, Y10, Y10 \
	VPXOR Y11, Y11, Y11 \
	SUBQ  $4, AX        \
	JLT   ones          \
fours:                  \
	QUAD(0, 4, 5)       \
	QUAD(1, 6, 7)       \
	QUAD(2, 8, 9)       \
	QUAD(3, 10, 11)     \
	ADDQ  $256, SI      \
	ADDQ  $16, BX       \
	SUBQ  $4, AX        \
	JGE   fours         \
ones:                   \
	ADDQ  $4, AX        \
	JEQ   sum           \
one:                    \
	QUAD(0, 4, 5)       \
	ADDQ  $64, SI       \
	ADDQ  $4, BX        \
	DECQ  AX            \
	JNE   one           \
sum:                    \
	VPADDD Y6, Y4, Y4   \
	VPADDD Y7, Y5, Y5   \
	VPADDD Y10, Y8, Y8  \
	VPADDD Y11, Y9, Y9  \
	VPADDD Y8, Y4, Y4   \
	VPADDD Y9, Y5, Y5
