// The registers of exp_amd64.h.

#define BIAS Z31
#define ONE Z30
#define C1 Z29
#define C2 Z28
#define C3 Z27
#define C4 Z26
#define C5 Z25

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
