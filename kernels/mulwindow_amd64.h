// What x86 has in common beside mulwindow.h: constants, and where lanes go on from. A file that
// includes this has, beside what that asks for, OR and LOAD for its registers.

#define BYTES(name, v) \
DATA name<>+0(SB)/8, $v \
DATA name<>+8(SB)/8, $v \
DATA name<>+16(SB)/8, $v \
DATA name<>+24(SB)/8, $v \
DATA name<>+32(SB)/8, $v \
DATA name<>+40(SB)/8, $v \
DATA name<>+48(SB)/8, $v \
DATA name<>+56(SB)/8, $v \
GLOBL name<>(SB), RODATA|NOPTR, $64

BYTES(below4, 0x0f0f0f0f0f0f0f0f)

// ENDS sets T0 and T1 to the last two bytes of codes before each lane of a block that ends at end:
// those of the lane before it, or what H2 and H3 have for the first one.
#define ENDS(end) \
	LOAD   -64(end), T0  \
	LOAD   -128(end), T1 \
	VPSLLD $8, T0, T0    \
	VPSLLD $8, T1, T1    \
	OR     H2, T0, T0    \
	OR     H3, T1, T1

// BEFORE sets H2 and H3 to the last two bytes of the last lane, of codes that end at end.
#define BEFORE(end) \
	LOAD   -64(end), H2  \
	LOAD   -128(end), H3 \
	VPSRLD $24, H2, H2   \
	VPSRLD $24, H3, H3

// FIRST sets them for the first block of a row, at codes: its first byte is the one before it, too.
#define FIRST(codes) \
	LOAD   (codes), H2 \
	VPSLLD $24, H2, H2 \
	VPSRLD $24, H2, H2 \
	XOR    H3, H3, H3
