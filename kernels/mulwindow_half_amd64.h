// What AVX2 and AVX-VNNI have in common: eight rows of a panel, half of it, are one register, so
// that what a step goes on from stays in registers. SI is at the half.

#define LOAD VMOVDQU
#define MOVE VMOVDQA
#define AND VPAND
#define OR VPOR
#define XOR VPXOR

#define T0 Y0
#define T1 Y1
#define T2 Y2
#define T3 Y7
#define H0 Y3
#define H1 Y4
#define H2 Y5
#define H3 Y6

#define STRADDLE(before, byte, v) \
	VPSRLW $4, byte, v        \
	VPAND  BELOW4, before, T2 \
	VPAND  BELOW4, v, v       \
	VPSLLW $4, T2, T2         \
	VPOR   T2, v, v

#define CODES(j, v) VMOVDQU (64*j)(SI), v
