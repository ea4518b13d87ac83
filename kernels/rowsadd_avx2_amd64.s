//go:build !purego

#include "textflag.h"
#include "rows_avx2_amd64.h"

// func rowsAddAVX2(dst, x, by []float32)
TEXT ·rowsAddAVX2(SB), NOSPLIT, $0-72
	ROWS(VADDPS, VADDSS)
