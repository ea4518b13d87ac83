// PANELS begins a multiplication of consecutive panels with one vector, for each group of columns:
// AX quads of input at BX meet two times eight rows at SI. The sums, Y4 and Y5, start from init. What
// follows adds to them, moves BX and SI behind the group and leaves all but Y4 to Y15 and AX alone.
// NEXT then takes the sums in, and comes to the end. Y0 and Y1 are y, Y2 and Y3 t.
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
	VPXOR Y0, Y0, Y0 \
	VPXOR Y1, Y1, Y1 \
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
	VADDPS Y2, Y0, Y0 \
	VADDPS Y3, Y1, Y1 \
	TESTQ R13, R13 \
	JNE block \
	VMULPS (R9), Y0, Y0 \
	VMULPS 32(R9), Y1, Y1 \
	VMOVUPS Y0, (R8) \
	VMOVUPS Y1, 32(R8) \
	ADDQ $64, R9 \
	ADDQ $64, R8 \
	DECQ R10 \
	JNE panel \
	VZEROUPPER \
	RET
