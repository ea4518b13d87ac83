// The instructions of AMX-TILE and AMX-INT8, none of which the Go assembler can spell (Intel SDM
// vol. 2). Tiles are given as numbers, 0 to 7. The assembler's shifts group from the right, so each
// has its parentheses.
//
// All have a VEX prefix of three bytes:
//
//	C4
//	R X B mmmmm     NOT the fourth bits of ModRM.reg, SIB.index and ModRM.rm or SIB.base; mmmmm = 00010 (0F38):  0xE2
//	W vvvv L pp     W = 0, vvvv = NOT the second source (1111 without one), L = 0 (128),
//	                pp = 00 (none): 0x78, 10 (F3): 0x7A, 11 (F2): 0x7B

// Registers by number, for the two that load and store. A base of SP, BP, R12 or R13 would take
// other bytes.
#define DX_ 2
#define BX_ 3
#define SI_ 6
#define DI_ 7
#define R8_ 8
#define R13_ 13
#define R14_ 14
#define R15_ 15

// LDTILECFG reads the shapes of the tiles from the 64 bytes at AX and clears the tiles.
//	VEX.128.NP.0F38.W0 49 !(11):000:bbb  LDTILECFG m512    mod = 00, rm = 000 (AX)
#define LDTILECFG_AX \
	BYTE $0xC4; BYTE $0xE2; BYTE $0x78; BYTE $0x49; BYTE $0x00

// TILERELEASE gives the tiles up: the kernel no longer saves them.
//	VEX.128.NP.0F38.W0 49 C0  TILERELEASE
#define TILERELEASE \
	BYTE $0xC4; BYTE $0xE2; BYTE $0x78; BYTE $0x49; BYTE $0xC0

// TILEZERO clears a tile.
//	VEX.128.F2.0F38.W0 49 11:rrr:000  TILEZERO tmm1    reg = tile
#define TILEZERO(tile) \
	BYTE $0xC4; BYTE $0xE2; BYTE $0x7B; BYTE $0x49; BYTE $(0xC0|((tile)<<3))

// TILELOADD loads a tile, row i from base + i*index.
//	VEX.128.F2.0F38.W0 4B !(11):rrr:100  TILELOADD tmm1, sibmem
//	mod = 00, reg = tile, rm = 100 (SIB follows); SIB: scale = 00, index, base
#define TILELOADD(base, index, tile) \
	BYTE $0xC4; BYTE $(0xE2^(((index)>>3)<<6)^(((base)>>3)<<5)); BYTE $0x7B; BYTE $0x4B; \
	BYTE $(0x04|((tile)<<3)); BYTE $((((index)&7)<<3)|((base)&7))

// TILESTORED stores a tile, row i to base + i*index.
//	VEX.128.F3.0F38.W0 4B !(11):rrr:100  TILESTORED sibmem, tmm1
#define TILESTORED(tile, base, index) \
	BYTE $0xC4; BYTE $(0xE2^(((index)>>3)<<6)^(((base)>>3)<<5)); BYTE $0x7A; BYTE $0x4B; \
	BYTE $(0x04|((tile)<<3)); BYTE $((((index)&7)<<3)|((base)&7))

// TDPBSUD(b, a, c) adds to c[m][n] the sum over k of a[m][k] * b[k/4][n][k%4]: signed bytes of tile
// a, unsigned bytes of tile b, 32-bit sums without saturation.
//	VEX.128.F3.0F38.W0 5E 11:rrr:bbb  TDPBSUD tmm1, tmm2, tmm3    reg = c, rm = a, vvvv = NOT b
#define TDPBSUD(b, a, c) \
	BYTE $0xC4; BYTE $0xE2; BYTE $(0x7A^((b)<<3)); BYTE $0x5E; BYTE $(0xC0|((c)<<3)|(a))

// TILECONFIG is what LDTILECFG reads for eight tiles of 16 rows of 64 bytes: palette 1, bytes in a
// row as words from 16 on, rows as bytes from 48 on; what is left out is 0.
#define TILECONFIG(name) \
	DATA  name+0(SB)/8, $1                   \
	DATA  name+16(SB)/8, $0x0040004000400040 \
	DATA  name+24(SB)/8, $0x0040004000400040 \
	DATA  name+48(SB)/8, $0x1010101010101010 \
	GLOBL name(SB), RODATA|NOPTR, $64
