// PANELS begins a multiplication of consecutive panels with one vector, for each group of columns:
// AX quads of input at BX meet the codes at SI, two quads in 64 bytes. The sums, Y4 and Y5, start
// from init, y is in the frame and t in Y2 and Y3. A group may begin or end in the middle of a pair
// of quads: R14 is 1 while the low half of the pair at SI is used up.
#define PANELS \
	MOVQ vecArgs_codes(DI), SI \
	MOVQ vecArgs_mult(DI), DX \
	MOVQ vecArgs_dst(DI), R8 \
	MOVQ vecArgs_scale(DI), R9 \
	MOVQ vecArgs_panels(DI), R10 \
panel: \
	MOVQ vecArgs_q(DI), BX \
	MOVQ vecArgs_scales(DI), R11 \
	MOVQ vecArgs_init(DI), R12 \
	MOVQ vecArgs_quads(DI), R13 \
	XORL R14, R14 \
	VPXOR Y0, Y0, Y0 \
	VMOVUPS Y0, y-64(SP) \
	VMOVUPS Y0, y-32(SP) \
block: \
	MOVQ vecArgs_blockQuads(DI), CX \
	CMPQ R13, CX \
	CMOVQLT R13, CX \
	SUBQ CX, R13 \
	VPXOR Y2, Y2, Y2 \
	VPXOR Y3, Y3, Y3 \
group: \
	MOVQ vecArgs_groupQuads(DI), AX \
	CMPQ CX, AX \
	CMOVQLT CX, AX \
	SUBQ AX, CX \
	VPBROADCASTD (R12), Y4 \
	ADDQ $4, R12 \
	VMOVDQA Y4, Y5

// MULTIPLY multiplies by PAIR0 and PAIR1, the pairs at SI and 64 behind it, by FIRST, the low half of
// the pair at SI, and by SECOND, the high half.
#define MULTIPLY \
	TESTQ R14, R14 \
	JNE second \
pairs: \
	SUBQ $4, AX \
	JLT two \
fours: \
	PAIR0 \
	PAIR1 \
	ADDQ $128, SI \
	ADDQ $16, BX \
	SUBQ $4, AX \
	JGE fours \
two: \
	ADDQ $4, AX \
	JEQ sum \
	CMPQ AX, $2 \
	JLT one \
	PAIR0 \
	ADDQ $64, SI \
	ADDQ $8, BX \
	SUBQ $2, AX \
	JEQ sum \
one: \
	FIRST \
	ADDQ $4, BX \
	INCQ R14

// NEXT takes the sums in, all of which are in Y4 and Y5, and comes to the end.
#define NEXT \
	VPMOVSXBD (DX), Y6 \
	VPMOVSXBD 8(DX), Y7 \
	ADDQ $16, DX \
	VPMULLD Y6, Y4, Y4 \
	VPMULLD Y7, Y5, Y5 \
	VPADDD Y4, Y2, Y2 \
	VPADDD Y5, Y3, Y3 \
	TESTQ CX, CX \
	JNE group \
	VBROADCASTSS (R11), Y6 \
	ADDQ $4, R11 \
	VCVTDQ2PS Y2, Y2 \
	VCVTDQ2PS Y3, Y3 \
	VMULPS Y6, Y2, Y2 \
	VMULPS Y6, Y3, Y3 \
	VADDPS y-64(SP), Y2, Y2 \
	VADDPS y-32(SP), Y3, Y3 \
	VMOVUPS Y2, y-64(SP) \
	VMOVUPS Y3, y-32(SP) \
	TESTQ R13, R13 \
	JNE block \
	VMULPS (R9), Y2, Y2 \
	VMULPS 32(R9), Y3, Y3 \
	VMOVUPS Y2, (R8) \
	VMOVUPS Y3, 32(R8) \
	ADDQ $64, R9 \
	ADDQ $64, R8 \
	SHLQ $6, R14 \
	ADDQ R14, SI \
	DECQ R10 \
	JNE panel \
	VZEROUPPER \
	RET \
second: \
	SECOND \
	ADDQ $64, SI \
	ADDQ $4, BX \
	XORL R14, R14 \
	DECQ AX \
	JNE pairs \
	JMP sum
