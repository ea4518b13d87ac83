// Package kernels does the arithmetic of palettize on plain slices: it knows nothing of files or
// layers. Each operation has one table of implementations (tiers), best first, the portable scalar
// one last; a [Set] holds the chosen row of each. There are four kinds of operations: products,
// which a layer is multiplied by, searches, which decide the bytes of a file, decoding, which reads
// them, and activations, which models apply between layers.
//
// # Terms
//
//   - row, column: of a weight matrix W [rows, cols], whose product with a vector x [cols] has an
//     element a row.
//   - panel: consecutive rows that are stored together, [PanelRows] or [TablePanelRows] of them.
//   - quad: four consecutive columns, what one 32-bit lane of a dot-product instruction takes.
//   - segment: d consecutive columns of a row that one code stands for.
//   - code: the index of a weight, or of a segment, in a lookup table of up to 256.
//   - group: columns that share a multiplier in each row. Block: columns that share a scale of the
//     quantised input; it consists of whole groups.
//   - window: the last 12 bits of a stream of codes, which a weight is the sum of two centroids by.
//   - tile: the rows and input vectors whose sums are in registers at the same time. AMX tiles are
//     the registers of that name.
//   - lane: an element of a vector register.
//   - word: 16 bits that a coder takes in. Strip: eight neighbouring columns, one for each coder.
//     Blocks of rans are not those of a group above: they are rows that are coded on their own.
//
// # Products
//
// Weights are unsigned bytes, inputs signed bytes, sums int32: quantize turns float32 inputs into
// bytes, group-sums adds these up, and what a weight means, weight = scale * (byte - zero point),
// is the caller's. mul-u8 takes the bytes as they are; mul-nibble, mul-lookup and mul-window look
// them up; table sums up dot products of the centroids with the input, which are computed first;
// segments share centroids, or have their own. dense-vector and dense-matrix multiply float32: the
// baseline to be compared with. dense-product does what models multiply beside weights: two
// matrices as they come.
//
// A matrix that is multiplied without being rebuilt is stored in panels of 16 rows. Within a panel
// a quad of the 16 rows is 64 bytes, so that one register holds 16 rows and the products of
// VPDPBUSD, SDOT or AMX fall into place, one sum a row, with no sum across a register at the end:
//
//	mul-u8      [panel][quad][16 rows][4 columns]       one byte is one weight
//	mul-nibble  [panel][pair of quads][16 rows][4]      lower half: first quad, upper: second
//	mul-lookup  [panel][quad of segments][16 rows][4]   one byte is a segment of d columns
//	mul-window  [panel][block][8 steps][16 rows][4]     a step of a row is 4 columns, see below
//	table       [tile][segment][panel][64 rows]         one byte is a segment of d columns
//
// A tile of table is 4 panels, or what is left of them at the end: a contiguous stream, because
// panels that are multiplied together but stored apart are not fetched well from memory.
//
// A row of mul-window is one stream of codes, those of one weight after those of the other, the
// highest bit first. In a block of n quads it is cut into four lanes of n columns each, and step i
// takes the i-th column of each lane. So what a step needs of those before is in the same lanes of
// registers, but for the beginnings of lanes, which go on from the ends of their neighbours. Eight
// steps of a lane are as many bytes as a code has bits; the first bytes of all lanes are stored
// together, then the second ones, and so on. What a weight is looked up by takes tables of 16, for
// which all CPUs have an instruction.
//
// For mul-window the input is permuted as the columns are (PermuteWindows), and for mul-lookup so
// that the j-th columns of four neighbouring segments are neighbours (PermuteInput); the other
// operations take it as it is.
//
// Integer sums are exact on every tier: no saturation, whatever the bytes are (255 times -128 too).
// They are int32: sums are taken over blocks of at most [Block] = 256 columns and, inside them,
// over groups with multipliers of at most 127, and 255*128*256*127 = 1,061,158,912 is less than
// 2^31 even together with as much for the zero point.
//
// Floating-point results have a fixed order of operations, no fused multiply-add, so that every
// tier gives the same bits as scalar. dense-vector and dense-matrix are the exception: they use
// fused multiply-add and add in any order.
//
// # Searches
//
// What k-means and the coding of weights choose ends up in files, which are the same on every
// machine. So the contracts of these operations fix each float32 operation, their order, and which
// of two equals wins:
//
//	nearest  the nearest centroid of each point (k-means)
//	update   columns less products of others with coefficients (the update of GPTQ)
//	trellis  levels along a path through a trellis (trellis-coded quantisation), by the
//	         Viterbi algorithm
//	window   windows of a stream of bits, likewise
//
// They are in this package and not in one of their own because they share what a tier is, the
// macros of the instructions and the one list that `palettize cpu` prints and PALETTIZE_CPU_OFF
// acts on. For these reasons decoding is here too:
//
// # Decoding
//
// rans decodes what entropy-coded layers are stored as. A coder waits for each level before it can
// begin with the next one: first for the entry that its state points to, then for a product. But
// the eight coders of a block take turns with its words, so that a register holds them, and blocks
// know nothing of each other, so that the waiting of four overlaps. What a coder needs next is as
// good as random: the tiers do without branches there, and those of AMD64 spread the words to the
// coders that need one by a shuffle, which costs the same whoever they are.
//
// # Activations
//
// exp-sum, exp-gelu and exp-swiglu are a softmax, up to its division, and the activations of models
// of the BERT type and of the Llama type. All are powers of 2 of polynomials, by the same
// polynomials on every tier and without fused operations, so that results are the same bits.
// add-norm is what follows each part of a BERT, rows-scale and rows-add are scales and biases of
// columns; transpose brings keys in the order that dense-product takes them in. Sixteen lanes are
// summed up each on its own.
//
// # AMX tiles
//
// AMX tiles are registers of a thread that must be configured first and released at the end. A
// goroutine cannot move to another thread in between: all of it happens within one assembly
// function that calls nothing, and the runtime preempts goroutines at safe points only, which
// assembly has none of. A signal, or another thread on the same CPU, is harmless: the kernel saves
// and restores tiles like all registers. Linux allows a process tiles on request; it is asked once,
// at the start, where the CPU has them and PALETTIZE_CPU_OFF does not switch them off. Where it
// refuses, Tiers says so and AVX-512 takes their place.
//
// # Files
//
// A file is named SUBJECT[_PART][_TIER][_ARCH], in lower case, and a test reads the names:
//
//	SUBJECT  an operation without its hyphens (mulu8), or what comes before the hyphen (mul, dense)
//	         for all of that kind; or what the package has once: doc, features, kernels, set, tiers
//	PART     a word, where a subject has several files: its steps (dots, decode), its units (tile)
//	TIER     a name in the tables; none: for several tiers
//	ARCH     amd64, arm64, linux_amd64, or portable: whatever has no file of its own
//
// SUBJECT.go has the contract and the checks, SUBJECT_scalar.go the scalar tier, SUBJECT_ARCH.go
// the declarations of assembly functions and what calls them, SUBJECT.h what is the same in the
// assembly of all architectures, by macros that each has of its own. TIER_ARCH without a subject is
// about the instructions themselves: macros in .h, each run once for a test in .s. An assembly
// function is named for its file: it begins with the operation and ends with the tier, as
// mulU8TileAMX in mulu8_tile_amx_amd64.s. Tests of SUBJECT are in SUBJECT_test.go, what they share
// in conformance_test.go.
//
// # Environment
//
// PALETTIZE_CPU_OFF=avx512vnni,... takes CPU features away, with all that builds on them.
// PALETTIZE_REQUIRE=avx2,... is read by the tests: tiers named there must run, or the test fails.
// PALETTIZE_TEST_UNSIGNED=1 is read by the tests: no input is negative. The emulator Bochs 3.0,
// which has AMX, takes the signed operand of its products for unsigned.
package kernels
