// CANDIDATES leaves in each half of Y0 the costs of the better levels of the four subsets for value CX, from the
// subset of the lowest candidate on, and in DX the offset in Trellis.order for it. x, class and steps point
// to the first value. DI is the trellis, R8 the costs. VMAXPS gives its last operand, here the first, where x is not a number.
#define CANDIDATES(x, class, steps) \
	VBROADCASTSS (x)(CX*4), Y0 \
	VMAXPS trellisConstants<>+0(SB), Y0, Y0 \
	VMINPS trellisConstants<>+32(SB), Y0, Y0 \
	VMAXSS trellisConstants<>+96(SB), X0, X1 \
	VMINSS trellisConstants<>+100(SB), X1, X1 \
	VROUNDSS $1, X1, X1, X1 \
	VCVTTSS2SI X1, DX \
	VBROADCASTSS X1, Y1 \
	VADDPS trellisConstants<>+64(SB), Y1, Y1 \
	VSUBPS Y1, Y0, Y0 \
	VMULPS Y0, Y0, Y0 \
	MOVBLZX (class)(CX*1), AX \
	SHLL $10, AX \
	ADDL $125, DX \
	ADDQ R8, AX \
	VADDPS (AX)(DX*4), Y0, Y0 \
	MOVB DX, 4(steps)(CX*8) \
	ANDL $3, DX \
	SHLL $8, DX \
	VPERM2F128 $1, Y0, Y0, Y1 \
	VCMPPS $0x11, X0, X1, X2 \
	VMINPS Y0, Y1, Y0 \
	VMOVMSKPS X2, AX \
	MOVB AX, 5(steps)(CX*8)

// -1024, 1024, the levels from the floor of x, the range of that.
DATA trellisConstants<>+0(SB)/4, $-1024.0
DATA trellisConstants<>+4(SB)/4, $-1024.0
DATA trellisConstants<>+8(SB)/4, $-1024.0
DATA trellisConstants<>+12(SB)/4, $-1024.0
DATA trellisConstants<>+16(SB)/4, $-1024.0
DATA trellisConstants<>+20(SB)/4, $-1024.0
DATA trellisConstants<>+24(SB)/4, $-1024.0
DATA trellisConstants<>+28(SB)/4, $-1024.0
DATA trellisConstants<>+32(SB)/4, $1024.0
DATA trellisConstants<>+36(SB)/4, $1024.0
DATA trellisConstants<>+40(SB)/4, $1024.0
DATA trellisConstants<>+44(SB)/4, $1024.0
DATA trellisConstants<>+48(SB)/4, $1024.0
DATA trellisConstants<>+52(SB)/4, $1024.0
DATA trellisConstants<>+56(SB)/4, $1024.0
DATA trellisConstants<>+60(SB)/4, $1024.0
DATA trellisConstants<>+64(SB)/4, $-3.0
DATA trellisConstants<>+68(SB)/4, $-2.0
DATA trellisConstants<>+72(SB)/4, $-1.0
DATA trellisConstants<>+76(SB)/4, $0.0
DATA trellisConstants<>+80(SB)/4, $1.0
DATA trellisConstants<>+84(SB)/4, $2.0
DATA trellisConstants<>+88(SB)/4, $3.0
DATA trellisConstants<>+92(SB)/4, $4.0
DATA trellisConstants<>+96(SB)/4, $-124.0
DATA trellisConstants<>+100(SB)/4, $123.0
GLOBL trellisConstants<>(SB), RODATA|NOPTR, $104

// Indices of the predecessors of neighbouring states, two of each.
DATA trellisPairs<>+0(SB)/8, $0x0303020201010000
DATA trellisPairs<>+8(SB)/8, $0x0707060605050404
DATA trellisPairs<>+16(SB)/8, $0x0b0b0a0a09090808
DATA trellisPairs<>+24(SB)/8, $0x0f0f0e0e0d0d0c0c
GLOBL trellisPairs<>(SB), RODATA|NOPTR, $32
