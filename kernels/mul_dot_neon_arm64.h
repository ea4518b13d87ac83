// How the neon tier multiplies, without dot products: signed w-128 as in mul_dot_sdot_arm64.h. A
// product is at most 128*128 and fits int16; the sum of two need not, so they are added as int32.
// V0-V7 hold two sums for each row.

#define FLIP(w) VEOR V25.B16, w.B16, w.B16

#define ROWS4(w, s, s2) \
	SMULL(27, w, 28)  \
	SMULL2(27, w, 29) \
	SADALP(28, s)     \
	SADALP(29, s2)

#define DOT(i, e) \
	VDUP V24.S[i], V27.S4 \
	ROWS4(20, 0, 1)       \
	ROWS4(21, 2, 3)       \
	ROWS4(22, 4, 5)       \
	ROWS4(23, 6, 7)

#define FOLD \
	VADDP V1.S4, V0.S4, V0.S4 \
	VADDP V3.S4, V2.S4, V1.S4 \
	VADDP V5.S4, V4.S4, V2.S4 \
	VADDP V7.S4, V6.S4, V3.S4
