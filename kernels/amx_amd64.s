//go:build !purego

#include "textflag.h"
#include "amx_amd64.h"

TILECONFIG(tiles<>)

// func enabledState() uint64
TEXT ·enabledState(SB), NOSPLIT, $0-8
	XORL CX, CX
	XGETBV
	SHLQ $32, DX
	ORQ  DX, AX
	MOVQ AX, ret+0(FP)
	RET

// FORM multiplies in other tiles, with other registers for the addresses, each time. The registers
// are given by number and by name. CX is b, DX is a, AX is at c.
#define FORM(base, BASE, index, INDEX, tileB, tileA, tileC) \
	MOVQ $64, INDEX                  \
	MOVQ CX, BASE                    \
	TILELOADD(base, index, tileB)    \
	MOVQ DX, BASE                    \
	TILELOADD(base, index, tileA)    \
	MOVQ AX, BASE                    \
	TILELOADD(base, index, tileC)    \
	TDPBSUD(tileB, tileA, tileC)     \
	TILESTORED(tileC, base, index)   \
	ADDQ $1024, AX

// func executeTiles(c *[5][16][16]int32, a *[16][64]int8, b *[16][64]uint8)
TEXT ·executeTiles(SB), NOSPLIT, $0-24
	LEAQ tiles<>(SB), AX
	LDTILECFG_AX
	MOVQ c+0(FP), AX
	MOVQ a+8(FP), DX
	MOVQ b+16(FP), CX
	FORM(BX_, BX, R13_, R13, 6, 4, 0)
	FORM(SI_, SI, R14_, R14, 7, 0, 3)
	FORM(R8_, R8, R15_, R15, 1, 2, 7)
	FORM(DI_, DI, BX_, BX, 0, 7, 5)
	TILEZERO(5)
	MOVQ AX, R8
	MOVQ $64, R13
	TILESTORED(5, R8_, R13_)
	TILERELEASE
	RET
