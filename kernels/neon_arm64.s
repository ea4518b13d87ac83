//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// Three registers, none in the place of another.

#define CASE(number, next, instruction) \
	CMP   $number, R1 \
	BNE   next        \
	instruction       \
	next:             \
	NOOP

// func execute(op int, v *[3][16]byte)
TEXT ·execute(SB), NOSPLIT, $0-16
	MOVD op+0(FP), R1
	MOVD v+8(FP), R0
	ADD  $16, R0, R2
	ADD  $32, R0, R3
	VLD1 (R0), [V25.B16]
	VLD1 (R2), [V22.B16]
	VLD1 (R3), [V13.B16]
	CASE(0, next0, SDOT(13, 0, 22, 25))
	CASE(1, next1, SDOT(13, 1, 22, 25))
	CASE(2, next2, SDOT(13, 2, 22, 25))
	CASE(3, next3, SDOT(13, 3, 22, 25))
	CASE(4, next4, USDOT(13, 0, 22, 25))
	CASE(5, next5, USDOT(13, 1, 22, 25))
	CASE(6, next6, USDOT(13, 2, 22, 25))
	CASE(7, next7, USDOT(13, 3, 22, 25))
	CASE(8, next8, SMULL(13, 22, 25))
	CASE(9, next9, SMULL2(13, 22, 25))
	CASE(10, next10, SADDLP(22, 25))
	CASE(11, next11, SADALP(22, 25))
	CASE(12, next12, SXTLB(22, 25))
	CASE(13, next13, SXTLB2(22, 25))
	CASE(14, next14, SXTLH(22, 25))
	CASE(15, next15, SXTLH2(22, 25))
	CASE(16, next16, MLA(13, 22, 25))
	CASE(17, next17, ABS(22, 25))
	CASE(18, next18, UMAXV(22, 25))
	CASE(19, next19, FMUL(13, 22, 25))
	CASE(20, next20, FMULLANE(13, 0, 22, 25))
	CASE(21, next21, FMULLANE(13, 1, 22, 25))
	CASE(22, next22, FMULLANE(13, 2, 22, 25))
	CASE(23, next23, FMULLANE(13, 3, 22, 25))
	CASE(24, next24, FADD(13, 22, 25))
	CASE(25, next25, FSUB(13, 22, 25))
	CASE(26, next26, FADDP(13, 22, 25))
	CASE(27, next27, FCMGT(13, 22, 25))
	CASE(28, next28, SCVTF(22, 25))
	CASE(29, next29, FCVTNS(22, 25))
	CASE(30, next30, MULH(13, 22, 25))
	CASE(31, next31, FMIN(13, 22, 25))
	CASE(32, next32, SMIN(13, 22, 25))
	CASE(33, next33, SSHL(13, 22, 25))
	CASE(34, next34, FMAX(13, 22, 25))
	CASE(35, next35, FABS(22, 25))
	CASE(36, next36, FDIV(13, 22, 25))
	VST1 [V25.B16], (R0)
	RET
