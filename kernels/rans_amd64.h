// For the kernels of rans on AMD64. They hold the coders of four blocks: their states in Y0 to Y3,
// their paths in Y4 to Y7. A step decodes a row of a block. It waits for what it looks up and then
// for what it multiplies, on a Zen 4 16 ns in all with AVX-512 and 18 ns with AVX2; the steps of
// four blocks, which do not wait for each other, take 23 ns and 29 ns together.

// LOAD leaves the arguments in R14, the entries in SI, the words of the blocks in R8 to R11, the
// levels in R12 and the bytes from block to block in R13.
#define LOAD \
	MOVQ    a+0(FP), R14                \
	MOVQ    ransArgs_entries(R14), SI   \
	MOVQ    ransArgs_words+0(R14), R8   \
	MOVQ    ransArgs_words+8(R14), R9   \
	MOVQ    ransArgs_words+16(R14), R10 \
	MOVQ    ransArgs_words+24(R14), R11 \
	MOVQ    ransArgs_levels(R14), R12   \
	MOVQ    ransArgs_block(R14), R13    \
	MOVQ    ransArgs_states(R14), AX    \
	MOVQ    ransArgs_paths(R14), BX     \
	VMOVDQU 0(AX), Y0                   \
	VMOVDQU 32(AX), Y1                  \
	VMOVDQU 64(AX), Y2                  \
	VMOVDQU 96(AX), Y3                  \
	VMOVDQU 0(BX), Y4                   \
	VMOVDQU 32(BX), Y5                  \
	VMOVDQU 64(BX), Y6                  \
	VMOVDQU 96(BX), Y7

// STORE writes back what has changed, but not the pointers to words, which may be behind the last
// one, where the garbage collector wants none.
#define STORE \
	SUBQ    ransArgs_words+0(R14), R8   \
	MOVQ    R8, ransArgs_taken+0(R14)   \
	SUBQ    ransArgs_words+8(R14), R9   \
	MOVQ    R9, ransArgs_taken+8(R14)   \
	SUBQ    ransArgs_words+16(R14), R10 \
	MOVQ    R10, ransArgs_taken+16(R14) \
	SUBQ    ransArgs_words+24(R14), R11 \
	MOVQ    R11, ransArgs_taken+24(R14) \
	MOVQ    ransArgs_states(R14), AX    \
	MOVQ    ransArgs_paths(R14), BX     \
	VMOVDQU Y0, 0(AX)                   \
	VMOVDQU Y1, 32(AX)                  \
	VMOVDQU Y2, 64(AX)                  \
	VMOVDQU Y3, 96(AX)                  \
	VMOVDQU Y4, 0(BX)                   \
	VMOVDQU Y5, 32(BX)                  \
	VMOVDQU Y6, 64(BX)                  \
	VMOVDQU Y7, 96(BX)                  \
	VZEROUPPER                          \
	RET

// CLASSES leaves in byte i of Y8 the sum of the codes of block i's row and of the column, twice
// its class but for bit 0, held between those of the first class and the last.
#define CLASSES \
	MOVQ         ransArgs_rows(R14), AX     \
	MOVQ         ransArgs_row(R14), BX      \
	VPBROADCASTD (AX)(BX*4), Y8             \
	VPADDB       ransArgs_cols(R14), Y8, Y8 \
	VPMAXSB      Y15, Y8, Y8                \
	VPMINSB      ransArgs_top(R14), Y8, Y8

// GATHER loads the entries with the indices in Y9. With VPGATHERDD all takes a tenth longer on a
// Zen 4, and Intel slows it down by microcode where it leaks data (INTEL-SA-00828).
#define GATHER \
	VMOVQ        X9, AX                   \
	VPEXTRQ      $1, X9, BX               \
	VEXTRACTI128 $1, Y9, X9               \
	VMOVQ        X9, CX                   \
	VPEXTRQ      $1, X9, DX               \
	MOVL         AX, R15                  \
	SHRQ         $32, AX                  \
	VMOVD        (SI)(R15*4), X9          \
	VPINSRD      $1, (SI)(AX*4), X9, X9   \
	MOVL         BX, R15                  \
	SHRQ         $32, BX                  \
	VMOVD        (SI)(R15*4), X10         \
	VPINSRD      $1, (SI)(BX*4), X10, X10 \
	VPUNPCKLQDQ  X10, X9, X9              \
	MOVL         CX, R15                  \
	SHRQ         $32, CX                  \
	VMOVD        (SI)(R15*4), X10         \
	VPINSRD      $1, (SI)(CX*4), X10, X10 \
	MOVL         DX, R15                  \
	SHRQ         $32, DX                  \
	VMOVD        (SI)(R15*4), X11         \
	VPINSRD      $1, (SI)(DX*4), X11, X11 \
	VPUNPCKLQDQ  X11, X10, X10            \
	VINSERTI128  $1, X10, Y9, Y9

// ROWS decodes the rows. CLASSES leaves twice the class of block i in byte i of Y8, bit 0 being
// anything. STEP(states, paths, words, SHIFT, bits) moves that to bits 12 and up, where it is in
// the index of an entry, decodes a row of a block and leaves the levels in X9.
#define ROWS \
row: \
	CLASSES                        \
	STEP(Y0, Y4, R8, VPSLLD, $12)  \
	VMOVQ X9, (R12)                \
	CMPQ  ransArgs_blocks(R14), $2 \
	JLT   next                     \
	STEP(Y1, Y5, R9, VPSLLD, $4)   \
	VMOVQ X9, (R12)(R13*1)         \
	CMPQ  ransArgs_blocks(R14), $3 \
	JLT   next                     \
	STEP(Y2, Y6, R10, VPSRLD, $4)  \
	VMOVQ X9, (R12)(R13*2)         \
	CMPQ  ransArgs_blocks(R14), $4 \
	JLT   next                     \
	STEP(Y3, Y7, R11, VPSRLD, $12) \
	LEAQ  (R12)(R13*2), AX         \
	VMOVQ X9, (AX)(R13*1)          \
                                   \
next: \
	ADDQ ransArgs_stride(R14), R12 \
	INCQ ransArgs_row(R14)         \
	MOVQ ransArgs_row(R14), AX     \
	CMPQ AX, ransArgs_n(R14)       \
	JLT  row
