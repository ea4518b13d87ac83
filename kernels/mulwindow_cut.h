// Units of mul-window for lookups that take bytes below 16: bits are cut out first. A header that
// includes this says how:
//
//	CUT(byte, s, v)          sets v to the four bits of a byte that s others follow, 1 to 3
//	CUT0(byte, v)            to its last four
//	CUT4(byte, v)            to its first four
//	ACROSS(before, index, v) to the last two bits of one index and the first two of the next
//
// ACROSS may spoil T3, which EVEN and ODD may, too.

#include "mulwindow.h"

#define LOOK0(byte, table, w) \
	CUT0(byte, w)     \
	LOOK(w, table, w)

#define LOOKCUT(byte, s, table, w) \
	CUT(byte, s, w)   \
	LOOK(w, table, w)

#define LOOK1(byte, table, w) LOOKCUT(byte, 1, table, w)
#define LOOK2(byte, table, w) LOOKCUT(byte, 2, table, w)
#define LOOK3(byte, table, w) LOOKCUT(byte, 3, table, w)

// HISTORY2 makes the history that UNIT2 goes on from of T0 and T1, the last byte of codes and the
// one before; the others likewise. H0 and H1 are the lower indices of the last weight and of the
// one before, H2 and H3 the upper ones of the next but one and of the next.
#define HISTORY2 \
	CUT0(T0, H0)       \
	CUT(T0, 2, H1)     \
	CUT4(T0, H2)       \
	CUT0(T1, T1)       \
	ACROSS(T1, H2, H3) \
	XOR H0, H2, H2     \
	XOR H1, H3, H3

// A lower index is two codes. An upper one is the lower one of two weights ago, mixed with that of
// two before.
#define BYTE2(j) \
	CODES(j, T0)                    \
	CUT4(T0, T2)                    \
	ACROSS(H0, T2, T1)              \
	EVEN(4*j, LOOK, T1, LOOK, H3)   \
	XOR T1, H1, H3                  \
	ODD(4*j+1, LOOK, T2, LOOK, H2)  \
	XOR T2, H0, H2                  \
	CUT(T0, 2, H1)                  \
	EVEN(4*j+2, LOOK, H1, LOOK, H3) \
	XOR H1, T1, H3                  \
	CUT0(T0, H0)                    \
	ODD(4*j+3, LOOK, H0, LOOK, H2)  \
	XOR H0, T2, H2

#define UNIT2 \
	BYTE2(0) \
	BYTE2(1)

// H0 is the lower index of the last weight, H1 the upper one of the next.
#define HISTORY4 \
	CUT0(T0, H0)   \
	CUT4(T0, H1)   \
	XOR H0, H1, H1

#define BYTE4(j) \
	CODES(j, T0)                   \
	CUT4(T0, T1)                   \
	CUT0(T0, T0)                   \
	EVEN(2*j, LOOK, T1, LOOK, H1)  \
	XOR  T0, T1, H1                \
	XOR  T1, H0, T1                \
	ODD(2*j+1, LOOK, T0, LOOK, T1) \
	MOVE T0, H0

#define UNIT4 \
	BYTE4(0) \
	BYTE4(1) \
	BYTE4(2) \
	BYTE4(3)
