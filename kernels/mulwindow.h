// What all tiers of mul-window have in common: the codes of eight steps become weights. A header
// for some of the tiers, which includes this and has what is theirs for 2 and 4 bits, says how four
// bits become a centroid, for a file to apply to its registers:
//
//	LOOK0, LOOK1, LOOK2, LOOK3   by the four bits of a byte that so many others follow
//	LOOK                         by an index, if units have any
//
// A file that includes that header says what the vectors are:
//
//	XOR, MOVE                    the operations of its registers
//	STRADDLE(before, byte, v)    sets v to the last four bits of a byte and the first four of
//	                             the next
//	CODES(j, v)                  loads byte j of a unit, the eight codes of each lane
//	EVEN(i, LOW, low, UP, up)    multiplies or stores step i, whose lower centroid is looked up by
//	                             LOW in low, the upper one by UP in up; these stay
//	ODD(i, LOW, low, UP, up)     likewise
//	T0-T2, H0-H3                 registers; STRADDLE may spoil T2
//
// Bytes have their first bits uppermost.

// STRADDLE makes a byte, T0, of the same stream half a byte behind: so no cut is across bytes. The
// lower index is four bits of the stream. The upper one, the exclusive or of the four bits before
// them and the four before those, is four bits of the mix of these two streams, which half a byte
// behind is that of the second one with the first a whole byte behind.
#define NEXT(j, before, byte) \
	CODES(j, byte)             \
	STRADDLE(before, byte, T0)

// H0 is the last byte of codes, H1 that of the mixed stream.
#define HISTORY3 \
	STRADDLE(T1, T0, H1) \
	XOR  T0, H1, H1      \
	MOVE T0, H0

#define UNIT3 \
	NEXT(0, H0, H2)               \
	XOR  T0, H2, H3               \
	XOR  T0, H0, H0               \
	EVEN(0, LOOK1, T0, LOOK1, H1) \
	ODD(1, LOOK2, H2, LOOK2, H0)  \
	NEXT(1, H2, H1)               \
	XOR  T0, H1, H0               \
	XOR  T0, H2, H2               \
	EVEN(2, LOOK3, T0, LOOK3, H3) \
	ODD(3, LOOK0, T0, LOOK0, H3)  \
	EVEN(4, LOOK1, H1, LOOK1, H2) \
	NEXT(2, H1, H3)               \
	XOR  T0, H1, H2               \
	ODD(5, LOOK2, T0, LOOK2, H0)  \
	EVEN(6, LOOK3, H3, LOOK3, H2) \
	ODD(7, LOOK0, H3, LOOK0, H2)  \
	XOR  T0, H3, H1               \
	MOVE H3, H0

// H0 is the last byte of codes.
#define HISTORY5 MOVE T0, H0

#define UNIT5 \
	NEXT(0, H0, H2)               \
	XOR  T0, H2, H3               \
	XOR  T0, H0, H0               \
	EVEN(0, LOOK3, H2, LOOK3, H0) \
	NEXT(1, H2, H1)               \
	XOR  T0, H1, H0               \
	XOR  T0, H2, H2               \
	ODD(1, LOOK2, T0, LOOK2, H3)  \
	EVEN(2, LOOK1, H1, LOOK1, H2) \
	NEXT(2, H1, H3)               \
	XOR  T0, H3, H2               \
	ODD(3, LOOK0, T0, LOOK0, H0)  \
	NEXT(3, H3, H1)               \
	XOR  T0, H1, H0               \
	XOR  T0, H3, H3               \
	EVEN(4, LOOK3, T0, LOOK3, H2) \
	ODD(5, LOOK2, H1, LOOK2, H3)  \
	NEXT(4, H1, H3)               \
	XOR  T0, H1, H2               \
	EVEN(6, LOOK1, T0, LOOK1, H0) \
	ODD(7, LOOK0, H3, LOOK0, H2)  \
	MOVE H3, H0
