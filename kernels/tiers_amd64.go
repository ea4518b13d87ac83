//go:build amd64 && !purego

package kernels

import "golang.org/x/sys/cpu"

// detect reads what the CPU and the operating system offer. x/sys/cpu reports AVX-512 bits only
// when the system saves the wide registers; its HasAVXVNNI asks for AVX only, so rows list avx2
// too, and its AMX bits are those of the CPU alone: allowTiles asks the operating system.
func detect() features {
	var f features
	for _, c := range []struct {
		has bool
		bit features
	}{
		{cpu.X86.HasAVX2, avx2},
		{cpu.X86.HasFMA, fma},
		{cpu.X86.HasAVXVNNI, avxvnni},
		{cpu.X86.HasAVX512F, avx512f},
		{cpu.X86.HasAVX512BW, avx512bw},
		{cpu.X86.HasAVX512DQ, avx512dq},
		{cpu.X86.HasAVX512VL, avx512vl},
		{cpu.X86.HasAVX512VNNI, avx512vnni},
		{cpu.X86.HasAVX512VBMI, avx512vbmi},
		{cpu.X86.HasAMXTile && cpu.X86.HasAMXInt8, amx},
	} {
		if c.has {
			f |= c.bit
		}
	}
	return f
}

// The tables. Best first; the last row needs nothing, so pick always finds one.

var quantizeTiers = []tier[quantizeFunc]{
	{"avx512", avx512, quantizeAVX512},
	{"avx2", avx2, quantizeAVX2},
	{"scalar", 0, quantizeScalar},
}

var groupSumsTiers = []tier[groupSumsFunc]{
	{"avx512", avx512, groupSumsAVX512},
	{"avx2", avx2, groupSumsAVX2},
	{"scalar", 0, groupSumsScalar},
}

var permuteTiers = []tier[permuteFunc]{
	{"avx2", avx2, permuteEights(permuteEightsAVX2)},
	{"scalar", 0, permuteScalar},
}

var mulU8Tiers = []tier[mulFunc]{
	{"amx", avx512 | avx512vnni | amx, mulAMX(codedU8)},
	{"avx512vnni", avx512 | avx512vnni, mulAVX512(codedU8)},
	{"avxvnni", avx2 | avxvnni, mulAVXVNNI(codedU8)},
	{"avx2", avx2, mulAVX2(codedU8)},
	{"scalar", 0, mulU8Scalar},
}

var mulNibbleTiers = []tier[mulFunc]{
	{"amx", avx512 | avx512vnni | amx, mulAMX(codedNibble)},
	{"avx512vnni", avx512 | avx512vnni, mulAVX512(codedNibble)},
	{"avxvnni", avx2 | avxvnni, mulAVXVNNI(codedNibble)},
	{"avx2", avx2, mulAVX2(codedNibble)},
	{"scalar", 0, mulNibbleScalar},
}

var mulLookupTiers = []tier[mulFunc]{
	{"amx", avx512 | avx512vnni | avx512vbmi | amx, mulAMX(codedLookup)},
	{"avx512vbmi", avx512 | avx512vnni | avx512vbmi, mulAVX512(codedLookup)},
	{"avxvnni", avx2 | avxvnni, mulAVXVNNI(codedLookup)},
	{"avx2", avx2, mulAVX2(codedLookup)},
	{"scalar", 0, mulLookupScalar},
}

var mulWindowTiers = []tier[mulFunc]{
	{"amx", avx512 | avx512vnni | avx512vbmi | amx, mulAMX(codedWindowVBMI)},
	{"avx512vbmi", avx512 | avx512vnni | avx512vbmi, mulAVX512(codedWindowVBMI)},
	{"avx512vnni", avx512 | avx512vnni, mulAVX512(codedWindow)},
	{"avxvnni", avx2 | avxvnni, mulAVXVNNI(codedWindow)},
	{"avx2", avx2, mulAVX2(codedWindow)},
	{"scalar", 0, mulWindowScalar},
}

var tableTiers = []tier[tableKernel]{
	{"avx512vbmi", avx512 | avx512vnni | avx512vbmi,
		tableKernel{tableBuild(tableDotsAVX512VNNI, tablePackAVX512VBMI), spreadAVX512VBMI}},
	{"avx512vnni", avx512 | avx512vnni,
		tableKernel{tableBuild(tableDotsAVX512VNNI, tablePackAVX512VNNI), spreadAVX512VNNI}},
	{"avxvnni", avx2 | avxvnni, tableKernel{tableBuild(tableDotsAVXVNNI, tablePackAVX2),
		spreadAVX2}},
	{"avx2", avx2, tableKernel{tableBuild(tableDotsAVX2, tablePackAVX2), spreadAVX2}},
	{"scalar", 0, tableKernel{tableBuildScalar, tableSpreadScalar}},
}

