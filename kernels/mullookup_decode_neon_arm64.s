//go:build !purego

#include "textflag.h"

// One plane of 256 weights at a time is in V16-V31. TBL answers for 64 of them and gives 0 for
// larger codes; TBX leaves those alone, so that after codes less 64, 128 and 192 each code has met
// its own.

#define PART(a, b, c, d) \
	VSUB V8.B16, V0.B16, V0.B16                       \
	VSUB V8.B16, V1.B16, V1.B16                       \
	VSUB V8.B16, V2.B16, V2.B16                       \
	VSUB V8.B16, V3.B16, V3.B16                       \
	VTBX V0.B16, [a.B16, b.B16, c.B16, d.B16], V4.B16 \
	VTBX V1.B16, [a.B16, b.B16, c.B16, d.B16], V5.B16 \
	VTBX V2.B16, [a.B16, b.B16, c.B16, d.B16], V6.B16 \
	VTBX V3.B16, [a.B16, b.B16, c.B16, d.B16], V7.B16

// func mulLookupDecodeNEON(dst, codes, lookup *byte, d, n int)
TEXT ·mulLookupDecodeNEON(SB), NOSPLIT, $0-40
	MOVD  dst+0(FP), R0
	MOVD  lookup+16(FP), R2
	MOVD  d+24(FP), R3
	LSL   $6, R3, R8        // bytes from one group of 64 codes to the next in dst
	VMOVI $64, V8.B16

plane:
	VLD1.P 64(R2), [V16.B16, V17.B16, V18.B16, V19.B16]
	VLD1.P 64(R2), [V20.B16, V21.B16, V22.B16, V23.B16]
	VLD1.P 64(R2), [V24.B16, V25.B16, V26.B16, V27.B16]
	VLD1.P 64(R2), [V28.B16, V29.B16, V30.B16, V31.B16]
	MOVD   codes+8(FP), R1
	MOVD   n+32(FP), R4
	MOVD   R0, R5

loop:
	VLD1.P 64(R1), [V0.B16, V1.B16, V2.B16, V3.B16]
	VTBL   V0.B16, [V16.B16, V17.B16, V18.B16, V19.B16], V4.B16
	VTBL   V1.B16, [V16.B16, V17.B16, V18.B16, V19.B16], V5.B16
	VTBL   V2.B16, [V16.B16, V17.B16, V18.B16, V19.B16], V6.B16
	VTBL   V3.B16, [V16.B16, V17.B16, V18.B16, V19.B16], V7.B16
	PART(V20, V21, V22, V23)
	PART(V24, V25, V26, V27)
	PART(V28, V29, V30, V31)
	VST1   [V4.B16, V5.B16, V6.B16, V7.B16], (R5)
	ADD    R8, R5
	SUBS   $1, R4
	BNE    loop
	ADD    $64, R0
	SUBS   $1, R3
	BNE    plane
	RET
