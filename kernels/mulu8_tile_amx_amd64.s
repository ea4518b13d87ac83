//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "amx_amd64.h"

TILECONFIG(tiles<>)

// The inputs of 16 vectors in a row of 64 columns are one tile, in place (tiles 4 and 5); 16
// quads of a panel are another (6 and 7). Their products are a tile of 16 vectors by 16 rows: 0 and
// 1 are the first 16 vectors with either panel, 2 and 3 the second 16.
//
// The tiles belong to the thread, so a goroutine must not change threads between LDTILECFG and
// TILERELEASE. It cannot: both are in this function, which calls nothing, and the runtime never
// preempts a goroutine within assembly, which has no safe points. Signals and other threads on the
// same CPU are harmless: the kernel saves and restores the tiles with the rest of the registers.

// func mulU8TileAMX(a *pairArgs)
// The frame holds, on a cache line boundary, the products of 32 vectors with two panels and behind
// them t of all sums between two groups, 4096 bytes each, and what the registers do not.
TEXT ·mulU8TileAMX(SB), 0, $8400-8
	MOVQ a+0(FP), DI
	LEAQ sums-8256(SP), R12
	ADDQ $63, R12
	ANDQ $~63, R12
	LEAQ tiles<>(SB), AX
	LDTILECFG_AX

	MOVQ tileArgs_stride(DI), R13
	MOVQ tileArgs_ld(DI), AX
	SHLQ $2, AX
	MOVQ AX, ld-8264(SP)
	MOVQ tileArgs_groups(DI), AX
	SHLQ $2, AX
	MOVQ AX, groups-8272(SP)
	MOVQ tileArgs_blocks(DI), AX
	SHLQ $2, AX
	MOVQ AX, blocks-8280(SP)

	MOVBLZX tileArgs_first(DI), AX
	DECL    AX                     // 0 in the first block, else all ones
	KMOVW   AX, K1

block:
	MOVQ    tileArgs_quads(DI), CX
	MOVQ    tileArgs_blockQuads(DI), AX
	CMPQ    CX, AX
	CMOVQGT AX, CX
	MOVQ    CX, quads-8288(SP)
	SUBQ    CX, tileArgs_quads(DI)

	MOVL         $0x3f800000, AX
	VPBROADCASTD AX, Z22
	VMOVDQA64    Z22, Z23
	MOVQ         tileArgs_scale(DI), AX
	TESTQ        AX, AX
	JEQ          start
	CMPQ         tileArgs_quads(DI), $0
	JNE          start
	VMOVUPS      (AX), Z22                // the last block: the scales of the rows
	VMOVUPS      64(AX), Z23

start:
	MOVQ    tileArgs_tiles(DI), AX
	MOVBLZX pairArgs_half(DI), CX
	LEAQ    (CX)(AX*2), AX
	MOVQ    AX, halves-8296(SP)
	MOVQ    tileArgs_q(DI), BX
	MOVQ    tileArgs_init(DI), DX
	MOVQ    DX, init-8304(SP)
	MOVQ    tileArgs_scales(DI), DX
	MOVQ    DX, scales-8312(SP)
	MOVQ    tileArgs_dst(DI), DX
	MOVQ    DX, dst-8320(SP)

tile:
	MOVQ    BX, q-8328(SP)
	MOVQ    tileArgs_codes(DI), SI
	MOVQ    pairArgs_codes2(DI), R8
	MOVQ    quads-8288(SP), CX
	XORL    R9, R9                 // the group
	LEAQ    2048(R12), DX
	LEAQ    4096(R12), AX
	CMPQ    halves-8296(SP), $1
	CMOVQEQ DX, AX
	MOVQ    AX, end-8336(SP)       // behind the products of the last vector

group:
	MOVQ    tileArgs_groupQuads(DI), AX
	CMPQ    CX, AX
	CMOVQLT CX, AX
	SUBQ    AX, CX
	MOVQ    AX, R10
	SHRQ    $4, R10                     // whole tiles
	ANDQ    $15, AX
	SHLQ    $3, AX                      // eight times the quads behind them
	MOVQ    $64, R14
	MOVQ    $128, R15
	TILEZERO(0)
	TILEZERO(1)
	CMPQ    halves-8296(SP), $1
	JEQ     half
	TILEZERO(2)
	TILEZERO(3)
	MOVQ    R13, DX
	SHLQ    $4, DX
	ADDQ    BX, DX                      // the 17th vector
	TESTQ   R10, R10
	JEQ     store

step:
	TILELOADD(BX_, R13_, 4)
	TILELOADD(SI_, R14_, 6)
	TDPBSUD(6, 4, 0)
	TILELOADD(R8_, R14_, 7)
	TDPBSUD(7, 4, 1)
	TILELOADD(DX_, R13_, 5)
	TDPBSUD(6, 5, 2)
	TDPBSUD(7, 5, 3)
	ADDQ $64, BX
	ADDQ $64, DX
	ADDQ $1024, SI
	ADDQ $1024, R8
	DECQ R10
	JNE  step

store:
	LEAQ 2048(R12), DX
	TILESTORED(2, DX_, R15_)
	ADDQ $64, DX
	TILESTORED(3, DX_, R15_)

