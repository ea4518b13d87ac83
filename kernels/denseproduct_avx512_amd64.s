//go:build !purego

#include "textflag.h"

// Rows of A meet two registers of columns of B, Z24 and Z25, under the masks K1 and K2. The sums are
// two registers a row, of which only the first is used where K2 is empty. Zen 4 multiplies in two of
// its units and adds in the other two, so that it loses nothing by not fusing the two.
//
// DI c, R8 bytes from one row of c to the next, R9 those of a, R10 those of b; SI, BX, R12 and R13
// walk along every third row of a, DX down b, CX counts.

#define ARGS \
	MOVQ  c+0(FP), DI            \
	MOVQ  ldc+8(FP), R8          \
	MOVQ  a+16(FP), SI           \
	MOVQ  lda+24(FP), R9         \
	MOVQ  b+32(FP), DX           \
	MOVQ  ldb+40(FP), R10        \
	MOVQ  cols+56(FP), CX        \
	SHLQ  $2, R8                 \
	SHLQ  $2, R9                 \
	SHLQ  $2, R10                \
	MOVL  $1, AX                 \
	SHLQ  CX, AX                 \
	DECQ  AX                     \
	KMOVW AX, K1                 \
	SHRQ  $16, AX                \
	KMOVW AX, K2                 \
	MOVQ  k+48(FP), CX           \
	LEAQ  (R9)(R9*2), AX         \
	LEAQ  (SI)(AX*1), BX         \
	LEAQ  (BX)(AX*1), R12        \
	LEAQ  (R12)(AX*1), R13

#define ZERO4(a, b, c, d) \
	VPXORD a, a, a \
	VPXORD b, b, b \
	VPXORD c, c, c \
	VPXORD d, d, d

// To broadcast in both multiplications costs nothing; VBROADCASTSS would take half as long again.
#define WIDE(x, sum, sum2) \
	VMULPS.BCST x, Z24, Z26     \
	VMULPS.BCST x, Z25, Z27     \
	VADDPS      Z26, sum, sum   \
	VADDPS      Z27, sum2, sum2

#define NARROW(x, sum) \
	VMULPS.BCST x, Z24, Z26   \
	VADDPS      Z26, sum, sum

#define NEXT \
	ADDQ $4, SI  \
	ADDQ $4, BX  \
	ADDQ $4, R12 \
	ADDQ $4, R13 \
	ADDQ R10, DX \
	DECQ CX

#define STOREWIDE(sum, sum2) \
	VMOVUPS sum, K1, (DI)    \
	VMOVUPS sum2, K2, 64(DI) \
	ADDQ    R8, DI

#define STORENARROW(sum) \
	VMOVUPS sum, K1, (DI) \
	ADDQ    R8, DI

// func denseProduct12AVX512(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k, cols int)
TEXT ·denseProduct12AVX512(SB), NOSPLIT, $0-64
	ARGS
	ZERO4(Z0, Z1, Z2, Z3)
	ZERO4(Z4, Z5, Z6, Z7)
	ZERO4(Z8, Z9, Z10, Z11)
	ZERO4(Z12, Z13, Z14, Z15)
	ZERO4(Z16, Z17, Z18, Z19)
	ZERO4(Z20, Z21, Z22, Z23)
	KTESTW K2, K2
	JZ     narrow

