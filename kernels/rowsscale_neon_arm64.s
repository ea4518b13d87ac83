//go:build !purego

#include "textflag.h"
#include "rows_neon_arm64.h"

// func rowsScaleNEON(dst, x, by []float32)
TEXT ·rowsScaleNEON(SB), NOSPLIT, $0-72
	ROWS(FMUL, FMULS)
