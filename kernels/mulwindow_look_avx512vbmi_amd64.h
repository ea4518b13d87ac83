// Units of mul-window for VPERMB, which looks at six bits of a byte: there is a table of 64 for each
// four neighbouring bits that may be the index among them, so that few have to be cut out. Z31 and
// Z28 are tables for the last four bits, Z30 and Z27 for the four before the last one, Z29 and Z26
// for the first four. On a Zen 4 [3072, 1024] with 2 bits takes 0.90 of the time so that it takes
// with one table and shifts.

#include "mulwindow.h"
#include "mulwindow_amd64.h"
#include "mulwindow_wide_amd64.h"

#define LOOK0(byte, t0, t1, t2, w) VPERMB t0, byte, w
#define LOOK1(byte, t0, t1, t2, w) VPERMB t1, byte, w
#define LOOK2(byte, t0, t1, t2, w) VPERMB t2, byte, w

#define LOOK3(byte, t0, t1, t2, w) \
	VPSRLW $3, byte, w \
	VPERMB t0, w, w

// WEIGHTS sets w to the sums of centroids. t is spoilt.
#define WEIGHTS(LOW, low, UP, up, w, t) \
	LOW(low, Z31, Z30, Z29, w) \
	UP(up, Z28, Z27, Z26, t)   \
	VPADDB t, w, w

DATA iota<>+0(SB)/8, $0x0706050403020100
DATA iota<>+8(SB)/8, $0x0f0e0d0c0b0a0908
DATA iota<>+16(SB)/8, $0x1716151413121110
DATA iota<>+24(SB)/8, $0x1f1e1d1c1b1a1918
DATA iota<>+32(SB)/8, $0x2726252423222120
DATA iota<>+40(SB)/8, $0x2f2e2d2c2b2a2928
DATA iota<>+48(SB)/8, $0x3736353433323130
DATA iota<>+56(SB)/8, $0x3f3e3d3c3b3a3938
GLOBL iota<>(SB), RODATA|NOPTR, $64

#define CENTROIDS(lookup) \
	VBROADCASTI32X4 (lookup), Z31   \
	VBROADCASTI32X4 16(lookup), Z28 \
	VMOVDQU32       below4<>(SB), BELOW4 \
	VMOVDQU32       iota<>(SB), Z26 \
	VPSRLW          $1, Z26, Z27    \
	VPSRLW          $2, Z26, Z26    \
	VPERMB          Z31, Z27, Z30   \
	VPERMB          Z31, Z26, Z29   \
	VPERMB          Z28, Z27, Z27   \
	VPERMB          Z28, Z26, Z26

// HISTORY2 makes the history that UNIT2 goes on from of T0 and T1, the last byte of codes and the
// one before; the others likewise. H0 is the last byte, H1 that mixed with what straddles the two.
#define HISTORY2 \
	STRADDLE(T1, T0, H1) \
	XOR  T0, H1, H1      \
	MOVE T0, H0

// The lower indices of the four weights are the first and the last four bits of six, of what
// straddles two bytes and then of the byte. An upper one is the lower one of two weights ago, mixed
// with that of two before.
#define BYTE2(j, before, byte) \
	CODES(j, byte)                          \
	STRADDLE(before, byte, T0)              \
	XOR T0, before, before                  \
	EVEN(4*j, LOOK2, T0, LOOK2, H1)         \
	ODD(4*j+1, LOOK0, T0, LOOK0, H1)        \
	XOR T0, byte, H1                        \
	EVEN(4*j+2, LOOK2, byte, LOOK2, before) \
	ODD(4*j+3, LOOK0, byte, LOOK0, before)

#define UNIT2 \
	BYTE2(0, H0, H2) \
	BYTE2(1, H2, H0)

// H0 is the last byte of codes, H1 has the upper index of the next weight.
#define HISTORY4 \
	VPSRLW $4, T0, H1 \
	XOR    T0, H1, H1 \
	MOVE   T0, H0

#define BYTE4(j, before, byte) \
	CODES(j, byte)                        \
	VPSRLW $4, byte, T0                   \
	EVEN(2*j, LOOK0, T0, LOOK0, H1)       \
	XOR    T0, before, before             \
	XOR    T0, byte, H1                   \
	ODD(2*j+1, LOOK0, byte, LOOK0, before)

#define UNIT4 \
	BYTE4(0, H0, H2) \
	BYTE4(1, H2, H0) \
	BYTE4(2, H0, H2) \
	BYTE4(3, H2, H0)
