// CANDIDATES leaves in each half of Y0 what the better candidates of the four subsets cost at the
// prepared step CX, from the subset of the lowest candidate on, and in DX the offset in
// Trellis.order for that. DI is the trellis, R8 the table of costs. The eight candidates are
// neighbours there, so they take one load and no gather.
#define CANDIDATES(steps) \
	VBROADCASTSS (steps)(CX*8), Y0               \
	MOVL         4(steps)(CX*8), AX              \
	MOVBLZX      AL, DX                          \
	VSUBPS       Trellis_levels(DI)(DX*4), Y0, Y0 \
	VMULPS       Y0, Y0, Y0                      \
	VADDPS       (R8)(AX*4), Y0, Y0              \
	ANDL         $3, DX                          \
	SHLL         $8, DX                          \
	VPERM2F128   $1, Y0, Y0, Y1                  \
	VCMPPS       $0x11, X0, X1, X2               \
	VMINPS       Y0, Y1, Y0                      \
	VMOVMSKPS    X2, AX                          \
	MOVB         AX, 5(steps)(CX*8)

// Of each eight states, or sixteen, the predecessors, counted from the first of them.
DATA trellisPairs<>+0(SB)/8, $0x0303020201010000
DATA trellisPairs<>+8(SB)/8, $0x0707060605050404
DATA trellisPairs<>+16(SB)/8, $0x0b0b0a0a09090808
DATA trellisPairs<>+24(SB)/8, $0x0f0f0e0e0d0d0c0c
GLOBL trellisPairs<>(SB), RODATA|NOPTR, $32
