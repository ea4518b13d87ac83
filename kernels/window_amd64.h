// What the searches of all widths have in common. h, the upper eight bits of a window, is
// first<<(8-bits) | g: those of 16 next states have the same g, and one of 2^bits predecessors each
// for every first. A row of errors is that of the exclusive or of the halves of h. That of g and
// that of first can be taken apart, so one step from one first to the next is one XOR of the row.
//
// SI costs, DX next, BX errors, R8 back, R9 x, R10 values left, R11 weight, R12 bytes to the next
// weight, CX g, AX the row's bytes from BX, R13 costs of predecessors of g, DI the arguments.

#define BEGIN \
	MOVQ a+0(FP), DI               \
	MOVQ windowArgs_costs(DI), SI  \
	MOVQ windowArgs_next(DI), DX   \
	MOVQ windowArgs_errors(DI), BX \
	MOVQ windowArgs_back(DI), R8   \
	MOVQ windowArgs_x(DI), R9      \
	MOVQ windowArgs_n(DI), R10     \
	MOVQ windowArgs_w(DI), R11     \
	MOVQ windowArgs_step(DI), R12

// ROW0 goes to the row of g and the first of its predecessors.
#define ROW0 \
	MOVL CX, AX  \
	SHRL $4, AX  \
	XORL CX, AX  \
	ANDL $15, AX \
	SHLL $6, AX

// COSTS2 sets R13 to the cost of the first predecessor at 2 bits; the others likewise.
#define COSTS2 \
	MOVQ CX, R13 \
	SHLQ $4, R13 \
	ADDQ SI, R13

#define COSTS3 \
	LEAQ (SI)(CX*8), R13

#define COSTS4 \
	LEAQ (SI)(CX*4), R13

#define COSTS5 \
	MOVQ CX, R13          \
	SHRQ $1, R13          \
	LEAQ (SI)(R13*4), R13

// FIRSTS2 does FIRST(distance of costs, change of row) for each first at 2 bits, where a row is that
// of g and 4*first; the others likewise.
#define FIRSTS2(FIRST) \
	FIRST(0, 0)     \
	FIRST(1024, 4)  \
	FIRST(2048, 12) \
	FIRST(3072, 4)

#define FIRSTS3(FIRST) \
	FIRST(0, 0)     \
	FIRST(256, 2)   \
	FIRST(512, 6)   \
	FIRST(768, 2)   \
	FIRST(1024, 14) \
	FIRST(1280, 2)  \
	FIRST(1536, 6)  \
	FIRST(1792, 2)

#define FIRSTS4(FIRST) \
	FIRST(0, 0)    \
	FIRST(64, 1)   \
	FIRST(128, 3)  \
	FIRST(192, 1)  \
	FIRST(256, 7)  \
	FIRST(320, 1)  \
	FIRST(384, 3)  \
	FIRST(448, 1)  \
	FIRST(512, 15) \
	FIRST(576, 1)  \
	FIRST(640, 3)  \
	FIRST(704, 1)  \
	FIRST(768, 7)  \
	FIRST(832, 1)  \
	FIRST(896, 3)  \
	FIRST(960, 1)

#define FIRSTS5(FIRST) \
	FIRST(0, 0)    \
	FIRST(16, 8)   \
	FIRST(32, 9)   \
	FIRST(48, 8)   \
	FIRST(64, 11)  \
	FIRST(80, 8)   \
	FIRST(96, 9)   \
	FIRST(112, 8)  \
	FIRST(128, 15) \
	FIRST(144, 8)  \
	FIRST(160, 9)  \
	FIRST(176, 8)  \
	FIRST(192, 11) \
	FIRST(208, 8)  \
	FIRST(224, 9)  \
	FIRST(240, 8)  \
	FIRST(256, 7)  \
	FIRST(272, 8)  \
	FIRST(288, 9)  \
	FIRST(304, 8)  \
	FIRST(320, 11) \
	FIRST(336, 8)  \
	FIRST(352, 9)  \
	FIRST(368, 8)  \
	FIRST(384, 15) \
	FIRST(400, 8)  \
	FIRST(416, 9)  \
	FIRST(432, 8)  \
	FIRST(448, 11) \
	FIRST(464, 8)  \
	FIRST(480, 9)  \
	FIRST(496, 8)

#define VALUE_DONE \
	XCHGQ SI, DX   \
	ADDQ  $4, R9   \
	ADDQ  R12, R11 \
	DECQ  R10
