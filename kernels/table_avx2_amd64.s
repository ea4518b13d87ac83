//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// HALF multiplies eight centroids with one quad of input. The columns of a centroid are in four
// neighbouring bytes: the even ones are the low bytes of its two words, the odd ones the high bytes,
// so that a mask and a shift widen them to 16 bits without a shuffle, and VPMADDWD leaves one sum.
// Y12 is the even columns of the input, Y13 the odd ones. 2*255*128 fits, where VPMADDUBSW would
// saturate.
#define HALF(off, even, odd) \
	VMOVDQU   (off)(SI), Y8  \
	VPAND     Y8, Y14, Y9    \
	VPSRLW    $8, Y8, Y8     \
	VPMADDWD  Y12, Y9, Y9    \
	VPMADDWD  Y13, Y8, Y8    \
	VPADDD    Y9, even, even \
	VPADDD    Y8, odd, odd

// func tableDotsAVX2(work *int32, centroids *byte, quads int, q *int8, init *int32, segments int)
//	int32
TEXT ·tableDotsAVX2(SB), NOSPLIT, $0-52
	MOVQ     work+0(FP), DI
	MOVQ     q+24(FP), BX
	MOVQ     init+32(FP), DX
	MOVQ     segments+40(FP), CX
	XORL     R12, R12            // the total
	VPCMPEQW Y14, Y14, Y14
	VPSRLW   $8, Y14, Y14

segment:
	MOVQ  centroids+8(FP), SI
	MOVQ  $16, R8
	VPXOR Y6, Y6, Y6                // the largest magnitude

panel:
	MOVQ         quads+16(FP), AX
	MOVQ         BX, R9
	VPBROADCASTD (DX), Y0
	VMOVDQA      Y0, Y2
	VPXOR        Y1, Y1, Y1
	VPXOR        Y3, Y3, Y3

quad:
	VPBROADCASTD (R9), Y12
	VPSRAW       $8, Y12, Y13
	VPSLLW       $8, Y12, Y12
	VPSRAW       $8, Y12, Y12
	HALF(0, Y0, Y1)
	HALF(32, Y2, Y3)
	ADDQ         $4, R9
	ADDQ         $64, SI
	DECQ         AX
	JNE          quad

	VPADDD  Y1, Y0, Y0
	VPADDD  Y3, Y2, Y2
	VMOVDQU Y0, (DI)
	VMOVDQU Y2, 32(DI)
	VPABSD  Y0, Y0
	VPABSD  Y2, Y2
	VPMAXSD Y0, Y6, Y6
	VPMAXSD Y2, Y6, Y6
	ADDQ    $64, DI
	DECQ    R8
	JNE     panel

	MOVQ         R9, BX
	ADDQ         $4, DX
	VEXTRACTI128 $1, Y6, X7
	VPMAXSD      X7, X6, X6
	VPSHUFD      $0x4e, X6, X7
	VPMAXSD      X7, X6, X6
	VPSHUFD      $0xb1, X6, X7
	VPMAXSD      X7, X6, X6
	VMOVD        X6, AX
	ADDL         AX, R12
	DECQ         CX
	JNE          segment
	MOVL         R12, ret+48(FP)
	VZEROUPPER
	RET

#define ROUND(off, y) \
	VCVTDQ2PS (off)(SI), y \
	VMULPS    Y15, y, y    \
	VCVTPS2DQ y, y

// func tablePackAVX2(data *int16, work *int32, segments int, f float32)
TEXT ·tablePackAVX2(SB), NOSPLIT, $0-28
	MOVQ         data+0(FP), DI
	MOVQ         work+8(FP), SI
	MOVQ         segments+16(FP), CX
	VBROADCASTSS f+24(FP), Y15
	SHLQ         $3, CX              // 32 entries at a time

