// How the sdot tier multiplies: a weight w becomes the signed w-128 by a flip of its top bit (V25
// holds 0x80s), and 128 times the sum of the inputs is already in what a group starts from.

#define FLIP(w) VEOR V25.B16, w.B16, w.B16

#define DOT(i, e) \
	SDOT(24, i, 20, (0+4*e)) \
	SDOT(24, i, 21, (1+4*e)) \
	SDOT(24, i, 22, (2+4*e)) \
	SDOT(24, i, 23, (3+4*e))

#define FOLD \
	VADD V4.S4, V0.S4, V0.S4 \
	VADD V5.S4, V1.S4, V1.S4 \
	VADD V6.S4, V2.S4, V2.S4 \
	VADD V7.S4, V3.S4, V3.S4
