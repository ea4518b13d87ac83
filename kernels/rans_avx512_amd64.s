//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "rans_amd64.h"

// Y12 has the mask of slots, Y13 the paths after those whose upper bit is 0, Y14 the floor, Y15
// zeros, Y16 the mask of classes, Y17 and Y18 what the upper bit of a path and bit 1 of a level add
// to the next path, Y19 and Y20 these two bits, Y21 the byte of level 0.
//
// The first VPTERNLOGD takes the bits of the class from Y9 and others from the path, the second
// those of the slot from the state. VPEXPANDD spreads the words to the coders that need one. All
// CPUs that have AVX-512 have POPCNT.
#define STEP(states, paths, words, SHIFT, bits) \
	SHIFT       bits, Y8, Y9            \
	VPTERNLOGD  $0xe2, paths, Y16, Y9   \
	VPTERNLOGD  $0xb8, states, Y12, Y9  \
	GATHER                              \
	VPTESTMD    Y19, paths, K1          \
	VPTESTMD    Y20, Y9, K2             \
	VPSHUFB     paths, Y13, paths       \
	VPXORD      Y17, paths, K1, paths   \
	VPXORD      Y18, paths, K2, paths   \
	VPSRLD      $12, states, states     \
	VPSRLD      $20, Y9, Y10            \
	VPMULLD     Y10, states, states     \
	VPSRLD      $8, Y9, Y10             \
	VPAND       Y12, Y10, Y10           \
	VPADDD      Y10, states, states     \
	VPCMPUD     $1, Y14, states, K1     \
	VPSLLD      $16, states, K1, states \
	VPMOVZXWD   (words), Y10            \
	VPEXPANDD.Z Y10, K1, Y10            \
	VPOR        Y10, states, states     \
	KMOVB       K1, AX                  \
	POPCNTL     AX, AX                  \
	LEAQ        (words)(AX*2), words    \
	VPADDB      Y21, Y9, Y9             \
	VPMOVDB     Y9, X9

// func ransRowsAVX512(a *ransArgs)
TEXT ·ransRowsAVX512(SB), NOSPLIT, $0-8
	LOAD
	VPTERNLOGD     $0xff, Y12, Y12, Y12
	VPSRLD         $20, Y12, Y12
	VPTERNLOGD     $0xff, Y14, Y14, Y14
	VPSRLD         $31, Y14, Y14
	VPSLLD         $13, Y14, Y19
	VPSLLD         $1, Y14, Y20
	VPSLLD         $16, Y14, Y14
	VPXOR          Y15, Y15, Y15
	VPTERNLOGD     $0xff, Y16, Y16, Y16
	VPSRLD         $27, Y16, Y16
	VPSLLD         $13, Y16, Y16
	VMOVDQU32      ransArgs_upper(R14), Y17
	VMOVDQU32      ransArgs_high(R14), Y18
	VMOVDQU32      ransArgs_zero(R14), Y21
	MOVQ           ransArgs_next(R14), AX
	VBROADCASTI128 (AX), Y13
	ROWS
	STORE
