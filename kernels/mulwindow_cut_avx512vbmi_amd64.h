// How AVX-512 cuts out the bits of mul-window for VPERMB, which looks at six bits of a byte: in a
// table that has four times the same 16 bytes the upper two say nothing, and need no mask.

#include "mulwindow_amd64.h"

#define CUT(byte, s, v) VPSRLW $s, byte, v

#define CUT0(byte, v) MOVE byte, v

#define CUT4(byte, v) CUT(byte, 4, v)

// SELECT takes the bits of v that mask has, and the others of w.
#define SELECT(mask, w, v) VPTERNLOGD $0xe4, mask<>(SB), w, v

#define ACROSS(before, byte, s, rest, below, v) \
	VPSRLW $s, byte, v       \
	VPSLLW $rest, before, T2 \
	SELECT(below, T2, v)

#define CUT5(before, byte, v) ACROSS(before, byte, 5, 3, below3, v)
#define CUT6(before, byte, v) ACROSS(before, byte, 6, 2, below2, v)
#define CUT7(before, byte, v) ACROSS(before, byte, 7, 1, below1, v)

#define MIX(before, byte, v) \
	VPSRLW $4, byte, v    \
	VPSLLW $4, before, T2 \
	SELECT(below4, T2, v) \
	XOR    byte, v, v
