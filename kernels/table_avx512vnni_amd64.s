//go:build !purego

#include "go_asm.h"
#include "textflag.h"

#define ROUND(off, z, y, to) \
	VCVTDQ2PS (off)(SI), z \
	VMULPS    Z31, z, z    \
	VCVTPS2DQ z, z         \
	VPMOVDW   z, y         \
	VMOVDQU   y, (to)(DI)

// func tablePackAVX512VNNI(data *int16, work *int32, segments int, f float32)
TEXT ·tablePackAVX512VNNI(SB), NOSPLIT, $0-28
	MOVQ         data+0(FP), DI
	MOVQ         work+8(FP), SI
	MOVQ         segments+16(FP), CX
	VBROADCASTSS f+24(FP), Z31
	SHLQ         $2, CX              // 64 entries at a time

loop:
	ROUND(0, Z0, Y0, 0)
	ROUND(64, Z1, Y1, 32)
	ROUND(128, Z2, Y2, 64)
	ROUND(192, Z3, Y3, 96)
	ADDQ $256, SI
	ADDQ $128, DI
	DECQ CX
	JNE  loop
	VZEROUPPER
	RET

// SPREAD adds the entries of 32 rows. VPERMI2W looks up 64 entries, by the low six bits of a code;
// the other two bits choose among four such lookups.
#define SPREAD(codes, sum) \
	VPMOVZXBW codes, Z8       \
	VPTESTMW  Z31, Z8, K1     \
	VPTESTMW  Z30, Z8, K2     \
	VMOVDQA64 Z8, Z9          \
	VMOVDQA64 Z8, Z10         \
	VMOVDQA64 Z8, Z11         \
	VPERMI2W  Z1, Z0, Z8      \
	VPERMI2W  Z3, Z2, Z9      \
	VPERMI2W  Z5, Z4, Z10     \
	VPERMI2W  Z7, Z6, Z11     \
	VMOVDQU16 Z9, K1, Z8      \
	VMOVDQU16 Z11, K1, Z10    \
	VMOVDQU16 Z10, K2, Z8     \
	VPADDW    Z8, sum, sum

// FINISH16 adds 16 rows of one block to y. K3 is empty in the first block. Z28 is the block's
// scale.
#define FINISH16(sums, off) \
	VPMOVSXWD sums, Z10                \
	VCVTDQ2PS Z10, Z10                 \
	VMULPS    Z28, Z10, Z10            \
	VMOVUPS.Z (off)(DX), K3, Z11       \
	VADDPS    Z10, Z11, Z11            \
	VMOVUPS   Z11, (off)(DX)

#define FINISH(sum, off) \
	VMOVDQA64     sum, Z8      \
	FINISH16(Y8, off)          \
	VEXTRACTI64X4 $1, Z8, Y8   \
	FINISH16(Y8, off+64)

#define TABLE \
	VMOVDQU32 (SI), Z0      \
	VMOVDQU32 64(SI), Z1    \
	VMOVDQU32 128(SI), Z2   \
	VMOVDQU32 192(SI), Z3   \
	VMOVDQU32 256(SI), Z4   \
	VMOVDQU32 320(SI), Z5   \
	VMOVDQU32 384(SI), Z6   \
	VMOVDQU32 448(SI), Z7   \
	ADDQ      $512, SI

#define ROWSCALE(off) \
	VMOVUPS (off)(DX), Z8       \
	VMULPS  (off)(R9), Z8, Z8   \
	VMOVUPS Z8, (off)(DX)

// func tableSpreadAVX512VNNI(a *spreadArgs)
// Two panels at a time share the loads of a table; a last one is alone. dst holds y. R9, the scales
// of the rows, is 0 where all are 1.
TEXT ·tableSpreadAVX512VNNI(SB), NOSPLIT, $0-8
	MOVQ         a+0(FP), DI
	MOVQ         $0x0040004000400040, AX
	VPBROADCASTQ AX, Z31
	VPADDW       Z31, Z31, Z30
	MOVQ         spreadArgs_codes(DI), R14
	MOVQ         spreadArgs_dst(DI), DX
	MOVQ         spreadArgs_scale(DI), R9
	MOVQ         spreadArgs_panels(DI), R10
	MOVQ         R10, R12
	SHLQ         $6, R12                    // from one segment to the next in codes
	SUBQ         $2, R10
	JLT          one

twos:
	MOVQ  R14, BX
	MOVQ  spreadArgs_data(DI), SI
	MOVQ  spreadArgs_tscales(DI), R11
	MOVQ  spreadArgs_segments(DI), R13
	KXORQ K3, K3, K3

block2:
	MOVQ    spreadArgs_blockSegments(DI), CX
	CMPQ    R13, CX
	CMOVQLT R13, CX
	SUBQ    CX, R13
	VPXORD  Z12, Z12, Z12
	VPXORD  Z13, Z13, Z13
	VPXORD  Z14, Z14, Z14
	VPXORD  Z15, Z15, Z15

segment2:
	TABLE
	SPREAD((BX), Z12)
	SPREAD(32(BX), Z13)
	SPREAD(64(BX), Z14)
	SPREAD(96(BX), Z15)
	ADDQ R12, BX
	DECQ CX
	JNE  segment2

	VBROADCASTSS (R11), Z28
	ADDQ         $4, R11
	FINISH(Z12, 0)
	FINISH(Z13, 128)
	FINISH(Z14, 256)
	FINISH(Z15, 384)
	KXNORQ       K3, K3, K3
	TESTQ        R13, R13
	JNE          block2

	TESTQ R9, R9
	JEQ   next2
	ROWSCALE(0)
	ROWSCALE(64)
	ROWSCALE(128)
	ROWSCALE(192)
	ROWSCALE(256)
	ROWSCALE(320)
	ROWSCALE(384)
	ROWSCALE(448)
	ADDQ  $512, R9

next2:
	ADDQ $512, DX
	ADDQ $128, R14
	SUBQ $2, R10
	JGE  twos

one:
	ADDQ $2, R10
	JEQ  done
	MOVQ  R14, BX
	MOVQ  spreadArgs_data(DI), SI
	MOVQ  spreadArgs_tscales(DI), R11
	MOVQ  spreadArgs_segments(DI), R13
	KXORQ K3, K3, K3

block1:
	MOVQ    spreadArgs_blockSegments(DI), CX
	CMPQ    R13, CX
	CMOVQLT R13, CX
	SUBQ    CX, R13
	VPXORD  Z12, Z12, Z12
	VPXORD  Z13, Z13, Z13

segment1:
	TABLE
	SPREAD((BX), Z12)
	SPREAD(32(BX), Z13)
	ADDQ R12, BX
	DECQ CX
	JNE  segment1

	VBROADCASTSS (R11), Z28
	ADDQ         $4, R11
	FINISH(Z12, 0)
	FINISH(Z13, 128)
	KXNORQ       K3, K3, K3
	TESTQ        R13, R13
	JNE          block1

	TESTQ R9, R9
	JEQ   done
	ROWSCALE(0)
	ROWSCALE(64)
	ROWSCALE(128)
	ROWSCALE(192)

done:
	VZEROUPPER
	RET
