// Instructions that the Go assembler cannot spell, one macro each. Registers are given by number,
// 0 to 31, sources first and the destination last, as in the assembler's own vector instructions.
// Encodings: Arm Architecture Reference Manual for A-profile, C7.2; the fields are written from bit
// 31 down, with d in bits 4-0, n in 9-5 and m in 20-16. neon_arm64_test.go executes each.

// The 4 lanes of d get the sums of 4 products of bytes; every lane of n meets the 4 bytes of lane i
// of m. SDOT (by element): signed by signed. 0 Q=1 0 01111 size=10 L M:m 1110 H 0 n d, i = H:L
#define SDOT(m, i, n, d) WORD $(0x4f80e000 | (i&1)<<21 | (m)<<16 | (i>>1)<<11 | (n)<<5 | (d))
// USDOT (by element): n unsigned, m signed.  0 Q=1 0 01111 10 L M:m 1111 H 0 n d, i = H:L
#define USDOT(m, i, n, d) WORD $(0x4f80f000 | (i&1)<<21 | (m)<<16 | (i>>1)<<11 | (n)<<5 | (d))

// d.H8 = n.B8 * m.B8, signed; SMULL2 takes the upper halves.  0 Q U=0 01110 size=00 1 m 1100 00 n d
#define SMULL(m, n, d) WORD $(0x0e20c000 | (m)<<16 | (n)<<5 | (d))
#define SMULL2(m, n, d) WORD $(0x4e20c000 | (m)<<16 | (n)<<5 | (d))
// d.H8 = sums of neighbours in n.B16, signed.  0 Q=1 U=0 01110 size=00 10000 00 0 10 10 n d
#define SADDLP(n, d) WORD $(0x4e202800 | (n)<<5 | (d))
// d.S4 += sums of neighbours in n.H8, signed.  0 Q=1 U=0 01110 size=01 10000 00 1 10 10 n d
#define SADALP(n, d) WORD $(0x4e606800 | (n)<<5 | (d))

// Sign extension, SSHLL by 0. 0 Q U=0 011110 immh:immb=0001000 (bytes) or 0010000 (halves) 10100 1
// n d
#define SXTLB(n, d) WORD $(0x0f08a400 | (n)<<5 | (d))
#define SXTLB2(n, d) WORD $(0x4f08a400 | (n)<<5 | (d))
#define SXTLH(n, d) WORD $(0x0f10a400 | (n)<<5 | (d))
#define SXTLH2(n, d) WORD $(0x4f10a400 | (n)<<5 | (d))

// d.H8 = n.H8 * m.H8, the lower halves of the products.  0 Q=1 U=0 01110 size=01 1 m 10011 1 n d
#define MULH(m, n, d) WORD $(0x4e609c00 | (m)<<16 | (n)<<5 | (d))
// d.S4 += n.S4 * m.S4, as integers.  0 Q=1 U=0 01110 size=10 1 m 10010 1 n d
#define MLA(m, n, d) WORD $(0x4ea09400 | (m)<<16 | (n)<<5 | (d))
// d.S4 = the smaller of n.S4 and m.S4, signed.  0 Q=1 U=0 01110 size=10 1 m 01101 1 n d
#define SMIN(m, n, d) WORD $(0x4ea06c00 | (m)<<16 | (n)<<5 | (d))
// d.S4 = n.S4 shifted to the left by what the lowest bytes of m.S4 say, signed; to the right where
// these are below 0.  0 Q=1 U=0 01110 size=10 1 m 01000 1 n d
#define SSHL(m, n, d) WORD $(0x4ea04400 | (m)<<16 | (n)<<5 | (d))
// d.S4 = |n.S4|, as integers.  0 Q=1 U=0 01110 size=10 10000 01011 10 n d
#define ABS(n, d) WORD $(0x4ea0b800 | (n)<<5 | (d))
// d.S[0] = the largest of n.S4, unsigned; the rest of d is 0. 0 Q=1 U=1 01110 size=10 11000 0 1010
// 10 n d
#define UMAXV(n, d) WORD $(0x6eb0a800 | (n)<<5 | (d))

