package kernels

import (
	"fmt"
	"slices"
	"strings"
)

// Set holds one implementation of each operation. A Set never changes; it may be shared.
type Set struct {
	quantize     quantizeFunc
	groupSums    groupSumsFunc
	permute      permuteFunc
	mulU8        mulFunc
	mulNibble    mulFunc
	mulLookup    mulFunc
	mulWindow    mulFunc
	table        tableKernel
	denseVector  denseVectorFunc
	denseMatrix  denseMatrixFunc
	denseProduct denseProductFunc
	nearest      nearestFunc
	update       updateKernel
	trellis      trellisFunc
	window       windowFunc
	rans         ransFunc
	expSum       expSumFunc
	expGELU      expGateFunc
	expSwiGLU    expGateFunc
	transpose    transposeFunc
	rowsScale    rowsFunc
	rowsAdd      rowsFunc
	addNorm      addNormFunc

	tiers []TierInfo // every row of every table; Selected marks the ones above
}

// choose picks the best row of every table. It is the one list of operations: dispatch, Tiers and
// what is printed from it all follow.
func choose(have features) *Set {
	s := new(Set)
	s.quantize = use(s, "quantize", quantizeTiers, have)
	s.groupSums = use(s, "group-sums", groupSumsTiers, have)
	s.permute = use(s, "permute", permuteTiers, have)
	s.mulU8 = use(s, "mul-u8", mulU8Tiers, have)
	s.mulNibble = use(s, "mul-nibble", mulNibbleTiers, have)
	s.mulLookup = use(s, "mul-lookup", mulLookupTiers, have)
	s.mulWindow = use(s, "mul-window", mulWindowTiers, have)
	s.table = use(s, "table", tableTiers, have)
	s.denseVector = use(s, "dense-vector", denseVectorTiers, have)
	s.denseMatrix = use(s, "dense-matrix", denseMatrixTiers, have)
	s.denseProduct = use(s, "dense-product", denseProductTiers, have)
	s.nearest = use(s, "nearest", nearestTiers, have)
	s.update = use(s, "update", updateTiers, have)
	s.trellis = use(s, "trellis", trellisTiers, have)
	s.window = use(s, "window", windowTiers, have)
	s.rans = use(s, "rans", ransTiers, have)
	s.expSum = use(s, "exp-sum", expSumTiers, have)
	s.expGELU = use(s, "exp-gelu", expGELUTiers, have)
	s.expSwiGLU = use(s, "exp-swiglu", expSwiGLUTiers, have)
	s.transpose = use(s, "transpose", transposeTiers, have)
	s.rowsScale = use(s, "rows-scale", rowsScaleTiers, have)
	s.rowsAdd = use(s, "rows-add", rowsAddTiers, have)
	s.addNorm = use(s, "add-norm", addNormTiers, have)
	return s
}

// use returns the best row of a table and notes all its rows in the set.
func use[F any](s *Set, op string, table []tier[F], have features) F {
	chosen := pick(table, have)
	for _, t := range table {
		s.tiers = append(s.tiers, TierInfo{
			Op: op, Tier: t.name, Selected: t.name == chosen.name,
			Lacks: lacks(t.need, host, amxRefusal), need: t.need,
		})
	}
	return chosen.fn
}

// TierInfo is one row of one operation's table.
type TierInfo struct {
	Op       string // the operation, "mul-u8" and so on
	Tier     string // the name of the implementation, "avx2" and so on
	Selected bool   // whether the set uses it
	Lacks    string // the CPU features it needs and this machine lacks, and why; "" where it runs
	need     features
}

// Tiers lists every implementation of every operation, best first within each operation, and which
// of them this set uses.
func (s *Set) Tiers() []TierInfo { return slices.Clone(s.tiers) }

// Tier names the implementation that the set uses for an operation, "" for an unknown one.
func (s *Set) Tier(op string) string {
	for _, t := range s.tiers {
		if t.Op == op && t.Selected {
			return t.Tier
		}
	}
	return ""
}

var best = choose(host)

// Best returns the fastest implementation of each operation that this machine runs. It fails only
// when the environment variable PALETTIZE_CPU_OFF names a feature that does not exist.
func Best() (*Set, error) { return best, hostErr }

// Limited returns the fastest implementations that need no more than the tier of this name does:
// "scalar", "avx2" and so on, as Tiers lists them. The tier must run on this machine.
func Limited(name string) (*Set, error) {
	if hostErr != nil {
		return nil, hostErr
	}
	var names []string
	var need features
	for _, t := range best.tiers {
		if t.Tier == name {
			need |= t.need
		}
		if !slices.Contains(names, t.Tier) {
			names = append(names, t.Tier)
		}
	}
	if !slices.Contains(names, name) {
		return nil, fmt.Errorf("unknown kernel tier %q (known: %s)", name,
			strings.Join(names, ", "))
	}
	need = need.withBasis()
	if need&^host != 0 {
		return nil, fmt.Errorf("kernel tier %q cannot run here: this machine lacks %s", name,
			lacks(need, host, amxRefusal))
	}
	return choose(need), nil
}
