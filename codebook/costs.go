package codebook

import (
	"slices"

	"github.com/palettize/palettize/kernels"
)

// cost is nanoseconds for one weight (in a table: for one lookup) of an operation on one tier: what
// it takes however many inputs there are, and for each of them.
type cost struct{ fetch, work float64 }

func (c cost) of(batch float64) float64 { return c.fetch + batch*c.work }

// costs are those of the tiers in use.
type costs struct{ bytes, nibble, lookup, window, table, denseVec, denseMat cost }

const (
	// costByte is what reading a byte of weights takes, data in the third-level cache. From
	// memory it takes three to five times as much, which favours the same plans the more.
	costByte = 0.006
	// costMemory is the same from memory. It counts for layers with windows, which are for models
	// larger than the caches.
	costMemory = 0.025
	// costCall is what a call takes whatever the size.
	costCall = 100
	// costThread is the least work that is worth one more thread. To hand it to one that has just
	// done another takes 150, see BenchmarkSplit.
	costThread = 1500
	// costEntry is what finding the range of an entry of a table and rounding it takes.
	costEntry = 0.035
	// costResult is what broadcasting one result takes.
	costResult = 0.3
)

// tierCosts were measured at [3072, 1024] on a Zen 5 (AMD EPYC 9005), each tier with the features
// of better ones switched off. Only their ratios count. AMX has the costs of the tier that it takes
// for single vectors: it was not measured. Bytes and 16 values of AVX2 are in proportion to what
// they took on a Zen 4, where 73 us were 0.0125: 50 and 61 us for a single vector, 31 for each of
// 128. So are lookups in batches.
var tierCosts = map[string]cost{
	"mul-u8/amx": {0, 0.0021}, "mul-u8/avx512vnni": {0, 0.0021}, "mul-u8/avxvnni": {0, 0.005},
	"mul-u8/avx2": {0.0033, 0.0054}, "mul-u8/scalar": {0, 2.3},
	"mul-nibble/amx": {0, 0.0021}, "mul-nibble/avx512vnni": {0, 0.0021},
	"mul-nibble/avxvnni": {0, 0.0055}, "mul-nibble/avx2": {0.0051, 0.0054},
	"mul-nibble/scalar": {0, 2.9},
	"mul-lookup/amx":    {0.0015, 0.0025}, "mul-lookup/avx512vbmi": {0.0015, 0.0025},
	"mul-lookup/avxvnni": {0.117, 0.005}, "mul-lookup/avx2": {0.125, 0.0054},
	"mul-lookup/scalar": {0, 1},
	"mul-window/amx":    {0.0025, 0.0021}, "mul-window/avx512vbmi": {0.0025, 0.0021},
	"mul-window/avx512vnni": {0.0036, 0.0021},
	"mul-window/avxvnni":    {0.0085, 0.005}, "mul-window/avx2": {0.012, 0.0054},
	"mul-window/scalar": {0, 10.5},
	"table/avx512vbmi":  {0, 0.0095}, "table/avx512vnni": {0, 0.05}, "table/avxvnni": {0, 0.29},
	"table/avx2": {0, 0.29}, "table/scalar": {0, 1.2},
	"dense-vector/avx512": {0, 0.0085}, "dense-vector/avx2": {0, 0.0085},
	"dense-vector/scalar": {0, 0.22},
	"dense-matrix/avx512": {0.06, 0.0085}, "dense-matrix/avx2": {0, 0.0165},
	"dense-matrix/scalar": {0, 0.22},

	// Those of arm64 are counted, not measured: two vector instructions and two loads of 16 bytes
	// in a cycle of 1/3 ns, a lookup among 64 bytes in two cycles. Tables are spread by scalar
	// code.
	"mul-u8/i8mm": {0, 0.011}, "mul-u8/sdot": {0, 0.021}, "mul-u8/neon": {0, 0.055},
	"mul-nibble/i8mm": {0, 0.031}, "mul-nibble/sdot": {0, 0.031}, "mul-nibble/neon": {0, 0.073},
	"mul-lookup/i8mm": {0.2, 0.011}, "mul-lookup/sdot": {0.2, 0.021},
	"mul-lookup/neon": {0.2, 0.055},
	"mul-window/i8mm": {0.3, 0.011}, "mul-window/sdot": {0.3, 0.021},
	"mul-window/neon": {0.3, 0.055},
	"table/i8mm":      {0, 1.2}, "table/sdot": {0, 1.2}, "table/neon": {0, 1.2},
	"dense-vector/neon": {0, 0.083},
	"dense-matrix/neon": {0, 0.083},
}

// unmeasured are the tiers whose costs were not measured.
var unmeasured = []string{"amx", "i8mm", "sdot", "neon"}

// PlansGuessed reports whether plans on these kernels are chosen by costs that nobody has measured:
// those of AMX are taken from another tier, those of arm64 are counted.
func PlansGuessed(set *kernels.Set) bool {
	return slices.Contains(unmeasured, set.Tier("mul-u8"))
}

// costsOf returns those of the tiers that a set uses.
func costsOf(set *kernels.Set) *costs { return costsWith(set.Tier) }

func costsWith(tier func(op string) string) *costs {
	of := func(op string) cost { return tierCosts[op+"/"+tier(op)] }
	return &costs{
		bytes: of("mul-u8"), nibble: of("mul-nibble"), lookup: of("mul-lookup"),
		window: of("mul-window"), table: of("table"),
		denseVec: of("dense-vector"), denseMat: of("dense-matrix"),
	}
}

// size is the number of weights, rows filled up to whole panels of this height.
func size(l *Layer, height int) float64 {
	return float64(ceilDiv(l.Rows, height)*height) * float64(l.Cols)
}

// readByte is what reading a byte of the layer's weights takes.
func (l *Layer) readByte() float64 {
	if l.WindowBits != 0 {
		return costMemory
	}
	return costByte
}

func costBroadcast(c *costs, l *Layer, batch float64) float64 {
	centroids := float64(l.K()) * float64(l.Cols)
	return costCall + centroids*(costByte+c.bytes.of(batch)) + batch*costResult*float64(l.Rows)
}

func costTable(c *costs, l *Layer, batch float64) float64 {
	lookups := size(l, tableRows) / float64(l.Width)
	entries := kernels.Centroids * float64(l.Segments())
	// Reading does not hide behind the lookups: from memory, segments of 4 took 40 us with tables
	// and 30 us decoded.
	return batch * (costCall + kernels.Centroids*float64(l.Cols)*c.bytes.work + entries*costEntry +
		lookups*(2*costByte+c.table.work))
}

func costNibbles(c *costs, l *Layer, batch float64) float64 {
	return costCall + size(l, panelRows)*(costByte/2+c.nibble.of(batch))
}

func costLookup(c *costs, l *Layer, batch float64) float64 {
	return costCall + size(l, panelRows)*(costByte/float64(l.Width)+c.lookup.of(batch))
}

func costWindow(c *costs, l *Layer, batch float64) float64 {
	return costCall + size(l, panelRows)*(l.readByte()*float64(l.WindowBits)/8+c.window.of(batch))
}

func costBytes(c *costs, l *Layer, batch float64) float64 {
	return costCall + size(l, panelRows)*(l.readByte()+c.bytes.of(batch))
}

func costDense(c *costs, l *Layer, batch float64) float64 {
	if batch == 1 {
		return costCall + size(l, 1)*(l.readByte()*4+c.denseVec.work)
	}
	return costCall + size(l, 1)*(l.readByte()*4+c.denseMat.of(batch))
}