storeHalf:
	MOVQ R12, DX
	TILESTORED(0, DX_, R15_)
	ADDQ $64, DX
	TILESTORED(1, DX_, R15_)

	MOVQ      tileArgs_mult(DI), DX
	TESTQ     DX, DX
	JEQ       rest
	MOVQ      R9, R10
	SHLQ      $4, R10
	VPMOVSXBD (DX)(R10*1), Z20
	MOVQ      pairArgs_mult2(DI), DX
	VPMOVSXBD (DX)(R10*1), Z21

// One vector after the other: BX is at its input behind the tiles, R11 at its products, DX at where
// its sums start from, R14 at its results, R15 at its scale.
rest:
	MOVQ BX, behind-8344(SP)
	MOVQ AX, DX
	SHRQ $1, DX
	MOVQ R13, R10
	SUBQ DX, R10
	MOVQ R10, next-8352(SP)    // from behind one vector to the next
	MOVQ init-8304(SP), DX
	LEAQ (DX)(R9*4), DX
	MOVQ dst-8320(SP), R14
	MOVQ scales-8312(SP), R15
	MOVQ R12, R11

vector:
	VPBROADCASTD (DX), Z0
	ADDQ         groups-8272(SP), DX
	VPADDD       64(R11), Z0, Z1
	VPADDD       (R11), Z0, Z0
	XORL         R10, R10
	CMPQ         R10, AX
	JEQ          multiply

quad:
	VPBROADCASTD (BX), Z18
	VMOVDQU32    (SI)(R10*8), Z16
	VMOVDQU32    (R8)(R10*8), Z17
	VPDPBUSD     Z18, Z16, Z0
	VPDPBUSD     Z18, Z17, Z1
	ADDQ         $4, BX
	ADDQ         $8, R10
	CMPQ         R10, AX
	JNE          quad

multiply:
	ADDQ    next-8352(SP), BX
	CMPQ    tileArgs_mult(DI), $0
	JEQ     finish
	VPMULLD Z20, Z0, Z0
	VPMULLD Z21, Z1, Z1
	TESTQ   R9, R9
	JEQ     firstGroup
	VPADDD  4096(R11), Z0, Z0
	VPADDD  4160(R11), Z1, Z1

firstGroup:
	TESTQ     CX, CX
	JEQ       finish
	VMOVDQA64 Z0, 4096(R11)
	VMOVDQA64 Z1, 4160(R11)
	JMP       advance

finish:
	VBROADCASTSS (R15), Z18
	ADDQ         blocks-8280(SP), R15
	VCVTDQ2PS    Z0, Z0
	VCVTDQ2PS    Z1, Z1
	VMULPS       Z18, Z0, Z0
	VMULPS       Z18, Z1, Z1
	VMOVUPS.Z    (R14), K1, Z18
	VMOVUPS.Z    64(R14), K1, Z19
	VADDPS       Z18, Z0, Z0
	VADDPS       Z19, Z1, Z1
	VMULPS       Z22, Z0, Z0
	VMULPS       Z23, Z1, Z1
	VMOVUPS      Z0, (R14)
	VMOVUPS      Z1, 64(R14)
	ADDQ         ld-8264(SP), R14

advance:
	ADDQ  $128, R11
	CMPQ  R11, end-8336(SP)
	JNE   vector
	MOVQ  behind-8344(SP), BX
	LEAQ  (SI)(AX*8), SI
	LEAQ  (R8)(AX*8), R8
	SHRQ  $1, AX
	ADDQ  AX, BX
	INCQ  R9
	TESTQ CX, CX
	JNE   group

	MOVQ R14, dst-8320(SP)
	MOVQ R15, scales-8312(SP)
	MOVQ R9, AX
	SHLQ $2, AX
	SUBQ AX, DX
	ADDQ $4, DX
	MOVQ DX, init-8304(SP)    // of the vector behind the last one, its first group
	MOVQ R13, BX
	SHLQ $5, BX
	ADDQ q-8328(SP), BX
	SUBQ $2, halves-8296(SP)
	JGT  tile

	// The next block. SI and R8 are at its codes, R9 is the number of groups of this one.
	CMPQ   tileArgs_quads(DI), $0
	JEQ    done
	MOVQ   SI, tileArgs_codes(DI)
	MOVQ   R8, pairArgs_codes2(DI)
	MOVQ   quads-8288(SP), AX
	SHLQ   $2, AX
	ADDQ   AX, tileArgs_q(DI)
	LEAQ   (R9*4), AX
	ADDQ   AX, tileArgs_init(DI)
	ADDQ   $4, tileArgs_scales(DI)
	KXNORW K1, K1, K1
	CMPQ   tileArgs_mult(DI), $0
	JEQ    block
	SHLQ   $4, R9
	ADDQ   R9, tileArgs_mult(DI)
	ADDQ   R9, pairArgs_mult2(DI)
	JMP    block

done:
	TILERELEASE
	VZEROUPPER
	RET

half:
	TESTQ R10, R10
	JEQ   storeHalf

halfStep:
	TILELOADD(BX_, R13_, 4)
	TILELOADD(SI_, R14_, 6)
	TDPBSUD(6, 4, 0)
	TILELOADD(R8_, R14_, 7)
	TDPBSUD(7, 4, 1)
	ADDQ $64, BX
	ADDQ $1024, SI
	ADDQ $1024, R8
	DECQ R10
	JNE  halfStep
	JMP  storeHalf
