// What the tiers of AVX-512 have in common: the 16 rows of a panel are one register. A file that
// includes this has below4 in BELOW4.

#define LOAD VMOVDQU32
#define MOVE VMOVDQA64
#define AND VPANDD
#define OR VPORD
#define XOR VPXORD

#define T0 Z0
#define T1 Z1
#define T2 Z2
#define T3 Z8
#define H0 Z3
#define H1 Z4
#define H2 Z5
#define H3 Z6
#define BELOW4 Z12

#define STRADDLE(before, byte, v) \
	VPSRLW     $4, byte, v               \
	VPSLLW     $4, before, T2            \
	VPTERNLOGD $0xe4, BELOW4, T2, v
