//go:build !purego

#include "textflag.h"
#include "rows_avx2_amd64.h"

// func rowsScaleAVX2(dst, x, by []float32)
TEXT ·rowsScaleAVX2(SB), NOSPLIT, $0-72
	ROWS(VMULPS, VMULSS)
