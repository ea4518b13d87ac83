//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "avxvnni_amd64.h"
#include "mulu8_avxvnni_amd64.h"
#include "mulu8_vec_amd64.h"

// func mulU8VecAVXVNNI(a *vecArgs)
TEXT ·mulU8VecAVXVNNI(SB), NOSPLIT, $0-8
	MOVQ a+0(FP), DI
	PANELS
	DOT
	NEXT
