// How x86 cuts out the bits of mul-window, for lookups that take the lower four bits of bytes whose
// highest bit is 0. A file that includes this has AND and OR, too, for its registers, and
// below4 in BELOW4.
//
// There are no shifts of bytes, and those of words bring in bits of their neighbours: each cut ends
// with a mask.

#include "mulwindow_cut.h"
#include "mulwindow_amd64.h"

#define CUT(byte, s, v) \
	VPSRLW $s, byte, v        \
	AND    BELOW4, v, v

#define CUT0(byte, v) \
	AND BELOW4, byte, v

#define CUT4(byte, v) CUT(byte, 4, v)

#define ACROSS(before, index, v) \
	VPSLLW $2, before, T3 \
	VPSRLW $2, index, v   \
	OR     T3, v, v       \
	AND    BELOW4, v, v

#define LOOK(index, table, w) VPSHUFB index, table, w
