// Instructions that the Go assembler cannot spell. Registers are given as numbers, 0 to 15.

// VPDPBUSD_VEX(x, w, acc) is VPDPBUSD Yx, Yw, Yacc in the form of AVX-VNNI, for CPUs without
// AVX-512 (the assembler has the EVEX form only): each 32-bit sum of Yacc grows by the products of
// four unsigned bytes of Yw with four signed bytes of Yx, without saturation.
//
//	VEX.256.66.0F38.W0 50 /r  VPDPBUSD ymm1, ymm2, ymm3/m256    (Intel SDM vol. 2, VPDPBUSD)
//	ymm1 = acc: ModRM.reg     ymm2 = w: VEX.vvvv     ymm3 = x: ModRM.rm
//
//	C4                       VEX with three bytes
//	R X B mmmmm              R = NOT acc[3], X = 1, B = NOT x[3], mmmmm = 00010 (0F38):  0xE2 ^ acc[3]<<7 ^ x[3]<<5
//	W vvvv L pp              W = 0, vvvv = NOT w, L = 1 (256 bits), pp = 01 (66):        0x7D ^ w<<3
//	50                       opcode
//	mod reg rm               mod = 11 (registers), reg = acc[2:0], rm = x[2:0]:          0xC0 | acc[2:0]<<3 | x[2:0]
//
// The assembler's shifts group from the right, so each has its parentheses.
#define VPDPBUSD_VEX(x, w, acc) \
	BYTE $0xC4                                 \
	BYTE $(0xE2^(((acc)>>3)<<7)^(((x)>>3)<<5)) \
	BYTE $(0x7D^((w)<<3))                      \
	BYTE $0x50                                 \
	BYTE $(0xC0|(((acc)&7)<<3)|((x)&7))
