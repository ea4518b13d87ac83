//go:build !purego

#include "textflag.h"

// From 64 - 4*n bytes on, the masks of n lanes of two registers.
DATA denseProductMasks<>+0(SB)/8, $-1
DATA denseProductMasks<>+8(SB)/8, $-1
DATA denseProductMasks<>+16(SB)/8, $-1
DATA denseProductMasks<>+24(SB)/8, $-1
DATA denseProductMasks<>+32(SB)/8, $-1
DATA denseProductMasks<>+40(SB)/8, $-1
DATA denseProductMasks<>+48(SB)/8, $-1
DATA denseProductMasks<>+56(SB)/8, $-1
GLOBL denseProductMasks<>(SB), RODATA|NOPTR, $128

// As denseproduct_avx512_amd64.s, with the columns of B in Y12 and Y13 and their masks at R11.

#define ARGS \
	MOVQ c+0(FP), DI                    \
	MOVQ ldc+8(FP), R8                  \
	MOVQ a+16(FP), SI                   \
	MOVQ lda+24(FP), R9                 \
	MOVQ b+32(FP), DX                   \
	MOVQ ldb+40(FP), R10                \
	MOVQ cols+56(FP), AX                \
	SHLQ $2, R8                         \
	SHLQ $2, R9                         \
	SHLQ $2, R10                        \
	SHLQ $2, AX                         \
	LEAQ denseProductMasks<>+64(SB), R11 \
	SUBQ AX, R11                        \
	MOVQ k+48(FP), CX                   \
	LEAQ (R9)(R9*2), AX                 \
	LEAQ (SI)(AX*1), BX

#define COLUMNS \
	VMOVUPS    (R11), Y14          \
	VMOVUPS    32(R11), Y15        \
	VMASKMOVPS (DX), Y14, Y12      \
	VMASKMOVPS 32(DX), Y15, Y13

#define ROW(x, sum, sum2) \
	VBROADCASTSS x, Y14          \
	VMULPS       Y12, Y14, Y15   \
	VMULPS       Y13, Y14, Y14   \
	VADDPS       Y15, sum, sum   \
	VADDPS       Y14, sum2, sum2

#define STORE(sum, sum2) \
	VMOVUPS sum, (DI)    \
	VMOVUPS sum2, 32(DI) \
	ADDQ    R8, DI

#define STOREPART(sum, sum2) \
	VMASKMOVPS sum, Y12, (DI)    \
	VMASKMOVPS sum2, Y13, 32(DI) \
	ADDQ       R8, DI

// func denseProduct6AVX2(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k, cols int)
TEXT ·denseProduct6AVX2(SB), NOSPLIT, $0-64
	ARGS
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11

step:
	COLUMNS
	ROW((SI), Y0, Y1)
	ROW((SI)(R9*1), Y2, Y3)
	ROW((SI)(R9*2), Y4, Y5)
	ROW((BX), Y6, Y7)
	ROW((BX)(R9*1), Y8, Y9)
	ROW((BX)(R9*2), Y10, Y11)
	ADDQ $4, SI
	ADDQ $4, BX
	ADDQ R10, DX
	DECQ CX
	JNZ  step
	CMPQ cols+56(FP), $16
	JLT  part
	STORE(Y0, Y1)
	STORE(Y2, Y3)
	STORE(Y4, Y5)
	STORE(Y6, Y7)
	STORE(Y8, Y9)
	STORE(Y10, Y11)
	VZEROUPPER
	RET

part:
	VMOVUPS (R11), Y12
	VMOVUPS 32(R11), Y13
	STOREPART(Y0, Y1)
	STOREPART(Y2, Y3)
	STOREPART(Y4, Y5)
	STOREPART(Y6, Y7)
	STOREPART(Y8, Y9)
	STOREPART(Y10, Y11)
	VZEROUPPER
	RET

// func denseProduct2AVX2(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k, cols int)
TEXT ·denseProduct2AVX2(SB), NOSPLIT, $0-64
	ARGS
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3

step:
	COLUMNS
	ROW((SI), Y0, Y1)
	ROW((SI)(R9*1), Y2, Y3)
	ADDQ $4, SI
	ADDQ $4, BX
	ADDQ R10, DX
	DECQ CX
	JNZ  step
	CMPQ cols+56(FP), $16
	JLT  part
	STORE(Y0, Y1)
	STORE(Y2, Y3)
	VZEROUPPER
	RET

part:
	VMOVUPS (R11), Y12
	VMOVUPS 32(R11), Y13
	STOREPART(Y0, Y1)
	STOREPART(Y2, Y3)
	VZEROUPPER
	RET

// func denseProduct1AVX2(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k, cols int)
TEXT ·denseProduct1AVX2(SB), NOSPLIT, $0-64
	ARGS
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1

step:
	COLUMNS
	ROW((SI), Y0, Y1)
	ADDQ $4, SI
	ADDQ $4, BX
	ADDQ R10, DX
	DECQ CX
	JNZ  step
	CMPQ cols+56(FP), $16
	JLT  part
	STORE(Y0, Y1)
	VZEROUPPER
	RET

part:
	VMOVUPS (R11), Y12
	VMOVUPS 32(R11), Y13
	STOREPART(Y0, Y1)
	VZEROUPPER
	RET