// float32, four lanes.
// d = n * m.  0 Q=1 U=1 01110 0 sz=0 1 m 11011 1 n d
#define FMUL(m, n, d) WORD $(0x6e20dc00 | (m)<<16 | (n)<<5 | (d))
// d = n * m[i].  0 Q=1 U=0 01111 size=10 L M:m 1001 H 0 n d, i = H:L
#define FMULLANE(m, i, n, d) WORD $(0x4f809000 | (i&1)<<21 | (m)<<16 | (i>>1)<<11 | (n)<<5 | (d))
// d = n + m.  0 Q=1 U=0 01110 0 sz=0 1 m 11010 1 n d
#define FADD(m, n, d) WORD $(0x4e20d400 | (m)<<16 | (n)<<5 | (d))
// d = n - m.  0 Q=1 U=0 01110 1 sz=0 1 m 11010 1 n d
#define FSUB(m, n, d) WORD $(0x4ea0d400 | (m)<<16 | (n)<<5 | (d))
// d = n / m.  0 Q=1 U=1 01110 0 sz=0 1 m 11111 1 n d
#define FDIV(m, n, d) WORD $(0x6e20fc00 | (m)<<16 | (n)<<5 | (d))
// d = sums of neighbours, those of n and then those of m.  0 Q=1 U=1 01110 0 sz=0 1 m 11010 1 n d
#define FADDP(m, n, d) WORD $(0x6e20d400 | (m)<<16 | (n)<<5 | (d))
// d = the smaller of n and m.  0 Q=1 U=0 01110 1 sz=0 1 m 11110 1 n d
#define FMIN(m, n, d) WORD $(0x4ea0f400 | (m)<<16 | (n)<<5 | (d))
// d = the larger of n and m.  0 Q=1 U=0 01110 0 sz=0 1 m 11110 1 n d
#define FMAX(m, n, d) WORD $(0x4e20f400 | (m)<<16 | (n)<<5 | (d))
// d = |n|.  0 Q=1 U=0 01110 1 sz=0 10000 01111 10 n d
#define FABS(n, d) WORD $(0x4ea0f800 | (n)<<5 | (d))
// d = all ones where n > m, else 0.  0 Q=1 U=1 01110 1 sz=0 1 m 11100 1 n d
#define FCMGT(m, n, d) WORD $(0x6ea0e400 | (m)<<16 | (n)<<5 | (d))
// d = float32 of the int32 n.  0 Q=1 U=0 01110 0 sz=0 10000 11101 10 n d
#define SCVTF(n, d) WORD $(0x4e21d800 | (n)<<5 | (d))
// d = int32 of n, halves to even.  0 Q=1 U=0 01110 0 sz=0 10000 11010 10 n d
#define FCVTNS(n, d) WORD $(0x4e21a800 | (n)<<5 | (d))

// Four registers at a time.

#define ZERO4(a, b, c, d) \
	VEOR a.B16, a.B16, a.B16 \
	VEOR b.B16, b.B16, b.B16 \
	VEOR c.B16, c.B16, c.B16 \
	VEOR d.B16, d.B16, d.B16

// ALL4 is an instruction above, op, with m, n and d and then with the registers that follow each.
#define ALL4(op, m, n, d) \
	op(m, n, d)       \
	op(m+1, n+1, d+1) \
	op(m+2, n+2, d+2) \
	op(m+3, n+3, d+3)

// EACH4 has the same m four times.
#define EACH4(op, m, n, d) \
	op(m, n, d)     \
	op(m, n+1, d+1) \
	op(m, n+2, d+2) \
	op(m, n+3, d+3)

// FOLD4 leaves in the first lane of V0 what op makes of the 16 lanes of V0-V3: of the first and the
// second half of them, and so on until there is one.
#define FOLD4(op) \
	op(2, 0, 0)                     \
	op(3, 1, 1)                     \
	op(1, 0, 0)                     \
	VEXT $8, V0.B16, V0.B16, V1.B16 \
	op(1, 0, 0)                     \
	VDUP V0.S[1], V1.S4             \
	op(1, 0, 0)
