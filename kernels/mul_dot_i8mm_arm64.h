// How the i8mm tier multiplies: unsigned weights by signed inputs, as they are.

#define FLIP(w)

#define DOT(i, e) \
	USDOT(24, i, 20, (0+4*e)) \
	USDOT(24, i, 21, (1+4*e)) \
	USDOT(24, i, 22, (2+4*e)) \
	USDOT(24, i, 23, (3+4*e))

#define FOLD \
	VADD V4.S4, V0.S4, V0.S4 \
	VADD V5.S4, V1.S4, V1.S4 \
	VADD V6.S4, V2.S4, V2.S4 \
	VADD V7.S4, V3.S4, V3.S4
