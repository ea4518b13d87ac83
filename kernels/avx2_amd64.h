// DOT adds to sums the products of eight rows of signed weights, w, with a quad of input: Y12 is the
// quad in each row, Y13 its magnitudes, Y14 words of 1. VPMADDUBSW takes one factor without a sign,
// so the weight takes that of the input. Two products of up to 127 * 127 fit its words; a weight
// of -128 would keep its sign, and must not be.
#define DOT(w, sums) \
	VPSIGNB    Y12, w, w         \
	VPMADDUBSW w, Y13, w         \
	VPMADDWD   Y14, w, w         \
	VPADDD     w, sums, sums

#define ONES \
	VPCMPEQW Y14, Y14, Y14       \
	VPSRLW   $15, Y14, Y14
