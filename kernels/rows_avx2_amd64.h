// ROWS is the body of a rowsFunc for one row, by what it does with eight values and with one.
#define ROWS(EIGHT, ONE) \
	MOVQ dst_base+0(FP), DI; \
	MOVQ x_base+24(FP), SI; \
	MOVQ x_len+32(FP), CX; \
	MOVQ by_base+48(FP), DX; \
	SUBQ $16, CX; \
	JLT  rest; \
loop: \
	VMOVUPS (SI), Y0; \
	VMOVUPS 32(SI), Y1; \
	EIGHT   (DX), Y0, Y0; \
	EIGHT   32(DX), Y1, Y1; \
	VMOVUPS Y0, (DI); \
	VMOVUPS Y1, 32(DI); \
	ADDQ    $64, SI; \
	ADDQ    $64, DX; \
	ADDQ    $64, DI; \
	SUBQ    $16, CX; \
	JGE     loop; \
rest: \
	ADDQ $16, CX; \
	JEQ  done; \
one: \
	VMOVSS (SI), X0; \
	ONE    (DX), X0, X0; \
	VMOVSS X0, (DI); \
	ADDQ   $4, SI; \
	ADDQ   $4, DX; \
	ADDQ   $4, DI; \
	DECQ   CX; \
	JNE    one; \
done: \
	VZEROUPPER; \
	RET
