// The registers of exp_amd64.h.

#define BIAS Y15
#define ONE Y14
#define C1 Y13
#define C2 Y12
#define C3 Y11
#define C4 Y10
#define C5 Y9

#include "avx2_amd64.h"
#include "exp_amd64.h"

#define NUMBERS \
	NUMBER(0, BIAS) \
	NUMBER(1, ONE)  \
	NUMBER(2, C1)   \
	NUMBER(3, C2)   \
	NUMBER(4, C3)   \
	NUMBER(5, C4)   \
	NUMBER(6, C5)
