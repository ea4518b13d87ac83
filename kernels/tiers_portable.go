//go:build (!amd64 && !arm64) || purego

package kernels

// detect returns no features: nothing here needs one.
func detect() features { return 0 }

var (
	quantizeTiers  = []tier[quantizeFunc]{{"scalar", 0, quantizeScalar}}
	groupSumsTiers = []tier[groupSumsFunc]{{"scalar", 0, groupSumsScalar}}
	permuteTiers   = []tier[permuteFunc]{{"scalar", 0, permuteScalar}}
	mulU8Tiers     = []tier[mulFunc]{{"scalar", 0, mulU8Scalar}}
	mulNibbleTiers = []tier[mulFunc]{{"scalar", 0, mulNibbleScalar}}
	mulLookupTiers = []tier[mulFunc]{{"scalar", 0, mulLookupScalar}}
	mulWindowTiers = []tier[mulFunc]{{"scalar", 0, mulWindowScalar}}
	tableTiers     = []tier[tableKernel]{{"scalar", 0,
		tableKernel{tableBuildScalar, tableSpreadScalar}}}
	denseVectorTiers  = []tier[denseVectorFunc]{{"scalar", 0, denseVectorScalar}}
	denseMatrixTiers  = []tier[denseMatrixFunc]{{"scalar", 0, denseMatrixScalar}}
	denseProductTiers = []tier[denseProductFunc]{{"scalar", 0, denseProductScalar}}
	nearestTiers      = []tier[nearestFunc]{{"scalar", 0, nearestScalar}}
	updateTiers       = []tier[updateKernel]{{"scalar", 0, updateKernel{updateRows, updateScalar}}}
	trellisTiers      = []tier[trellisFunc]{{"scalar", 0, trellisScalar}}
	windowTiers       = []tier[windowFunc]{{"scalar", 0, windowScalar}}
	ransTiers         = []tier[ransFunc]{{"scalar", 0, ransScalar}}
	expSumTiers       = []tier[expSumFunc]{{"scalar", 0, expSumOf(expSumLargestScalar, expSumScalar)}}
	expGELUTiers      = []tier[expGateFunc]{{"scalar", 0, expGELUScalar}}
	expSwiGLUTiers    = []tier[expGateFunc]{{"scalar", 0, expSwiGLUScalar}}
	transposeTiers    = []tier[transposeFunc]{{"scalar", 0, transposeScalar}}
	rowsScaleTiers    = []tier[rowsFunc]{{"scalar", 0, eachRow(rowsScaleScalar)}}
	rowsAddTiers      = []tier[rowsFunc]{{"scalar", 0, eachRow(rowsAddScalar)}}
	addNormTiers      = []tier[addNormFunc]{{"scalar", 0,
		addNormOf(addNormScalar, addNormSquaresScalar, addNormScaleScalar)}}
)
