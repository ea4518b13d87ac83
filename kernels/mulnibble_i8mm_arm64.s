//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"
#include "mul_dot_i8mm_arm64.h"

// func mulNibbleVecI8MM(a *vecArgs)
TEXT ·mulNibbleVecI8MM(SB), NOSPLIT, $0-8
#include "mulnibble_arm64.h"
