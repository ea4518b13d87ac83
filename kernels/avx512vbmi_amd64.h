// LOOKUP sets v to the bytes that its own bytes select among the 256 in t0..t3. K1 is the top bits
// of v, K2 the others. VPERMI2B leaves a masked-out byte of the index as it is, so that two of them
// with opposite masks need no blend (on a Zen 5 mul-lookup of [3072, 1024] with d = 4 takes 17.7 us
// so, 19.9 us with a blend).
#define LOOKUP(t0, t1, t2, t3, v) \
	VPERMI2B t1, t0, K2, v \
	VPERMI2B t3, t2, K1, v

#define LOOKUPMASKS(v) \
	VPMOVB2M v, K1  \
	KNOTQ    K1, K2
