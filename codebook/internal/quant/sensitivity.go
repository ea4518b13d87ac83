package quant

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/palettize/palettize/codebook/internal/gptq"
	"github.com/palettize/palettize/internal/logscale"
	"github.com/palettize/palettize/internal/par"
)

// sensitivity is what a layer's inputs mean for its weights: an error in a column counts as the
// square of the error over the column's step.
type sensitivity struct {
	unit     float64   // the step of a row and a column of scale 1
	spread   Step      // about the root of the mean square of the weights, in such units
	sensed   bool      // the unit follows from what errors cost the model's answers
	relative bool      // noise and signal are in such units; else in those of the weights
	signal   float64   // the sum of squares of the weights that noise is to be compared with
	codes    []byte    // of the columns' scales, in ColScales; nil: all 1
	steps    []float32 // the columns' scales; nil: all 1
	rowCodes []byte    // the same for the rows; nil with a factor
	rowSteps []float32
	factor   *gptq.Factor // for error feedback; nil: each weight is quantised as it is
}

// CapFactor is how many times the relative error that a matrix, or a row of a table, would have at
// the mean rate it may have: a small matrix, or one of small weights, can matter as much as any
// other, since a norm, an activation or a residual scales up again what it puts out.
const CapFactor = 2

// coarser is how many times coarser steps are, relative to the weights, for matrices without
// moments beside others that have them: mostly tables, whose rows enter a model once, while errors
// of layers add up from layer to layer. On all-MiniLM-L6-v2 at 4 bits, tables included, 1, 1.4, 2
// and 2.8 leave embeddings with cosines of 0.9939, 0.9955, 0.9965 and 0.9969; sparing the tables
// more would help this model a little, and others less.
const coarser = 2

// sensitivityOf goes by what is known of the inputs, and by whether more is known of those of other
// matrices.
func sensitivityOf(ctx context.Context, m *Matrix, o Options) (sensitivity, error) {
	switch {
	case m.Moments != nil:
		return knownInputs(ctx, m, o.Threads)
	case m.Calibrated:
		return amongKnown(m, o.Threads), nil
	}
	squares := rowSquares(m.W, m.Cols, o.Threads)
	return unknownInputs(m, squares, typical(squares)), nil
}

// amongKnown is the sensitivity of a matrix to inputs of which nothing is known, beside others with
// moments: noise in units of the steps is that of the weights as a part of their mean square.
func amongKnown(m *Matrix, threads par.Share) sensitivity {
	squares := rowSquares(m.W, m.Cols, threads)
	power := typical(squares)
	in := unknownInputs(m, squares, power)
	if in.signal > 0 {
		in.unit = coarser * math.Sqrt(in.signal/float64(len(m.W)))
		if m.Sensitivity > 0 {
			in.unit /= coarser * math.Sqrt(m.Sensitivity)
			in.sensed = true
		}
	}
	if m.Lookups != nil {
		in.heedLookups(m.Lookups)
	}
	in.spreadOf(power, len(m.W))
	in.relative, in.signal = true, in.signal/float64(in.unit*in.unit)
	return in
}

// knownInputs is the sensitivity of a matrix to inputs of its moments. Noise in units of the steps
// then is that of the output, as a part of its mean square. (Steps in proportion to U's diagonal
// spread the noise evenly over columns: water-filling.)
func knownInputs(ctx context.Context, m *Matrix, threads par.Share) (sensitivity,
	error) {
	in := sensitivity{unit: 1, relative: true, signal: float64(len(m.W))}
	relative := make([]float64, m.Cols)
	if m.Moments.Matrix != nil {
		if err := in.refactor(ctx, m, threads); err != nil {
			return in, err
		}
		for j, d := range in.factor.Diagonal() {
			relative[j] = float64(d)
		}
	} else {
		for j, v := range gptq.Damped(m.Moments) {
			relative[j] = 1 / math.Sqrt(v)
		}
	}
	top := slices.Max(relative)
	in.codes, in.steps = make([]byte, m.Cols), make([]float32, m.Cols)
	for j, v := range relative {
		in.codes[j] = logscale.Code(float32(v / top))
		in.steps[j] = logscale.Value(in.codes[j])
	}
	in.setUnit(m, top, threads)
	return in, nil
}

