//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"
#include "mul_dot_sdot_arm64.h"

// func mulNibbleVecSDOT(a *vecArgs)
TEXT ·mulNibbleVecSDOT(SB), NOSPLIT, $0-8
	VMOVI $128, V25.B16

#include "mulnibble_arm64.h"
