// INPUT broadcasts a quad of input: its magnitudes at x, Y13, and its signs, as many bytes behind it
// as signs says, Y12. See mulU8SignsAVX2.
#define INPUT(off, x, signs) \
	VPBROADCASTD off(x), Y13          \
	VPBROADCASTD off(x)(signs*1), Y12

// DOT adds to sums the products of eight rows of weights with a quad of input. VPMADDUBSW takes one
// factor without a sign: that is the magnitude of the input, Y13, and the weight takes its sign,
// Y12, which is -128 where the input is not negative and 127 where it is. weight^-128 is weight - 128
// and weight^127 is 127 - weight, both signed bytes, magnitudes are at most 128, and two products
// fit a word: the least sum is 2 * 128 * -128. What a product differs by from weight * input,
// magnitude * sign, is the same for all weights: mulU8SignsAVX2 takes it off the start of the sums.
// Y14 is words of 1, w is spoilt.
#define DOT(weights, w, sums) \
	VPXOR      weights, Y12, w \
	VPMADDUBSW w, Y13, w       \
	VPMADDWD   Y14, w, w       \
	VPADDD     w, sums, sums

#define ONES \
	VPCMPEQW Y14, Y14, Y14 \
	VPSRLW   $15, Y14, Y14

// FOLD leaves in the first lane of X0 what op makes of all lanes of Y0.
#define FOLD(op) \
	VEXTRACTF128 $1, Y0, X1 \
	op X1, X0, X0           \
	VPSHUFD $0x4e, X0, X1   \
	op X1, X0, X0           \
	VPSHUFD $0xb1, X0, X1   \
	op X1, X0, X0

// FOLD2 writes the sum of all int32 of Y0 to DI and that of Y1 to R8. Y2 is spoilt.
#define FOLD2 \
	VPHADDD      Y1, Y0, Y0    \
	VEXTRACTI128 $1, Y0, X2    \
	VPADDD       X2, X0, X0    \
	VPHADDD      X0, X0, X0    \
	VMOVD        X0, (DI)      \
	VPEXTRD      $1, X0, (R8)