wide:
	VMOVUPS.Z (DX), K1, Z24
	VMOVUPS.Z 64(DX), K2, Z25
	WIDE((SI), Z0, Z1)
	WIDE((SI)(R9*1), Z2, Z3)
	WIDE((SI)(R9*2), Z4, Z5)
	WIDE((BX), Z6, Z7)
	WIDE((BX)(R9*1), Z8, Z9)
	WIDE((BX)(R9*2), Z10, Z11)
	WIDE((R12), Z12, Z13)
	WIDE((R12)(R9*1), Z14, Z15)
	WIDE((R12)(R9*2), Z16, Z17)
	WIDE((R13), Z18, Z19)
	WIDE((R13)(R9*1), Z20, Z21)
	WIDE((R13)(R9*2), Z22, Z23)
	NEXT
	JNZ wide
	STOREWIDE(Z0, Z1)
	STOREWIDE(Z2, Z3)
	STOREWIDE(Z4, Z5)
	STOREWIDE(Z6, Z7)
	STOREWIDE(Z8, Z9)
	STOREWIDE(Z10, Z11)
	STOREWIDE(Z12, Z13)
	STOREWIDE(Z14, Z15)
	STOREWIDE(Z16, Z17)
	STOREWIDE(Z18, Z19)
	STOREWIDE(Z20, Z21)
	STOREWIDE(Z22, Z23)
	VZEROUPPER
	RET

narrow:
	VMOVUPS.Z (DX), K1, Z24
	NARROW((SI), Z0)
	NARROW((SI)(R9*1), Z2)
	NARROW((SI)(R9*2), Z4)
	NARROW((BX), Z6)
	NARROW((BX)(R9*1), Z8)
	NARROW((BX)(R9*2), Z10)
	NARROW((R12), Z12)
	NARROW((R12)(R9*1), Z14)
	NARROW((R12)(R9*2), Z16)
	NARROW((R13), Z18)
	NARROW((R13)(R9*1), Z20)
	NARROW((R13)(R9*2), Z22)
	NEXT
	JNZ narrow
	STORENARROW(Z0)
	STORENARROW(Z2)
	STORENARROW(Z4)
	STORENARROW(Z6)
	STORENARROW(Z8)
	STORENARROW(Z10)
	STORENARROW(Z12)
	STORENARROW(Z14)
	STORENARROW(Z16)
	STORENARROW(Z18)
	STORENARROW(Z20)
	STORENARROW(Z22)
	VZEROUPPER
	RET

// func denseProduct4AVX512(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k, cols int)
TEXT ·denseProduct4AVX512(SB), NOSPLIT, $0-64
	ARGS
	ZERO4(Z0, Z1, Z2, Z3)
	ZERO4(Z4, Z5, Z6, Z7)
	KTESTW K2, K2
	JZ     narrow

wide:
	VMOVUPS.Z (DX), K1, Z24
	VMOVUPS.Z 64(DX), K2, Z25
	WIDE((SI), Z0, Z1)
	WIDE((SI)(R9*1), Z2, Z3)
	WIDE((SI)(R9*2), Z4, Z5)
	WIDE((BX), Z6, Z7)
	NEXT
	JNZ wide
	STOREWIDE(Z0, Z1)
	STOREWIDE(Z2, Z3)
	STOREWIDE(Z4, Z5)
	STOREWIDE(Z6, Z7)
	VZEROUPPER
	RET

narrow:
	VMOVUPS.Z (DX), K1, Z24
	NARROW((SI), Z0)
	NARROW((SI)(R9*1), Z2)
	NARROW((SI)(R9*2), Z4)
	NARROW((BX), Z6)
	NEXT
	JNZ narrow
	STORENARROW(Z0)
	STORENARROW(Z2)
	STORENARROW(Z4)
	STORENARROW(Z6)
	VZEROUPPER
	RET

// func denseProduct1AVX512(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k, cols int)
TEXT ·denseProduct1AVX512(SB), NOSPLIT, $0-64
	ARGS
	VPXORD Z0, Z0, Z0
	VPXORD Z1, Z1, Z1
	KTESTW K2, K2
	JZ     narrow

wide:
	VMOVUPS.Z (DX), K1, Z24
	VMOVUPS.Z 64(DX), K2, Z25
	WIDE((SI), Z0, Z1)
	NEXT
	JNZ wide
	STOREWIDE(Z0, Z1)
	VZEROUPPER
	RET

narrow:
	VMOVUPS.Z (DX), K1, Z24
	NARROW((SI), Z0)
	NEXT
	JNZ narrow
	STORENARROW(Z0)
	VZEROUPPER
	RET
