// DECODE turns a block into the layout of mul-u8 in AVX-512.

#define CODES(j, v) VMOVDQU32 (64*j)(SI), v

#define STEP(i, LOW, low, UP, up) \
	WEIGHTS(LOW, low, UP, up, Z7, Z8) \
	VMOVDQU32 Z7, (64*(i))(R8)

#define EVEN STEP
#define ODD STEP

#define DECODE(bits, HISTORY, UNIT) \
	MOVQ            dst+0(FP), R8     \
	MOVQ            codes+8(FP), SI   \
	MOVQ            before+16(FP), DX \
	MOVQ            lookup+24(FP), AX \
	MOVQ            quads+40(FP), CX  \
	CENTROIDS(AX)                     \
	IMUL3Q          $(8*bits), CX, AX \
	ADDQ            SI, AX            \
	ADDQ            $128, DX          \
	BEFORE(DX)                        \
	ENDS(AX)                          \
	HISTORY                           \
	unit:                             \
	UNIT                              \
	ADDQ            $(64*bits), SI    \
	ADDQ            $512, R8          \
	SUBQ            $8, CX            \
	JNE             unit              \
	VZEROUPPER                        \
	RET