// refactor factors the moments' matrix where there is one, unless that has been done.
func (in *sensitivity) refactor(ctx context.Context, m *Matrix, threads par.Share) (err error) {
	if m.Moments == nil || m.Moments.Matrix == nil || in.factor != nil {
		return nil
	}
	if in.factor, err = gptq.New(ctx, m.Moments, threads()); err != nil {
		err = fmt.Errorf("second moments: %w", err)
	}
	return err
}

// setUnit sets the step of a column of scale 1 to what makes matrices comparable; top is U's
// diagonal there. Where it is known what errors cost the answers, that is by the errors of outputs
// as parts of those, each by its cost. Else two ways to compare them offer themselves: by their
// errors as parts of their weights, and by the errors of their outputs as parts of those. On
// all-MiniLM-L6-v2 with moments, the first leaves sentence embeddings at 4 bits with a cosine of
// 0.99606, the second with 0.99336, and the geometric mean of the two units, which is taken, with
// 0.99623.
func (in *sensitivity) setUnit(m *Matrix, top float64, threads par.Share) {
	w, squares, cols, rows := m.W, m.Moments.Squares, m.Cols, m.Rows
	powers := make([]float64, rows)
	par.Ranges(threads(), rows, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			for c, v := range w[r*cols:][:cols] {
				square := float64(float64(v) * float64(v))
				powers[r] += float64(square * float64(squares[c]))
			}
		}
	})
	power, weights := sum(powers), sum(rowSquares(w, cols, threads))
	if power == 0 {
		return
	}
	n := float64(len(w))
	ofOutputs, ofWeights := top*math.Sqrt(power/n), math.Sqrt(weights/n)/geometricMean(in.codes)
	in.unit = math.Sqrt(ofOutputs * ofWeights)
	if m.Sensitivity > 0 {
		in.unit, in.sensed = ofOutputs/math.Sqrt(m.Sensitivity), true
		in.spread = stepBelow(ofWeights*ofWeights/in.unit/in.unit) / 2
	}
}

// geometricMean is that of the scales of these codes.
func geometricMean(codes []byte) float64 {
	below := Step(0)
	for _, code := range codes {
		below -= 255 - Step(code)
	}
	return (below * Octave / 16 / Step(len(codes))).Value()
}

// columnSteps returns the steps of the columns for a step of the quantiser.
func (in *sensitivity) columnSteps(step float64, cols int) []float64 {
	steps := make([]float64, cols)
	for i := range steps {
		if steps[i] = step * in.unit; in.steps != nil {
			steps[i] *= float64(in.steps[i])
		}
	}
	return steps
}

// unknownInputs is the sensitivity of a matrix to inputs of which nothing is known: its squared
// errors count as a part of sqrt(n) * rms^(5/4), n being the number of its weights and rms the root
// of their mean square. Neither the errors themselves nor relative errors will do for all models:
// the former leave little to small matrices, or matrices of small weights, that matter; the latter
// little to large ones. Of the models of examples/compare, an OCR reader at 4 and 3 bits has 0.02
// and 0.45 of the characters wrong (0.07 and 0.62 with rms for rms^(5/4), 0.9 at 4 bits with the
// errors themselves). Rows of a table enter a model once, while errors of layers add up from layer
// to layer, so that a table's squared errors count half: on all-MiniLM-L6-v2 at 4 and 3 bits,
// tables included, that leaves embeddings with cosines of 0.9939 and 0.9736, else 0.9921 and 0.9680
// (with rms). A table that is the output matrix too, whose errors no later layer makes up for,
// counts ten times: SmolLM2-135M, 4 bits a weight in all, then has a perplexity of 35.6 where it
// has 44.1 with a half, 42.3 with one time and 40.5 with four (32.5 without compression).
//
// squares are those of the rows, power their sum as typical has it.
func unknownInputs(m *Matrix, squares []float64, power float64) sensitivity {
	in := sensitivity{unit: 1, signal: sum(squares)}
	if n := float64(len(m.W)); power > 0 {
		rms := math.Sqrt(power / n)
		in.unit = math.Sqrt(math.Sqrt(n)) * math.Sqrt(rms) * math.Sqrt(math.Sqrt(math.Sqrt(rms)))
	}
	if m.Embedding {
		if m.Output {
			in.unit /= math.Sqrt(10)
		} else {
			in.unit *= math.Sqrt2
		}
		in.heedRows(squares, power)
	}
	in.spreadOf(power, len(m.W))
	return in
}

