//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// RUN leaves in all lanes of words what op makes of them, each two words or 32 bits; t is spoilt.
#define RUN(op, words, t) \
	VPERM2I128 $1, words, words, t \
	op         t, words, words     \
	VPSHUFD    $0x4e, words, t     \
	op         t, words, words     \
	VPSHUFD    $0xb1, words, t     \
	op         t, words, words

// func mulU8SplitAVX2(a *splitArgs)
TEXT ·mulU8SplitAVX2(SB), NOSPLIT, $64-8
	MOVQ         a+0(FP), R15
	MOVQ         splitArgs_q(R15), SI
	MOVQ         splitArgs_ends(R15), DX
	MOVLQSX      -4(DX), DI
	SHLQ         $4, DI
	ADDQ         splitArgs_apart(R15), DI
	MOVQ         splitArgs_words(R15), R9
	MOVQ         splitArgs_quads(R15), CX
	XORL         BX, BX                        // where a quad of weights is in its block
	MOVQ         splitArgs_main(R15), R8
	MOVQ         splitArgs_pairs(R15), R10
	MOVQ         splitArgs_squares(R15), R11
	SUBQ         SI, R8
	SUBQ         SI, R10
	SUBQ         SI, R11
	VPXOR        Y15, Y15, Y15
	VPCMPEQW     Y0, Y0, Y0
	VPABSB       Y0, Y14                       // bytes of 1
	VPSRLW       $15, Y0, Y13                  // words of 1
	VPSLLW       $7, Y13, Y12                  // words of 128
	VPSLLW       $7, Y14, Y11
	VPOR         Y12, Y11, Y11                 // bytes of -128

group:
	MOVQ    splitArgs_groupQuads(R15), AX
	CMPQ    CX, AX
	CMOVQLT CX, AX
	SUBQ    AX, CX
	VPXOR   Y9, Y9, Y9

quads:
	CMPQ    AX, $8
	JLT     one
	VMOVDQU (SI), Y0
	JMP     split

one:
	VMOVD (SI), X0

// A quad stands apart where weights could make more of two neighbours of one sign than fits a word.
// Y8 is empty there.
split:
	VPABSB     Y0, Y1
	VPMAXSB    Y15, Y0, Y2
	VPSUBB     Y2, Y1, Y3
	VPMADDUBSW Y14, Y2, Y4
	VPMADDUBSW Y14, Y3, Y5
	VPMAXSW    Y4, Y5, Y6
	VPCMPGTW   (SI)(R10*1), Y6, Y6
	VPCMPEQB   Y11, Y0, Y7
	VPOR       Y7, Y6, Y6
	VPCMPEQD   Y15, Y6, Y8
	VPSUBW     Y5, Y4, Y4           // the sums of two neighbours

shrunk:
	VPAND      Y8, Y1, Y2
	VPMADDUBSW Y2, Y2, Y3
	VMOVDQA    Y3, Y5
	RUN(VPADDUSW, Y5, Y6)
	VPSUBUSW   (SI)(R11*1), Y5, Y5
	VPTEST     Y5, Y5
	JNE        shrink

fit:
	VPAND      Y8, Y0, Y7
	VPAND      Y8, Y4, Y2
	VPMADDWD   Y12, Y2, Y3
	VPADDD     Y3, Y9, Y9
	RUN(VPADDW, Y2, Y3)
	VPSLLW     $7, Y2, Y2
	VPSUBW     Y2, Y15, Y2
	VMOVMSKPS  Y8, DX
	XORL       $0xff, DX
	JNE        list

store:
	VMOVD   X2, (R9)
	ADDQ    $4, R9
	CMPQ    AX, $8
	JLT     storeOne
	VMOVDQU Y7, (SI)(R8*1)
	ADDQ    $32, SI
	ADDQ    $512, BX
	SUBQ    $8, AX
	JNE     quads
	JMP     sum

storeOne:
	VMOVD X7, (SI)(R8*1)
	ADDQ  $4, SI
	ADDQ  $64, BX
	DECQ  AX
	JNE   quads

sum:
	RUN(VPADDD, Y9, Y0)
	VMOVD X9, DX
	MOVQ  splitArgs_init(R15), R12
	ADDL  (R12), DX
	ADDQ  $4, splitArgs_init(R15)
	MOVQ  splitArgs_starts(R15), R12
	MOVL  DX, (R12)
	ADDQ  $4, splitArgs_starts(R15)
	MOVQ  DI, DX
	SUBQ  splitArgs_apart(R15), DX
	SHRQ  $4, DX
	MOVQ  splitArgs_ends(R15), R12
	MOVL  DX, (R12)
	ADDQ  $4, splitArgs_ends(R15)
	MOVQ  splitArgs_blockQuads(R15), DX
	SHLQ  $6, DX
	CMPQ  BX, DX
	JLT   inside
	XORL  BX, BX

inside:
	TESTQ CX, CX
	JNE   group
	VZEROUPPER
	RET

// Of a run that may leave a word, the largest quad stands apart too.
// A quad of its own fits.
shrink:
	CMPQ     AX, $8
	JLT      fit
	VPMADDWD Y13, Y3, Y6
	VMOVDQA  Y6, Y7
	RUN(VPMAXSD, Y7, Y2)
	VPCMPEQD Y7, Y6, Y6
	VPCMPEQD Y15, Y5, Y5
	VPANDN   Y6, Y5, Y6
	VPANDN   Y8, Y6, Y8
	JMP      shrunk

list:
	VPCMPGTB   Y0, Y15, Y6
	VPXOR      Y11, Y6, Y6
	VPANDN     Y1, Y8, Y5
	VPMADDUBSW Y6, Y5, Y3
	VPMADDWD   Y13, Y3, Y3
	VPSUBD     Y3, Y9, Y9
	VMOVDQU    Y1, magnitudes-64(SP)
	VMOVDQU    Y6, signs-32(SP)

next:
	BSFL DX, R12
	MOVL R12, R13
	SHLL $6, R13
	ADDL BX, R13
	MOVL R13, (DI)
	MOVL magnitudes-64(SP)(R12*4), R13
	MOVL R13, 4(DI)
	MOVL signs-32(SP)(R12*4), R13
	MOVL R13, 8(DI)
	ADDQ $16, DI
	LEAL -1(DX), R12
	ANDL R12, DX
	JNE  next
	JMP  store
