// How x86 cuts out the bits of mul-window, for lookups that take the lower four bits of bytes whose
// highest bit is 0. A file that includes this has AND, too, for its registers.
//
// There are no shifts of bytes, and those of words bring in bits of their neighbours: each cut ends
// with a mask.

#include "mulwindow_amd64.h"

BYTES(above4, 0xf0f0f0f0f0f0f0f0)
BYTES(beyond3, 0x0808080808080808)
BYTES(beyond2, 0x0c0c0c0c0c0c0c0c)
BYTES(beyond1, 0x0e0e0e0e0e0e0e0e)

#define CUT(byte, s, v) \
	VPSRLW $s, byte, v        \
	AND    below4<>(SB), v, v

#define CUT0(byte, v) \
	AND below4<>(SB), byte, v

#define CUT4(byte, v) CUT(byte, 4, v)

#define ACROSS(before, byte, s, rest, below, beyond, v) \
	VPSRLW $s, byte, v          \
	VPSLLW $rest, before, T2    \
	AND    below<>(SB), v, v    \
	AND    beyond<>(SB), T2, T2 \
	OR     T2, v, v

#define CUT5(before, byte, v) ACROSS(before, byte, 5, 3, below3, beyond3, v)
#define CUT6(before, byte, v) ACROSS(before, byte, 6, 2, below2, beyond2, v)
#define CUT7(before, byte, v) ACROSS(before, byte, 7, 1, below1, beyond1, v)

#define MIX(before, byte, v) \
	VPSRLW $4, byte, v          \
	VPSLLW $4, before, T2       \
	AND    below4<>(SB), v, v   \
	XOR    byte, v, v           \
	AND    above4<>(SB), T2, T2 \
	XOR    T2, v, v
