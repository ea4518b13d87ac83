// MULTIPLY multiplies consecutive panels with one vector, first the upper eight rows of a panel, then
// the others, so that what a step goes on from stays in registers. The frame holds y. A file that
// includes this says, beside what mulwindow_amd64.h asks for:
//
//	START    sets sums to what the block starts from, Y0
//	SUM      adds up sums in Y0
//
// R10 counts halves, R14 is the panel.

#define MULTIPLY(bits, HISTORY, UNIT) \
	MOVQ         vecArgs_codes(DI), SI      \
	MOVQ         vecArgs_dst(DI), R8        \
	MOVQ         vecArgs_scale(DI), R9      \
	MOVQ         vecArgs_panels(DI), R10    \
	ADDQ         R10, R10                   \
	panel:                                  \
	MOVQ         SI, R14                    \
	half:                                   \
	MOVQ         vecArgs_q(DI), BX          \
	MOVQ         vecArgs_scales(DI), R11    \
	MOVQ         vecArgs_init(DI), R12      \
	MOVQ         vecArgs_quads(DI), R13     \
	FIRST(SI)                               \
	VPXOR        Y0, Y0, Y0                 \
	VMOVUPS      Y0, y-32(SP)               \
	block:                                  \
	MOVQ         vecArgs_blockQuads(DI), CX \
	CMPQ         R13, CX                    \
	CMOVQLT      R13, CX                    \
	SUBQ         CX, R13                    \
	IMUL3Q       $(8*bits), CX, AX          \
	ADDQ         SI, AX                     \
	ENDS(AX)                                \
	HISTORY                                 \
	VPBROADCASTD (R12), Y0                  \
	ADDQ         $4, R12                    \
	START                                   \
	unit:                                   \
	UNIT                                    \
	ADDQ         $(64*bits), SI             \
	ADDQ         $32, BX                    \
	SUBQ         $8, CX                     \
	JNE          unit                       \
	SUM                                     \
	BEFORE(SI)                              \
	VCVTDQ2PS    Y0, Y0                     \
	VBROADCASTSS (R11), Y1                  \
	ADDQ         $4, R11                    \
	VMULPS       Y1, Y0, Y0                 \
	VADDPS       y-32(SP), Y0, Y0           \
	VMOVUPS      Y0, y-32(SP)               \
	TESTQ        R13, R13                   \
	JNE          block                      \
	VMULPS       (R9), Y0, Y0               \
	VMOVUPS      Y0, (R8)                   \
	ADDQ         $32, R9                    \
	ADDQ         $32, R8                    \
	DECQ         R10                        \
	JEQ          done                       \
	TESTQ        $1, R10                    \
	JEQ          other                      \
	LEAQ         32(R14), SI                \
	JMP          half                       \
	other:         \
	SUBQ   $32, SI \
	JMP    panel   \
	done:      \
	VZEROUPPER \
	RET
