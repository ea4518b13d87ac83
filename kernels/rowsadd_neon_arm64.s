//go:build !purego

#include "textflag.h"
#include "rows_neon_arm64.h"

// func rowsAddNEON(dst, x, by []float32)
TEXT ·rowsAddNEON(SB), NOSPLIT, $0-72
	ROWS(FADD, FADDS)