var denseVectorTiers = []tier[denseVectorFunc]{
	{"avx512", avx512 | fma, denseVectorAVX512},
	{"avx2", avx2 | fma, denseVectorAVX2},
	{"scalar", 0, denseVectorScalar},
}

var denseMatrixTiers = []tier[denseMatrixFunc]{
	{"avx512", avx512 | fma, denseMatrixAVX512},
	{"avx2", avx2 | fma, denseMatrixAVX2},
	{"scalar", 0, denseMatrixScalar},
}

var denseProductTiers = []tier[denseProductFunc]{
	{"avx512", avx512, denseProductTiled(32, productTile{12, denseProduct12AVX512},
		productTile{4, denseProduct4AVX512}, productTile{1, denseProduct1AVX512})},
	{"avx2", avx2, denseProductTiled(16, productTile{6, denseProduct6AVX2},
		productTile{2, denseProduct2AVX2}, productTile{1, denseProduct1AVX2})},
	{"scalar", 0, denseProductScalar},
}

var nearestTiers = []tier[nearestFunc]{
	{"avx512", avx512, nearestAVX512},
	{"avx2", avx2, nearestAVX2},
	{"scalar", 0, nearestScalar},
}

var updateTiers = []tier[updateKernel]{
	{"avx512", avx512, updateKernel{64, updateAVX512}},
	{"avx2", avx2, updateKernel{updateRows, updateAVX2}},
	{"scalar", 0, updateKernel{updateRows, updateScalar}},
}

var trellisTiers = []tier[trellisFunc]{
	{"avx512", avx512, trellisAVX512},
	{"avx2", avx2, trellisAVX2},
	{"scalar", 0, trellisScalar},
}

var windowTiers = []tier[windowFunc]{
	{"avx512", avx512, windowAVX512},
	{"avx2", avx2, windowAVX2},
	{"scalar", 0, windowScalar},
}

var ransTiers = []tier[ransFunc]{
	{"avx512", avx512, ransAVX512},
	{"avx2", avx2, ransAVX2},
	{"scalar", 0, ransScalar},
}

var expSumTiers = []tier[expSumFunc]{
	{"avx512", avx512, expSumOf(expSumLargestAVX512, expSumAVX512)},
	{"avx2", avx2, expSumOf(expSumLargestAVX2, expSumAVX2)},
	{"scalar", 0, expSumOf(expSumLargestScalar, expSumScalar)},
}

var expGELUTiers = []tier[expGateFunc]{
	{"avx512", avx512, expGateOf(expGELUAVX512, expGELUScalar)},
	{"avx2", avx2, expGateOf(expGELUAVX2, expGELUScalar)},
	{"scalar", 0, expGELUScalar},
}

var expSwiGLUTiers = []tier[expGateFunc]{
	{"avx512", avx512, expGateOf(expSwiGLUAVX512, expSwiGLUScalar)},
	{"avx2", avx2, expGateOf(expSwiGLUAVX2, expSwiGLUScalar)},
	{"scalar", 0, expSwiGLUScalar},
}

// Wider registers are no faster at what waits for memory.

var transposeTiers = []tier[transposeFunc]{
	{"avx2", avx2, transposeTiled(8, transposeTilesAVX2)},
	{"scalar", 0, transposeScalar},
}

var rowsScaleTiers = []tier[rowsFunc]{
	{"avx2", avx2, eachRow(rowsScaleAVX2)},
	{"scalar", 0, eachRow(rowsScaleScalar)},
}

var rowsAddTiers = []tier[rowsFunc]{
	{"avx2", avx2, eachRow(rowsAddAVX2)},
	{"scalar", 0, eachRow(rowsAddScalar)},
}

var addNormTiers = []tier[addNormFunc]{
	{"avx512", avx512, addNormOf(addNormAVX512, addNormSquaresAVX512, addNormScaleAVX512)},
	{"avx2", avx2, addNormOf(addNormAVX2, addNormSquaresAVX2, addNormScaleAVX2)},
	{"scalar", 0, addNormOf(addNormScalar, addNormSquaresScalar, addNormScaleScalar)},
}
