//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"

// Signed w-128 by signed inputs, as in mul_dot_sdot_arm64.h.
#define FLIPS VMOVI $128, V24.B16
#define FLIP(w) VEOR V24.B16, w.B16, w.B16
#define DOTLANE(m, i, n, d) SDOT(m, i, n, d)

// func mulU8TileSDOT(a *tileArgs)
TEXT ·mulU8TileSDOT(SB), NOSPLIT, $256-8
#include "mulu8_tile_arm64.h"
