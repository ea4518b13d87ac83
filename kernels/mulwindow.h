// What all tiers of mul-window have in common: the codes of eight steps become indices into the
// centroids. The header of an architecture, which includes this, says how bits are cut out:
//
//	CUT(byte, s, v)          sets v to the four bits of a byte that s others follow, 1 to 3
//	CUT0(byte, v)            to its last four
//	CUT4(byte, v)            to its first four
//	CUT5(before, byte, v)    to the last bit of one byte and the first three of the next, which
//	                         five others follow; CUT6 and CUT7 likewise
//	MIX(before, byte, v)     to the exclusive or of the bits of a byte and those four before them
//
// A file that includes that header says what the vectors are:
//
//	XOR, MOVE                the operations of its registers
//	CODES(j, v)              loads byte j of a unit, the eight codes of each lane
//	EVEN(i, lower, upper)    multiplies or stores step i, for these indices, which stay
//	ODD(i, lower, upper)     likewise
//	T0-T2, H0-H3             registers; all but CUT, CUT0 and CUT4 may spoil T2
//
// Bytes have their first bits uppermost.

// HISTORY2 makes the history that UNIT2 goes on from of T0 and T1, the last byte of codes and the
// one before; the others likewise. H0 and H1 are the lower indices of the last weight and of the
// one before, H2 and H3 the upper ones of the next but one and of the next.
#define HISTORY2 \
	CUT0(T0, H0)     \
	CUT(T0, 2, H1)   \
	CUT4(T0, H2)     \
	CUT6(T1, T0, H3) \
	XOR H0, H2, H2   \
	XOR H1, H3, H3

// A lower index is two codes. An upper one is the lower one of two weights ago, mixed with that of
// two before.
#define BYTE2(j) \
	CODES(j, T0)        \
	CUT6(H0, T0, T1)    \
	EVEN(4*j, T1, H3)   \
	XOR T1, H1, H3      \
	CUT4(T0, T2)        \
	ODD(4*j+1, T2, H2)  \
	XOR T2, H0, H2      \
	CUT(T0, 2, H1)      \
	EVEN(4*j+2, H1, H3) \
	XOR H1, T1, H3      \
	CUT0(T0, H0)        \
	ODD(4*j+3, H0, H2)  \
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
	CODES(j, T0)       \
	CUT4(T0, T1)       \
	CUT0(T0, T0)       \
	EVEN(2*j, T1, H1)  \
	XOR  T0, T1, H1    \
	XOR  T1, H0, T1    \
	ODD(2*j+1, T0, T1) \
	MOVE T0, H0

#define UNIT4 \
	BYTE4(0) \
	BYTE4(1) \
	BYTE4(2) \
	BYTE4(3)

// H0 is the last byte of codes, H1 what MIX makes of it; H2 and H3 are the next ones, and then it
// is H0's and H1's turn again.
#define HISTORY3 \
	MOVE T0, H0     \
	MIX(T1, T0, H1)

#define HISTORY5 HISTORY3

#define NEXT(j, before, byte, mixed) \
	CODES(j, byte)           \
	MIX(before, byte, mixed)

#define UNIT3 \
	NEXT(0, H0, H2, H3) \
	CUT5(H0, H2, T0)    \
	CUT(H1, 1, T1)      \
	EVEN(0, T0, T1)     \
	CUT(H2, 2, T0)      \
	CUT6(H1, H3, T1)    \
	ODD(1, T0, T1)      \
	NEXT(1, H2, H0, H1) \
	CUT7(H2, H0, T0)    \
	CUT(H3, 3, T1)      \
	EVEN(2, T0, T1)     \
	CUT4(H0, T0)        \
	CUT0(H3, T1)        \
	ODD(3, T0, T1)      \
	CUT(H0, 1, T0)      \
	CUT5(H3, H1, T1)    \
	EVEN(4, T0, T1)     \
	NEXT(2, H0, H2, H3) \
	CUT6(H0, H2, T0)    \
	CUT(H1, 2, T1)      \
	ODD(5, T0, T1)      \
	CUT(H2, 3, T0)      \
	CUT7(H1, H3, T1)    \
	EVEN(6, T0, T1)     \
	CUT0(H2, T0)        \
	CUT4(H3, T1)        \
	ODD(7, T0, T1)      \
	MOVE H2, H0         \
	MOVE H3, H1

#define UNIT5 \
	NEXT(0, H0, H2, H3) \
	CUT(H2, 3, T0)      \
	CUT7(H1, H3, T1)    \
	EVEN(0, T0, T1)     \
	NEXT(1, H2, H0, H1) \
	CUT6(H2, H0, T0)    \
	CUT(H3, 2, T1)      \
	ODD(1, T0, T1)      \
	CUT(H0, 1, T0)      \
	CUT5(H3, H1, T1)    \
	EVEN(2, T0, T1)     \
	NEXT(2, H0, H2, H3) \
	CUT4(H2, T0)        \
	CUT0(H1, T1)        \
	ODD(3, T0, T1)      \
	NEXT(3, H2, H0, H1) \
	CUT7(H2, H0, T0)    \
	CUT(H3, 3, T1)      \
	EVEN(4, T0, T1)     \
	CUT(H0, 2, T0)      \
	CUT6(H3, H1, T1)    \
	ODD(5, T0, T1)      \
	NEXT(4, H0, H2, H3) \
	CUT5(H0, H2, T0)    \
	CUT(H1, 1, T1)      \
	EVEN(6, T0, T1)     \
	CUT0(H2, T0)        \
	CUT4(H3, T1)        \
	ODD(7, T0, T1)      \
	MOVE H2, H0         \
	MOVE H3, H1