// spreadOf notes how large so many weights are whose squares come to power.
func (in *sensitivity) spreadOf(power float64, weights int) {
	if power > 0 {
		in.spread = stepBelow(power/float64(weights)/in.unit/in.unit) / 2
	}
}

// rowSquares returns the sums of squares of the rows.
func rowSquares(w []float32, cols int, threads par.Share) []float64 {
	squares := make([]float64, len(w)/cols)
	par.Ranges(threads(), len(squares), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			for _, v := range w[r*cols:][:cols] {
				squares[r] += float64(float64(v) * float64(v))
			}
		}
	})
	return squares
}

func sum(values []float64) (sum float64) {
	for _, v := range values {
		sum += v
	}
	return sum
}

// typical returns the sum of the rows' squares, none taken for more than 1024 times that which a
// tenth of those that are not 0 exceed: a weight beyond all measure, which is stored apart, says
// nothing of the others.
func typical(squares []float64) (sum float64) {
	sorted := slices.Sorted(slices.Values(squares))
	sorted = sorted[sort.Search(len(sorted), func(i int) bool { return sorted[i] > 0 }):]
	for _, square := range sorted {
		sum += min(square, 1024*sorted[(len(sorted)-1)*9/10])
	}
	return sum
}

// heedRows makes the steps of rows with small weights finer, so that no row's relative error is
// beyond CapFactor times that of the matrix.
func (in *sensitivity) heedRows(squares []float64, power float64) {
	mean := power / float64(len(squares))
	steps := make([]float64, len(squares))
	for r, square := range squares {
		if steps[r] = 1; square > 0 {
			steps[r] = min(CapFactor*math.Sqrt(square/mean), 1)
		}
	}
	in.setRowSteps(steps)
}

// heedLookups makes the steps of rows finer the more often they are looked up, once more each than
// the data has it, which does not reach all. It goes by the fourth root: by the square root, errors
// would cost least on text like the data, and more on other text. On all-MiniLM-L6-v2 at 4 bits,
// with 30,000 tokens of documentation, embeddings of such text and of everyday sentences have
// cosines of 0.9974 and 0.9967 without lookups, 0.9984 and 0.9968 with the fourth root, and 0.9985
// and 0.9965 with the square root.
func (in *sensitivity) heedLookups(lookups []float32) {
	total := 0.0
	for _, n := range lookups {
		total += float64(n)
	}
	mean := total/float64(len(lookups)) + 1
	steps := make([]float64, len(lookups))
	for r, n := range lookups {
		rarer := math.Sqrt(math.Sqrt(mean / (float64(n) + 1)))
		steps[r] = min(rarer, CapFactor) * float64(in.rowStep(r))
	}
	in.setRowSteps(steps)
}

// setRowSteps sets the steps of rows, in units of the matrix.
func (in *sensitivity) setRowSteps(steps []float64) {
	top := slices.Max(steps)
	in.unit *= top
	codes, values := make([]byte, len(steps)), make([]float32, len(steps))
	for r, step := range steps {
		codes[r] = logscale.Code(float32(step / top))
		values[r] = logscale.Value(codes[r])
	}
	in.rowCodes, in.rowSteps = nil, nil
	if slices.Min(codes) < 255 { // else all are alike
		in.rowCodes, in.rowSteps = codes, values
	}
}

// rowStep is the scale of row r.
func (in *sensitivity) rowStep(r int) float32 {
	if in.rowSteps == nil {
		return 1
	}
	return in.rowSteps[r]
}

// rowWeights says how much squared errors in units of the steps of so many rows count.
func (in *sensitivity) rowWeights(rows int) []float64 {
	weights := make([]float64, rows)
	for r := range weights {
		step := float64(in.rowStep(r))
		weights[r] = step * step
	}
	return weights
}
