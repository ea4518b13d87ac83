// What AVX-512 does without VPERMB.

#include "mulwindow_cut_amd64.h"
#include "mulwindow_wide_amd64.h"

#define CENTROIDS(lookup) \
	VBROADCASTI32X4 (lookup), Z31   \
	VBROADCASTI32X4 16(lookup), Z30 \
	VMOVDQU32       below4<>(SB), BELOW4

// WEIGHTS sets w to the sums of centroids. t is spoilt.
#define WEIGHTS(LOW, low, UP, up, w, t) \
	LOW(low, Z31, w) \
	UP(up, Z30, t)   \
	VPADDB t, w, w
