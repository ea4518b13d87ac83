//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "window_bits_amd64.h"
#include "mulwindow_cut_amd64.h"
#include "mulwindow_half_amd64.h"

#define STEP(i, LOW, low, UP, up) \
	LOW(low, Y15, Y7)        \
	UP(up, Y14, Y8)          \
	VPADDB  Y8, Y7, Y7       \
	VMOVDQU Y7, (64*(i))(R8)

#define BELOW4 Y10
#define EVEN STEP
#define ODD STEP

// DECODE turns the eight upper rows of a block into weights, then the others.
#define DECODE(bits, HISTORY, UNIT) \
	MOVQ           dst+0(FP), R9        \
	MOVQ           codes+8(FP), R10     \
	MOVQ           before+16(FP), DX    \
	ADDQ           $128, DX             \
	MOVQ           lookup+24(FP), AX    \
	MOVQ           quads+40(FP), R13    \
	VBROADCASTI128 (AX), Y15            \
	VBROADCASTI128 16(AX), Y14          \
	VMOVDQU        below4<>(SB), BELOW4 \
	IMUL3Q         $(8*bits), R13, R11  \
	ADDQ           R10, R11             \
	MOVL           $2, R12              \
	half:                               \
	BEFORE(DX)                          \
	ENDS(R11)                           \
	HISTORY                             \
	MOVQ           R9, R8               \
	MOVQ           R10, SI              \
	MOVQ           R13, CX              \
	unit:                               \
	UNIT                                \
	ADDQ           $(64*bits), SI       \
	ADDQ           $512, R8             \
	SUBQ           $8, CX               \
	JNE            unit                 \
	ADDQ           $32, R9              \
	ADDQ           $32, R10             \
	ADDQ           $32, R11             \
	ADDQ           $32, DX              \
	DECQ           R12                  \
	JNE            half                 \
	VZEROUPPER                          \
	RET

// func mulWindowDecodeAVX2(dst, codes, before, lookup *byte, bits, quads int)
TEXT ·mulWindowDecodeAVX2(SB), NOSPLIT, $0-48
	BYBITS(bits+32(FP))

TEXT bits2<>(SB), NOSPLIT, $0-48
	DECODE(2, HISTORY2, UNIT2)

TEXT bits3<>(SB), NOSPLIT, $0-48
	DECODE(3, HISTORY3, UNIT3)

TEXT bits4<>(SB), NOSPLIT, $0-48
	DECODE(4, HISTORY4, UNIT4)

TEXT bits5<>(SB), NOSPLIT, $0-48
	DECODE(5, HISTORY5, UNIT5)
