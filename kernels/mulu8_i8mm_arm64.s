//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"
#include "mul_dot_i8mm_arm64.h"

// func mulU8VecI8MM(a *vecArgs)
TEXT ·mulU8VecI8MM(SB), NOSPLIT, $0-8
#include "mulu8_arm64.h"
