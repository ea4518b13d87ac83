//go:build !purego

#include "textflag.h"
#include "avxvnni_amd64.h"

// FORM takes each register by its number and by its name.
#define FORM(i, x, w, acc, X, W, ACC) \
	VMOVDQU (BX), X              \
	VMOVDQU (SI), W              \
	VMOVDQU (32*i)(DI), ACC      \
	VPDPBUSD_VEX(x, w, acc)      \
	VMOVDQU ACC, (32*i)(DI)

// func executeVPDPBUSD(acc *[8][8]int32, w *[32]uint8, x *[32]int8)
TEXT ·executeVPDPBUSD(SB), NOSPLIT, $0-24
	MOVQ acc+0(FP), DI
	MOVQ w+8(FP), SI
	MOVQ x+16(FP), BX
	FORM(0, 0, 1, 2, Y0, Y1, Y2)
	FORM(1, 7, 0, 1, Y7, Y0, Y1)
	FORM(2, 1, 7, 0, Y1, Y7, Y0)
	FORM(3, 2, 1, 7, Y2, Y1, Y7)
	FORM(4, 8, 3, 4, Y8, Y3, Y4)
	FORM(5, 5, 8, 6, Y5, Y8, Y6)
	FORM(6, 4, 5, 8, Y4, Y5, Y8)
	FORM(7, 15, 14, 13, Y15, Y14, Y13)
	VZEROUPPER
	RET
