//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// HALF multiplies eight rows with one quad of input. The columns of a row are in four neighbouring
// bytes: the even ones are the low bytes of its two words, the odd ones the high bytes, so that a
// mask and a shift widen them to 16 bits without a shuffle, and VPMADDWD leaves one sum a row. Y12
// is the even columns of the input, Y13 the odd ones. 2*255*128 fits, where VPMADDUBSW would
// saturate.
#define HALF(off, even, odd) \
	VMOVDQU   (off)(SI), Y8  \
	VPAND     Y8, Y14, Y9    \
	VPSRLW    $8, Y8, Y8     \
	VPMADDWD  Y12, Y9, Y9    \
	VPMADDWD  Y13, Y8, Y8    \
	VPADDD    Y9, even, even \
	VPADDD    Y8, odd, odd

#define FINISH(t, off, scale) \
	VCVTDQ2PS    t, t                  \
	VMULPS       Y12, t, t             \
	VMASKMOVPS   (off)(R11), Y15, Y8   \
	VADDPS       t, Y8, Y8             \
	VMULPS       scale, Y8, Y8         \
	VMOVUPS      Y8, (off)(R11)

// func mulU8BlockAVX2(a *tileArgs)
// The frame holds the input of a block as words, even columns in its first half, odd ones in the
// second.
TEXT ·mulU8BlockAVX2(SB), 0, $576-8
	MOVQ a+0(FP), DI
	LEAQ input-544(SP), R12
	ADDQ $31, R12
	ANDQ $~31, R12

	MOVQ         $0x3f800000, AX
	VMOVD        AX, X6
	VPBROADCASTD X6, Y6
	VMOVDQA      Y6, Y7
	MOVQ         tileArgs_scale(DI), AX
	TESTQ        AX, AX
	JEQ          start
	VMOVUPS      (AX), Y6
	VMOVUPS      32(AX), Y7

start:
	MOVBLZX      tileArgs_first(DI), AX
	DECL         AX
	VMOVD        AX, X15
	VPBROADCASTD X15, Y15               // empty in the first block, so that y starts at 0
	VPCMPEQW     Y14, Y14, Y14
	VPSRLW       $8, Y14, Y14
	MOVQ         tileArgs_dst(DI), R11
	MOVQ         tileArgs_q(DI), R13
	MOVQ         tileArgs_init(DI), R10
	MOVQ         tileArgs_scales(DI), R15
	MOVQ         tileArgs_tiles(DI), R9

vector:
	MOVQ R13, BX
	MOVQ R12, DX
	MOVQ tileArgs_quads(DI), CX
	SUBQ $8, CX
	JLT  widenOnes

widen:
	VMOVDQU (BX), Y0
	VPSRAW  $8, Y0, Y1
	VPSLLW  $8, Y0, Y0
	VPSRAW  $8, Y0, Y0
	VMOVDQA Y0, (DX)
	VMOVDQA Y1, 256(DX)
	ADDQ    $32, BX
	ADDQ    $32, DX
	SUBQ    $8, CX
	JGE     widen

widenOnes:
	ADDQ $8, CX
	JEQ  widened

widenOne:
	VMOVD  (BX), X0
	VPSRAW $8, X0, X1
	VPSLLW $8, X0, X0
	VPSRAW $8, X0, X0
	VMOVD  X0, (DX)
	VMOVD  X1, 256(DX)
	ADDQ   $4, BX
	ADDQ   $4, DX
	DECQ   CX
	JNE    widenOne

widened:
	MOVQ  tileArgs_codes(DI), SI
	MOVQ  tileArgs_mult(DI), R8
	MOVQ  tileArgs_quads(DI), CX
	MOVQ  R12, DX
	MOVQ  R10, BX
	VPXOR Y4, Y4, Y4              // t
	VPXOR Y5, Y5, Y5

group:
	MOVQ         tileArgs_groupQuads(DI), AX
	CMPQ         CX, AX
	CMOVQLT      CX, AX
	SUBQ         AX, CX
	VPBROADCASTD (BX), Y0
	ADDQ         $4, BX
	VMOVDQA      Y0, Y2
	VPXOR        Y1, Y1, Y1
	VPXOR        Y3, Y3, Y3

quad:
	VPBROADCASTD (DX), Y12
	VPBROADCASTD 256(DX), Y13
	HALF(0, Y0, Y1)
	HALF(32, Y2, Y3)
	ADDQ         $4, DX
	ADDQ         $64, SI
	DECQ         AX
	JNE          quad

	VPADDD    Y1, Y0, Y0
	VPADDD    Y3, Y2, Y2
	TESTQ     R8, R8
	JEQ       add
	VPMOVSXBD (R8), Y8
	VPMOVSXBD 8(R8), Y9
	ADDQ      $16, R8
	VPMULLD   Y8, Y0, Y0
	VPMULLD   Y9, Y2, Y2

add:
	VPADDD Y0, Y4, Y4
	VPADDD Y2, Y5, Y5
	TESTQ  CX, CX
	JNE    group

	VBROADCASTSS (R15), Y12
	FINISH(Y4, 0, Y6)
	FINISH(Y5, 32, Y7)
	MOVQ         tileArgs_ld(DI), AX
	LEAQ         (R11)(AX*4), R11
	MOVQ         tileArgs_groups(DI), AX
	LEAQ         (R10)(AX*4), R10
	MOVQ         tileArgs_blocks(DI), AX
	LEAQ         (R15)(AX*4), R15
	ADDQ         tileArgs_stride(DI), R13
	DECQ         R9
	JNE          vector
	VZEROUPPER
	RET
