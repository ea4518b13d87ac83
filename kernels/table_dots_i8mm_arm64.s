//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"
#include "mul_dot_i8mm_arm64.h"

// func tableDotsI8MM(work *int32, centroids *byte, quads int, q *int8, init *int32, segments int)
TEXT ·tableDotsI8MM(SB), NOSPLIT, $0-48
#include "table_dots_arm64.h"
