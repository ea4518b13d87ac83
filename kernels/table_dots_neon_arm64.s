//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"
#include "mul_dot_neon_arm64.h"

// func tableDotsNEON(work *int32, centroids *byte, quads int, q *int8, init *int32, segments int)
TEXT ·tableDotsNEON(SB), NOSPLIT, $0-48
	VMOVI $128, V25.B16

#include "table_dots_arm64.h"
