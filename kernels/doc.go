// Package kernels does the arithmetic of palettize on plain slices: it knows nothing of files or
// layers. Each operation has one table of implementations (tiers), best first, the portable scalar
// one last; a [Set] holds the chosen row of each.
//
// # Layouts
//
// A matrix that is multiplied without being rebuilt lies in panels of [PanelRows] = 16 rows. Within
// a panel four consecutive columns (a quad) of the 16 rows lie together, 64 bytes, so that one
// register holds 16 rows and the products of VPDPBUSD, SDOT or a tile of AMX fall into place, one
// sum a row, with no sum across a register at the end:
//
//	mul-u8      [panel][quad][16 rows][4 columns]       one byte is one weight
//	mul-nibble  [panel][pair of quads][16 rows][4]      low half: the first quad, high half: the second
//	mul-lookup  [panel][quad of segments][16 rows][4]   one byte is a segment of d columns
//	mul-window  [panel][word][16 rows][8 bytes]         a row is a stream of bits
//	table       [tile][segment][panel][64 rows]         one byte is a segment of d columns
//
// A tile is 4 panels, or what is left of them at the end: a contiguous stream, because panels that are multiplied
// together and lie apart are not fetched well from memory.
//
// The stream of mul-window has the new bits of one weight after those of the other, the highest bit first, in words of 64
// bits whose highest bit comes first and which are little-endian in memory. So the window that a weight is looked up with,
// the 8 bits of the stream that end with its own, are 8 bits next to each other in a word or in the end of one
// and the beginning of the next.
//
// For mul-lookup the input is permuted so that the j-th columns of four neighbouring segments lie
// together (PermuteInput); the other operations take it as it is.
//
// # Contracts
//
// Integer sums are exact on every tier: no saturation, whatever the bytes are (255 times -128 too).
// They are int32: 255*128*n stays below 2^31 up to n = [MaxDot] = 65,793 columns. Sums are taken
// over blocks of at most [Block] = 256 columns that share an input scale and, inside them, over
// groups that share a multiplier of at most 127: 255*128*256*127 = 1,061,158,912 < 2^31.
//
// Floating-point results have a fixed order of operations, no fused multiply-add, so that every
// tier gives the same bits as scalar. The two dense operations are the exception: they are the
// baseline to be compared with, use fused multiply-add and add in any order.
//
// # Tiles of AMX
//
// The tiles are registers of a thread that must be configured first and released at the end. A goroutine cannot move to
// another thread in between: all of it happens within one assembly function that calls nothing, and the runtime
// preempts goroutines at safe points only, which assembly has none of. A signal, or another thread on the same
// CPU, is harmless: the kernel saves and restores tiles like all registers. Linux allows a process tiles on
// request; it is asked once, at the start, where the CPU has them and PALETTIZE_CPU_OFF does not switch them
// off. Where it refuses, Tiers says so and AVX-512 takes their place.
//
// # Environment
//
// PALETTIZE_CPU_OFF=avx512vnni,... takes CPU features away, with all that builds on them.
// PALETTIZE_REQUIRE=avx2,... is read by the tests: tiers named there must run, or the test fails.
// PALETTIZE_TEST_UNSIGNED=1 is read by the tests: no input is negative. The emulator Bochs 3.0, which has AMX, takes
// the signed operand of its products for unsigned.
package kernels
