package codebook

import "github.com/palettize/palettize/kernels"

// costs are nanoseconds for one unit of work of each operation, by the tiers in use. A cost counts the
// work and the bytes that it streams.
type costs struct {
	bytes  float64 // mul-u8: one weight times one input
	nibble float64 // mul-nibble: the same
	lookup float64 // mul-lookup: the same
	fetch  float64 // mul-lookup: one weight, however many inputs
	spread float64 // table: one lookup
	dense  float64 // dense-vector and dense-matrix: one weight times one input
}

const (
	// costByte is what reading a byte of weights takes, data in the third-level cache. From
	// memory it takes three to five times as much, which favours the same plans the more.
	costByte = 0.006
	// costCall is what a call takes whatever the size.
	costCall = 100
	// costShare is the least work that is worth a further thread: waking one takes about 1000.
	costShare = 4000
	// costResult is what broadcasting one result takes.
	costResult = 0.3
)

// tierCosts were measured at [3072, 1024] on a Zen 5 (AMD EPYC 9005), each tier with the features of
// better ones switched off. Only their ratios count.
var tierCosts = map[string]float64{
	"mul-u8/avx512vnni": 0.0021, "mul-u8/avx2": 0.0135, "mul-u8/scalar": 2.3,
	"mul-nibble/avx512vnni": 0.0021, "mul-nibble/avx2": 0.016, "mul-nibble/scalar": 2.9,
	"mul-lookup/avx512vbmi": 0.0025, "mul-lookup/avx2": 0.0135, "mul-lookup/scalar": 1,
	"fetch/avx512vbmi": 0.0015, "fetch/avx2": 0.26, "fetch/scalar": 0,
	"table/avx512vbmi": 0.016, "table/avx512vnni": 0.034, "table/avx2": 0.29, "table/scalar": 1.2,
	"dense-vector/avx512": 0.0085, "dense-vector/avx2": 0.0085, "dense-vector/scalar": 0.22,

	// Those of arm64 are counted, not measured: two vector instructions and two loads of 16 bytes
	// in a cycle of 1/3 ns, a lookup among 64 bytes in two cycles. Tables are spread by scalar code.
	"mul-u8/i8mm": 0.011, "mul-u8/sdot": 0.021, "mul-u8/neon": 0.055,
	"mul-nibble/i8mm": 0.031, "mul-nibble/sdot": 0.031, "mul-nibble/neon": 0.073,
	"mul-lookup/i8mm": 0.011, "mul-lookup/sdot": 0.021, "mul-lookup/neon": 0.055,
	"fetch/i8mm": 0.2, "fetch/sdot": 0.2, "fetch/neon": 0.2,
	"table/i8mm": 1.2, "table/sdot": 1.2, "table/neon": 1.2,
	"dense-vector/neon": 0.083,
}

func costsOf(set *kernels.Set) *costs {
	of := func(op string) float64 { return tierCosts[op+"/"+set.Tier(op)] }
	return &costs{
		bytes: of("mul-u8"), nibble: of("mul-nibble"), lookup: of("mul-lookup"),
		fetch: tierCosts["fetch/"+set.Tier("mul-lookup")], spread: of("table"), dense: of("dense-vector"),
	}
}

// size is the number of weights, rows padded to whole panels.
func size(l *Layer, panel int) float64 {
	return float64(ceilDiv(l.Rows, panel)*panel) * float64(l.Cols)
}

func costBroadcast(c *costs, l *Layer, batch float64) float64 {
	centroids := float64(l.K()) * float64(l.Cols)
	return costCall + costByte*centroids + batch*(c.bytes*centroids+costResult*float64(l.Rows))
}

func costTable(c *costs, l *Layer, batch float64) float64 {
	lookups := size(l, tableRows) / float64(l.Width)
	return batch * (costCall + costByte*lookups + c.bytes*kernels.Centroids*float64(l.Cols) + c.spread*lookups)
}

func costNibbles(c *costs, l *Layer, batch float64) float64 {
	return costCall + size(l, panelRows)*(costByte/2+batch*c.nibble)
}

func costLookup(c *costs, l *Layer, batch float64) float64 {
	return costCall + size(l, panelRows)*(costByte/float64(l.Width)+c.fetch+batch*c.lookup)
}

func costBytes(c *costs, l *Layer, batch float64) float64 {
	return costCall + size(l, panelRows)*(costByte+batch*c.bytes)
}

func costDense(c *costs, l *Layer, batch float64) float64 {
	return costCall + size(l, 1)*(costByte*4+batch*c.dense)
}
