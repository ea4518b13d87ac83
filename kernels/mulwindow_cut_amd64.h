// How x86 cuts out the bits of mul-window, for lookups that take the lower four bits of bytes whose
// highest bit is 0. A file that includes this has AND and OR, too, for its registers.
//
// There are no shifts of bytes, and those of words bring in bits of their neighbours: each cut ends
// with a mask.

#include "mulwindow_cut.h"
#include "mulwindow_amd64.h"

BYTES(below2, 0x0303030303030303)
BYTES(beyond2, 0x0c0c0c0c0c0c0c0c)

#define CUT(byte, s, v) \
	VPSRLW $s, byte, v        \
	AND    below4<>(SB), v, v

#define CUT0(byte, v) \
	AND below4<>(SB), byte, v

#define CUT4(byte, v) CUT(byte, 4, v)

#define CUT6(before, byte, v) \
	VPSRLW $6, byte, v           \
	VPSLLW $2, before, T2        \
	AND    below2<>(SB), v, v    \
	AND    beyond2<>(SB), T2, T2 \
	OR     T2, v, v

#define LOOK(index, table, w) VPSHUFB index, table, w