loop:
	ROUND(0, Y0)
	ROUND(32, Y1)
	ROUND(64, Y2)
	ROUND(96, Y3)
	VPACKSSDW Y1, Y0, Y0
	VPACKSSDW Y3, Y2, Y2
	VPERMQ    $0xd8, Y0, Y0 // VPACKSSDW works within lanes
	VPERMQ    $0xd8, Y2, Y2
	VMOVDQU   Y0, (DI)
	VMOVDQU   Y2, 32(DI)
	ADDQ      $128, SI
	ADDQ      $64, DI
	DECQ      CX
	JNE       loop
	VZEROUPPER
	RET

// GATHER adds the entries of eight rows, in the low halves of 32 bits: what carries into the high
// ones, and the neighbour that is loaded into them, is shifted out at the end of a block.
#define GATHER(off, sum) \
	VPMOVZXBD  (off)(BX), Y8       \
	VPCMPEQD   Y9, Y9, Y9          \
	VPXOR      Y10, Y10, Y10       \
	VPGATHERDD Y9, (SI)(Y8*2), Y10 \
	VPADDD     Y10, sum, sum

#define FINISH(off, sum) \
	VPSLLD     $16, sum, sum        \
	VPSRAD     $16, sum, sum        \
	VCVTDQ2PS  sum, sum             \
	VMULPS     Y12, sum, sum        \
	VMASKMOVPS (off)(DX), Y15, Y8   \
	VADDPS     sum, Y8, Y8          \
	VMOVUPS    Y8, (off)(DX)

// func tableSpreadAVX2(a *spreadArgs, last *int16)
TEXT ·tableSpreadAVX2(SB), NOSPLIT, $0-16
	MOVQ a+0(FP), DI
	MOVQ spreadArgs_codes(DI), R14
	MOVQ spreadArgs_dst(DI), DX
	MOVQ spreadArgs_scale(DI), R9
	MOVQ spreadArgs_panels(DI), R10
	MOVQ R10, R12
	SHLQ $6, R12                     // from one segment to the next in codes

panel:
	MOVQ  R14, BX
	MOVQ  spreadArgs_data(DI), SI
	MOVQ  spreadArgs_tscales(DI), R11
	MOVQ  spreadArgs_segments(DI), R13
	VPXOR Y15, Y15, Y15                // empty in the first block, so that y starts at 0

block:
	MOVQ    spreadArgs_blockSegments(DI), CX
	CMPQ    R13, CX
	CMOVQLT R13, CX
	SUBQ    CX, R13
	VPXOR   Y0, Y0, Y0
	VPXOR   Y1, Y1, Y1
	VPXOR   Y2, Y2, Y2
	VPXOR   Y3, Y3, Y3
	VPXOR   Y4, Y4, Y4
	VPXOR   Y5, Y5, Y5
	VPXOR   Y6, Y6, Y6
	VPXOR   Y7, Y7, Y7

segment:
	LEAQ    -1(R13)(CX*1), AX // the segments behind this one
	TESTQ   AX, AX
	CMOVQEQ last+8(FP), SI
	GATHER(0, Y0)
	GATHER(8, Y1)
	GATHER(16, Y2)
	GATHER(24, Y3)
	GATHER(32, Y4)
	GATHER(40, Y5)
	GATHER(48, Y6)
	GATHER(56, Y7)
	ADDQ    $512, SI
	ADDQ    R12, BX
	DECQ    CX
	JNE     segment

	VBROADCASTSS (R11), Y12
	ADDQ         $4, R11
	FINISH(0, Y0)
	FINISH(32, Y1)
	FINISH(64, Y2)
	FINISH(96, Y3)
	FINISH(128, Y4)
	FINISH(160, Y5)
	FINISH(192, Y6)
	FINISH(224, Y7)
	VPCMPEQD     Y15, Y15, Y15
	TESTQ        R13, R13
	JNE          block

	MOVQ  $8, CX
	TESTQ R9, R9
	JEQ   next

scale:
	VMOVUPS (DX), Y8
	VMULPS  (R9), Y8, Y8
	VMOVUPS Y8, (DX)
	ADDQ    $32, R9
	ADDQ    $32, DX
	DECQ    CX
	JNE     scale
	JMP     scaled

next:
	ADDQ $256, DX

scaled:
	ADDQ    $64, R14
	DECQ    R10
	JNE     panel
	VZEROUPPER
	RET
