package codebook

import "github.com/palettize/palettize/kernels"

// costs are nanoseconds for one unit of work of each operation, by tier.
type costs struct {
	weight  float64 // mul-u8: one weight times one input
	nibble  float64 // mul-nibble: the same
	lookup  float64 // mul-lookup: the same, for width 1; more columns cost as much each
	build   float64 // table: one centroid value times one input
	spread  float64 // table: one lookup
	dense   float64 // dense-vector: one weight
	matrix  float64 // dense-matrix: one weight times one input
	decode  float64 // decode: one weight
	perCall float64 // whatever the size
}

// tierCosts was measured with `palettize bench` on [3072, 1024], data in the cache; only the ratios
// count, and they change little between CPUs of one tier.
var tierCosts = map[string]float64{
	"mul-u8/avx512vnni": 0.006, "mul-u8/avx2": 0.03, "mul-u8/scalar": 0.6,
	"mul-nibble/avx512vnni": 0.007, "mul-nibble/avx2": 0.03, "mul-nibble/scalar": 0.9,
	"mul-lookup/avx512vbmi": 0.01, "mul-lookup/avx2": 0.15, "mul-lookup/scalar": 0.6,
	"table/avx512vbmi": 0.03, "table/avx512vnni": 0.25, "table/avx2": 0.3, "table/scalar": 0.6,
	"dense-vector/avx512": 0.035, "dense-vector/avx2": 0.035, "dense-vector/scalar": 0.25,
	"dense-matrix/avx512": 0.01, "dense-matrix/avx2": 0.02, "dense-matrix/scalar": 0.25,
	"decode/avx512vbmi": 0.01, "decode/avx2": 0.2, "decode/scalar": 0.5,
}

func costsOf(set *kernels.Set) *costs {
	of := func(op string) float64 { return tierCosts[op+"/"+set.Tier(op)] }
	return &costs{
		weight: of("mul-u8"), nibble: of("mul-nibble"), lookup: of("mul-lookup"),
		build: of("mul-u8"), spread: of("table"), decode: of("decode"),
		dense: of("dense-vector"), matrix: of("dense-matrix"), perCall: 500,
	}
}

func size(l *Layer) float64 { return float64(l.Rows) * float64(l.Cols) }

// fusedOrDecoded is the cost of a plan that decodes a panel once for a batch.
func (c *costs) fusedOrDecoded(fused float64, l *Layer, batch float64) float64 {
	if batch == 1 {
		return c.perCall + fused*size(l)
	}
	return c.perCall + (c.decode+c.weight*batch)*size(l)
}

func costBroadcast(c *costs, l *Layer, batch float64) float64 {
	return c.perCall + batch*(c.weight*float64(l.K())*float64(l.Cols)+0.3*float64(l.Rows))
}

func costTable(c *costs, l *Layer, batch float64) float64 {
	return batch * (c.perCall + c.build*kernels.Centroids*float64(l.Cols) + c.spread*float64(l.Rows)*float64(l.Segments()))
}

func costNibbles(c *costs, l *Layer, batch float64) float64 {
	return c.fusedOrDecoded(c.nibble, l, batch)
}

func costLookup(c *costs, l *Layer, batch float64) float64 {
	return c.fusedOrDecoded(c.lookup, l, batch)
}

func costBytes(c *costs, l *Layer, batch float64) float64 {
	return c.perCall + c.weight*batch*size(l)
}

func costDense(c *costs, l *Layer, batch float64) float64 {
	if batch == 1 {
		return c.dense * size(l)
	}
	return c.matrix * batch * size(l)
}
