// BYBITS goes on in the file's kernel for so many bits a weight, 2 to 5, of which each is a function
// of its own: macros cannot have labels twice in one.
#define BYBITS(bits) \
	MOVQ  bits, AX       \
	CMPQ  AX, $3         \
	JLT   two            \
	JEQ   three          \
	CMPQ  AX, $4         \
	JEQ   four           \
	JMP   bits5<>(SB)    \
	two:                 \
	JMP   bits2<>(SB)    \
	three:               \
	JMP   bits3<>(SB)    \
	four:                \
	JMP   bits4<>(SB)
