// MULTIPLY multiplies consecutive panels with one vector in AVX-512: Z9 and Z10 are sums, Z11 is y.

#define CODES(j, v) \
	VMOVDQU32  (64*j)(SI), v    \
	PREFETCHT0 (64*j+AHEAD)(SI)

#define EVEN(i, LOW, low, UP, up) \
	WEIGHTS(LOW, low, UP, up, Z7, Z8) \
	VPDPBUSD.BCST (4*(i))(BX), Z7, Z9

#define ODD(i, LOW, low, UP, up) \
	WEIGHTS(LOW, low, UP, up, Z7, Z8)  \
	VPDPBUSD.BCST (4*(i))(BX), Z7, Z10

#define MULTIPLY(bits, HISTORY, UNIT) \
	MOVQ            a+0(FP), DI                \
	MOVQ            vecArgs_lookup(DI), AX     \
	CENTROIDS(AX)                              \
	MOVQ            vecArgs_codes(DI), SI      \
	MOVQ            vecArgs_dst(DI), R8        \
	MOVQ            vecArgs_scale(DI), R9      \
	MOVQ            vecArgs_panels(DI), R10    \
	panel:                                     \
	MOVQ            vecArgs_q(DI), BX          \
	MOVQ            vecArgs_scales(DI), R11    \
	MOVQ            vecArgs_init(DI), R12      \
	MOVQ            vecArgs_quads(DI), R13     \
	FIRST(SI)                                  \
	VPXORD          Z11, Z11, Z11              \
	block:                                     \
	MOVQ            vecArgs_blockQuads(DI), CX \
	CMPQ            R13, CX                    \
	CMOVQLT         R13, CX                    \
	SUBQ            CX, R13                    \
	IMUL3Q          $(8*bits), CX, AX          \
	ADDQ            SI, AX                     \
	ENDS(AX)                                   \
	HISTORY                                    \
	VPBROADCASTD    (R12), Z9                  \
	ADDQ            $4, R12                    \
	VPXORD          Z10, Z10, Z10              \
	unit:                                      \
	UNIT                                       \
	ADDQ            $(64*bits), SI             \
	ADDQ            $32, BX                    \
	SUBQ            $8, CX                     \
	JNE             unit                       \
	BEFORE(SI)                                 \
	VPADDD          Z10, Z9, Z9                \
	VCVTDQ2PS       Z9, Z9                     \
	VMULPS.BCST     (R11), Z9, Z9              \
	ADDQ            $4, R11                    \
	VADDPS          Z9, Z11, Z11               \
	TESTQ           R13, R13                   \
	JNE             block                      \
	VMULPS          (R9), Z11, Z11             \
	VMOVUPS         Z11, (R8)                  \
	ADDQ            $64, R9                    \
	ADDQ            $64, R8                    \
	DECQ            R10                        \
	JNE             panel                      \
	VZEROUPPER                                 \
	RET
