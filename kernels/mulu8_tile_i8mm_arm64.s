//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"

#define FLIPS
#define FLIP(w)
#define DOTLANE(m, i, n, d) USDOT(m, i, n, d)

// func mulU8TileI8MM(a *tileArgs)
TEXT ·mulU8TileI8MM(SB), NOSPLIT, $256-8
#include "mulu8_tile_arm64.h"
