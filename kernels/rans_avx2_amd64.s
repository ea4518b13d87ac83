//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "rans_amd64.h"

// ransClass<> masks the class in the index of an entry.
DATA ransClass<>+0(SB)/8, $0x0003e0000003e000
DATA ransClass<>+8(SB)/8, $0x0003e0000003e000
DATA ransClass<>+16(SB)/8, $0x0003e0000003e000
DATA ransClass<>+24(SB)/8, $0x0003e0000003e000
GLOBL ransClass<>(SB), RODATA|NOPTR, $32

// ransPack<> takes the lowest bytes of four lanes together.
DATA ransPack<>+0(SB)/8, $0x808080800c080400
DATA ransPack<>+8(SB)/8, $0x8080808080808080
DATA ransPack<>+16(SB)/8, $0x808080800c080400
DATA ransPack<>+24(SB)/8, $0x8080808080808080
GLOBL ransPack<>(SB), RODATA|NOPTR, $32

// WORDS adds the next words to the states of the coders whose bits are set in AX: ransSpread, in DI,
// has how they spread. All CPUs that have AVX2 have POPCNT.
#define WORDS(words, states) \
	MOVL      AX, BX               \
	SHLL      $4, BX               \
	VMOVDQU   (words), X10         \
	VPSHUFB   (DI)(BX*1), X10, X10 \
	VPMOVZXWD X10, Y10             \
	VPOR      Y10, states, states  \
	POPCNTL   AX, AX               \
	LEAQ      (words)(AX*2), words

// Y12 has the mask of slots, Y13 the paths after those whose upper bit is 0, Y14 the mask of
// parities, Y15 zeros.
#define STEP(states, paths, words, SHIFT, bits) \
	SHIFT        bits, Y8, Y9                      \
	VPAND        ransClass<>(SB), Y9, Y9           \
	VPAND        Y14, paths, Y10                   \
	VPOR         Y10, Y9, Y9                       \
	VPAND        Y12, states, Y10                  \
	VPOR         Y10, Y9, Y9                       \
	GATHER                                         \
	VPSHUFB      paths, Y13, Y10                   \
	VPSLLD       $18, paths, paths                 \
	VPSRAD       $31, paths, paths                 \
	VPAND        ransArgs_upper(R14), paths, paths \
	VPXOR        Y10, paths, paths                 \
	VPSLLD       $30, Y9, Y10                      \
	VPSRAD       $31, Y10, Y10                     \
	VPAND        ransArgs_high(R14), Y10, Y10      \
	VPXOR        Y10, paths, paths                 \
	VPSRLD       $12, states, states               \
	VPSRLD       $20, Y9, Y10                      \
	VPMULLD      Y10, states, states               \
	VPSRLD       $8, Y9, Y10                       \
	VPAND        Y12, Y10, Y10                     \
	VPADDD       Y10, states, states               \
	VPSRLD       $16, states, Y11                  \
	VPCMPEQD     Y15, Y11, Y11                     \
	VMOVMSKPS    Y11, AX                           \
	VPSLLD       $16, states, Y10                  \
	VBLENDVPS    Y11, Y10, states, states          \
	WORDS(words, states)                           \
	VPADDB       ransArgs_zero(R14), Y9, Y9        \
	VPSHUFB      ransPack<>(SB), Y9, Y9            \
	VEXTRACTI128 $1, Y9, X10                       \
	VPUNPCKLDQ   X10, X9, X9

// func ransRowsAVX2(a *ransArgs)
TEXT ·ransRowsAVX2(SB), NOSPLIT, $0-8
	LOAD
	MOVQ           ransArgs_spread(R14), DI
	VPCMPEQD       Y12, Y12, Y12
	VPSRLD         $20, Y12, Y12
	VPCMPEQD       Y14, Y14, Y14
	VPSRLD         $31, Y14, Y14
	VPSLLD         $12, Y14, Y14
	VPXOR          Y15, Y15, Y15
	MOVQ           ransArgs_next(R14), AX
	VBROADCASTI128 (AX), Y13
	ROWS
	STORE
