//go:build arm64 && !purego

package kernels

import "golang.org/x/sys/cpu"

// detect reads what the CPU offers. Of the three only asimd is there on every arm64 CPU.
func detect() features {
	var f features
	for _, c := range []struct {
		has bool
		bit features
	}{
		{cpu.ARM64.HasASIMD, asimd},
		{cpu.ARM64.HasASIMDDP, asimddp},
		{cpu.ARM64.HasI8MM, i8mm},
	} {
		if c.has {
			f |= c.bit
		}
	}
	return f
}

// The tables. Best first; the last row needs nothing, so pick always finds one.

var quantizeTiers = []tier[quantizeFunc]{
	{"neon", asimd, quantizeNEON},
	{"scalar", 0, quantizeScalar},
}

var groupSumsTiers = []tier[groupSumsFunc]{
	{"neon", asimd, groupSumsNEON},
	{"scalar", 0, groupSumsScalar},
}

var permuteTiers = []tier[permuteFunc]{
	{"neon", asimd, permuteEights(permuteEightsNEON)},
	{"scalar", 0, permuteScalar},
}

var mulU8Tiers = []tier[mulFunc]{
	{"i8mm", asimd | i8mm, mulI8MM.u8},
	{"sdot", asimd | asimddp, mulSDOT.u8},
	{"neon", asimd, mulNEON.u8},
	{"scalar", 0, mulU8Scalar},
}

var mulNibbleTiers = []tier[mulFunc]{
	{"i8mm", asimd | i8mm, mulI8MM.nibble},
	{"sdot", asimd | asimddp, mulSDOT.nibble},
	{"neon", asimd, mulNEON.nibble},
	{"scalar", 0, mulNibbleScalar},
}

var mulLookupTiers = []tier[mulFunc]{
	{"i8mm", asimd | i8mm, mulI8MM.lookup},
	{"sdot", asimd | asimddp, mulSDOT.lookup},
	{"neon", asimd, mulNEON.lookup},
	{"scalar", 0, mulLookupScalar},
}

var mulWindowTiers = []tier[mulFunc]{
	{"i8mm", asimd | i8mm, mulI8MM.window},
	{"sdot", asimd | asimddp, mulSDOT.window},
	{"neon", asimd, mulNEON.window},
	{"scalar", 0, mulWindowScalar},
}

// Tables are spread by scalar code: a lookup in 512 bytes takes eight TBL and TBX of four registers
// for 16 codes, about as long as 16 loads.
var tableTiers = []tier[tableKernel]{
	{"i8mm", asimd | i8mm, tableKernel{mulI8MM.buildTables, tableSpreadScalar}},
	{"sdot", asimd | asimddp, tableKernel{mulSDOT.buildTables, tableSpreadScalar}},
	{"neon", asimd, tableKernel{mulNEON.buildTables, tableSpreadScalar}},
	{"scalar", 0, tableKernel{tableBuildScalar, tableSpreadScalar}},
}

var denseVectorTiers = []tier[denseVectorFunc]{
	{"neon", asimd, denseVectorNEON},
	{"scalar", 0, denseVectorScalar},
}

var denseMatrixTiers = []tier[denseMatrixFunc]{
	{"neon", asimd, denseMatrixNEON},
	{"scalar", 0, denseMatrixScalar},
}

var denseProductTiers = []tier[denseProductFunc]{
	{"neon", asimd, denseProductNEON},
	{"scalar", 0, denseProductScalar},
}

var nearestTiers = []tier[nearestFunc]{
	{"neon", asimd, nearestNEON},
	{"scalar", 0, nearestScalar},
}

var updateTiers = []tier[updateKernel]{
	{"neon", asimd, updateKernel{updateRows, updateNEON}},
	{"scalar", 0, updateKernel{updateRows, updateScalar}},
}

var trellisTiers = []tier[trellisFunc]{
	{"neon", asimd, trellisNEON},
	{"scalar", 0, trellisScalar},
}

var windowTiers = []tier[windowFunc]{
	{"neon", asimd, windowNEON},
	{"scalar", 0, windowScalar},
}

// Coders look up entries one by one and NEON has nothing that gathers them.
var ransTiers = []tier[ransFunc]{{"scalar", 0, ransScalar}}

var expSumTiers = []tier[expSumFunc]{
	{"neon", asimd, expSumOf(expSumLargestNEON, expSumNEON)},
	{"scalar", 0, expSumOf(expSumLargestScalar, expSumScalar)},
}

var expGELUTiers = []tier[expGateFunc]{
	{"neon", asimd, expGateOf(expGELUNEON, expGELUScalar)},
	{"scalar", 0, expGELUScalar},
}

var expSwiGLUTiers = []tier[expGateFunc]{
	{"neon", asimd, expGateOf(expSwiGLUNEON, expSwiGLUScalar)},
	{"scalar", 0, expSwiGLUScalar},
}

var transposeTiers = []tier[transposeFunc]{
	{"neon", asimd, transposeTiled(4, transposeTilesNEON)},
	{"scalar", 0, transposeScalar},
}

var rowsScaleTiers = []tier[rowsFunc]{
	{"neon", asimd, eachRow(rowsScaleNEON)},
	{"scalar", 0, eachRow(rowsScaleScalar)},
}

var rowsAddTiers = []tier[rowsFunc]{
	{"neon", asimd, eachRow(rowsAddNEON)},
	{"scalar", 0, eachRow(rowsAddScalar)},
}

var addNormTiers = []tier[addNormFunc]{
	{"neon", asimd, addNormOf(addNormNEON, addNormSquaresNEON, addNormScaleNEON)},
	{"scalar", 0, addNormOf(addNormScalar, addNormSquaresScalar, addNormScaleScalar)},
}
