//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "window_bits_amd64.h"
#include "avx512vnni_amd64.h"
#include "mulwindow_cut_avx512vnni_amd64.h"
#include "mulwindow_panel_amd64.h"

// func mulWindowVecAVX512VNNI(a *vecArgs)
TEXT ·mulWindowVecAVX512VNNI(SB), NOSPLIT, $0-8
	MOVQ a+0(FP), DI
	BYBITS(vecArgs_bits(DI))

TEXT bits2<>(SB), NOSPLIT, $0-8
	MULTIPLY(2, HISTORY2, UNIT2)

TEXT bits3<>(SB), NOSPLIT, $0-8
	MULTIPLY(3, HISTORY3, UNIT3)

TEXT bits4<>(SB), NOSPLIT, $0-8
	MULTIPLY(4, HISTORY4, UNIT4)

TEXT bits5<>(SB), NOSPLIT, $0-8
	MULTIPLY(5, HISTORY5, UNIT5)
