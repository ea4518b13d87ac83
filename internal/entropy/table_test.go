package entropy

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// sampled counts n levels that draw returns.
func sampled(n int, draw func() float64) *Counts {
	c := new(Counts)
	for range n {
		c[origin+int(min(max(math.RoundToEven(draw()), -MaxLevel), MaxLevel))]++
	}
	return c
}

// distributions are what levels can look like.
func distributions() map[string]*Counts {
	random := rand.New(rand.NewPCG(1, 2))
	normal := func(deviation float64) func() float64 {
		return func() float64 { return deviation * random.NormFloat64() }
	}
	return map[string]*Counts{
		"none":     {},
		"zeros":    sampled(5000, func() float64 { return 0 }),
		"ones":     sampled(5000, func() float64 { return 1 }),
		"far ones": sampled(5000, func() float64 { return 100 }),
		"few":      sampled(3, normal(20)),
		"narrow":   sampled(5000, normal(0.3)),
		"normal":   sampled(20000, normal(4)),
		"wide":     sampled(20000, normal(30)),
		"Laplace": sampled(20000,
			func() float64 { return 3 * math.Copysign(random.ExpFloat64(), random.NormFloat64()) }),
		"heavy tails": sampled(20000,
			func() float64 { return random.NormFloat64() / (0.05 + random.Float64()) }),
		"flat":             sampled(20000, func() float64 { return 120*random.Float64() - 60 }),
		"all of the range": sampled(20000, func() float64 { return 256*random.Float64() - 128 }),
		"two humps": sampled(20000,
			func() float64 { return math.Copysign(40+3*random.NormFloat64(), random.NormFloat64()) }),
		"one sign": sampled(20000,
			func() float64 { return math.Abs(10 * random.NormFloat64()) }),
		"one beyond others": sampled(5000,
			func() float64 { return float64(random.IntN(5000) / 4998 * 127) }),
	}
}

// checkFrequencies holds that those of each parity add up to total, none missing.
func checkFrequencies(t *testing.T, table *Table) {
	t.Helper()
	for parity := range 2 {
		var starts, freqs [256]uint32
		if err := table.cumulate(&starts, &freqs, parity); err != nil {
			t.Fatalf("%+v: %v", table, err)
		}
		next := uint32(0)
		for i, f := range freqs {
			level := i - origin
			if has := level&1 == parity && max(level, -level) <= int(table.Max); has != (f > 0) {
				t.Fatalf("%+v: level %d has frequency %d", table, level, f)
			}
			if f > 0 && starts[i] != next {
				t.Fatalf("%+v: level %d begins at %d, want %d", table, level, starts[i], next)
			}
			next += f
		}
		if next != total {
			t.Fatalf("%+v: parity %d adds up to %d", table, parity, next)
		}
	}
}

func TestFrequenciesAddUp(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for limit := leastMax; limit <= MaxLevel; limit++ {
		for range 20 {
			table := Table{Max: byte(limit)}
			top := 1 + random.IntN(255)
			for parity := range table.Knots {
				for range knots(nil, members(table.Max, parity)) {
					table.Knots[parity] = append(table.Knots[parity], byte(random.IntN(top)))
				}
			}
			checkFrequencies(t, &table)
		}
		laplace := Laplace(float64(limit)/4, byte(limit))
		checkFrequencies(t, &laplace)
	}
	narrow := Laplace(0, 0)
	checkFrequencies(t, &narrow)
}

func TestTablesOfZerosAreRefused(t *testing.T) {
	table := Laplace(4, 20)
	for i := range table.Knots[1] {
		table.Knots[1][i] = 255
	}
	var starts, freqs [256]uint32
	if err := table.cumulate(&starts, &freqs, 1); err == nil {
		t.Error("frequencies for levels that never occur")
	}
	table.Knots[1] = table.Knots[1][1:]
	if err := table.cumulate(&starts, &freqs, 1); err == nil {
		t.Error("frequencies from too few knots")
	}
}

// ideal is what counts take under their own frequencies, those of both signs of a level together.
func ideal(c *Counts) (bits float64) {
	for parity := range 2 {
		sum := 0.0
		for level := -MaxLevel; level <= MaxLevel; level++ {
			if level&1 == parity {
				sum += float64(c[origin+level])
			}
		}
		for level := -MaxLevel; level <= MaxLevel; level++ {
			if n := float64(c[origin+level]); n > 0 && level&1 == parity {
				bits -= n * math.Log2(float64(c[origin+level]+c[origin-level])/2/sum)
			}
		}
	}
	return bits
}

func cost(t *testing.T, table *Table, c *Counts) (bits float64) {
	t.Helper()
	for parity := range 2 {
		var starts, freqs [256]uint32
		if err := table.cumulate(&starts, &freqs, parity); err != nil {
			t.Fatal(err)
		}
		for i, f := range freqs {
			if f > 0 {
				bits += float64(c[i]) * float64(bitsOf(f))
			}
		}
	}
	return bits
}

func TestFit(t *testing.T) {
	for name, counts := range distributions() {
		n := 0.0
		for _, c := range counts {
			n += float64(c)
		}
		table, err := Fit(counts, 10)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkFrequencies(t, &table)
		bits := cost(t, &table, counts)
		smooth := []string{"zeros", "narrow", "normal", "wide", "Laplace", "heavy tails", "flat",
			"all of the range", "one sign"}
		if over := (bits - ideal(counts)) / n; slices.Contains(smooth, name) && over > 0.02 {
			t.Errorf("%s: %.3f bits a level more than the %.3f of the counts' own frequencies",
				name, over, ideal(counts)/n)
		}
		for parity := range table.Knots {
			for k, v := range table.Knots[parity] {
				for _, other := range []byte{v - 1, v + 1} {
					neighbour := table
					neighbour.Knots[parity] = slices.Clone(table.Knots[parity])
					if neighbour.Knots[parity][k] = other; other == 255 {
						continue
					}
					if better := cost(t, &neighbour, counts); better < bits-0.0005*bits-1 {
						t.Errorf("%s: %.0f bits, %.0f with knot %d of parity %d at %d instead of %d",
							name, bits, better, k, parity, other, v)
					}
				}
			}
		}
	}
}

func TestFitReachesAsFarAsAsked(t *testing.T) {
	for _, c := range []struct{ limit, want byte }{{0, 2}, {2, 2}, {7, 7}, {127, 127}} {
		if table, err := Fit(new(Counts), c.limit); err != nil || table.Max != c.want {
			t.Errorf("limit %d: levels to %d, want %d (%v)", c.limit, table.Max, c.want, err)
		}
	}
	var counts Counts
	counts[origin-50] = 1
	if table, err := Fit(&counts, 7); err != nil || table.Max != 50 {
		t.Errorf("levels to %d, want 50 (%v)", table.Max, err)
	}
}

func TestBitsOf(t *testing.T) {
	for f := 1; f <= total; f++ {
		if got, want := float64(bitsOf(uint32(f))),
			12-math.Log2(float64(f)); math.Abs(got-want) > 1e-6 {
			t.Fatalf("%d of %d takes %v bits, want %v", f, total, got, want)
		}
	}
}
