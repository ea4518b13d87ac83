//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"
#include "mul_dot_sdot_arm64.h"

// func tableDotsSDOT(work *int32, centroids *byte, quads int, q *int8, init *int32, segments int)
TEXT ·tableDotsSDOT(SB), NOSPLIT, $0-48
	VMOVI $128, V25.B16

#include "table_dots_arm64.h"
