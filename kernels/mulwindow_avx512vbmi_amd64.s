//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "avx512vnni_amd64.h"
#include "mulwindow_look_avx512vbmi_amd64.h"
#include "mulwindow_panel_amd64.h"

// func mulWindow2VecAVX512VBMI(a *vecArgs)
TEXT ·mulWindow2VecAVX512VBMI(SB), NOSPLIT, $0-8
	MULTIPLY(2, HISTORY2, UNIT2)

// func mulWindow3VecAVX512VBMI(a *vecArgs)
TEXT ·mulWindow3VecAVX512VBMI(SB), NOSPLIT, $0-8
	MULTIPLY(3, HISTORY3, UNIT3)

// func mulWindow4VecAVX512VBMI(a *vecArgs)
TEXT ·mulWindow4VecAVX512VBMI(SB), NOSPLIT, $0-8
	MULTIPLY(4, HISTORY4, UNIT4)

// func mulWindow5VecAVX512VBMI(a *vecArgs)
TEXT ·mulWindow5VecAVX512VBMI(SB), NOSPLIT, $0-8
	MULTIPLY(5, HISTORY5, UNIT5)
