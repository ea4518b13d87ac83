package dtype

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// TestTable holds the rows against each other: a name is there once, tensors that stand before
// others have values that are no smaller, and what is read can be written.
func TestTable(t *testing.T) {
	for i, kind := range types {
		if Of(kind.Name).Bits != kind.Bits || !kind.Known() {
			t.Errorf("%s is there twice, or has no bits", kind.Name)
		}
		for _, after := range types[i:] {
			if kind.Rank < after.Rank || kind.Bits < after.Bits {
				t.Errorf("%s, rank %d and %d bits, stands before %s, rank %d and %d bits",
					kind.Name, kind.Rank, kind.Bits, after.Name, after.Rank, after.Bits)
			}
		}
		float := kind.read != nil && kind.write != nil && kind.Largest > 0
		if float != kind.Float() || !float && (kind.write != nil || kind.Largest != 0) {
			t.Errorf("%s is half a float: %+v", kind.Name, kind)
		}
		integer := strings.ContainsAny(kind.Name[:1], "IUB") && kind.Name != BF16
		if kind.Integer != integer {
			t.Errorf("%s: integer %v", kind.Name, kind.Integer)
		}
	}
	if none := Of("F7"); none.Known() || none.Float() || none.Integer || none.Wide() {
		t.Errorf("a name of no type has %+v", none)
	}
}

// TestFloats writes and reads what every type of floats holds exactly, and the largest values.
func TestFloats(t *testing.T) {
	n := 0
	for _, kind := range types {
		if !kind.Float() {
			continue
		}
		n++
		values := []float32{0, 1, -2.5, 0x1p-9, kind.Largest, -kind.Largest}
		data := make([]byte, len(values)*kind.Bits/8)
		kind.Put(data, values)
		if got := kind.Append([]float32{7}, data); !slices.Equal(got[1:], values) || got[0] != 7 {
			t.Errorf("%s: read %v, wrote %v", kind.Name, got[1:], values)
		}
		kind.Put(data, []float32{math.MaxFloat32})
		if got := kind.Append(nil, data)[0]; got != kind.Largest {
			t.Errorf("%s: the largest float32 becomes %v, want %v", kind.Name, got, kind.Largest)
		}
		least := float32(math.Inf(-1))
		kind.Put(data, []float32{least})
		if got := kind.Append(nil, data)[0]; got != least && (got == got || kind.Name != "F8_E4M3") {
			t.Errorf("%s: -Inf becomes %v", kind.Name, got)
		}
		if kind.Wide() != (kind.Bits > 16) {
			t.Errorf("%s: wide %v", kind.Name, kind.Wide())
		}
	}
	if n != 6 {
		t.Errorf("%d types of floats", n)
	}
}

// TestClamped: doubles beyond float32 are brought into it, and no others are called clamped.
func TestClamped(t *testing.T) {
	data := make([]byte, 8*4)
	for i, v := range []float64{1e300, -1e300, 1e-300, -1e-300} {
		le.PutUint64(data[8*i:], math.Float64bits(v))
	}
	const least = math.SmallestNonzeroFloat32
	want := []float32{math.MaxFloat32, -math.MaxFloat32, least, -least}
	if got := Of("F64").Append(nil, data); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, kind := range types {
		if kind.Clamped() != (kind.Name == "F64") {
			t.Errorf("%s: clamped %v", kind.Name, kind.Clamped())
		}
	}
}

func TestSize(t *testing.T) {
	for _, tt := range []struct {
		kind  string
		shape []int
		size  int64
		why   string
	}{
		{F32, nil, 4, ""},
		{F32, []int{3, 5}, 60, ""},
		{"F4", []int{3, 2}, 3, ""},
		{"F4", []int{3}, 0, "the values end inside a byte"},
		{"F6_E2M3", []int{4}, 3, ""},
		{F32, []int{0, 1 << 20}, 0, ""},
		{F32, []int{1 << 30, 1 << 30, 0}, 0, "the shape overflows"},
		{"F64", []int{1 << 30, 1 << 30, 1 << 4}, 0, "the shape overflows"},
	} {
		size, err := Of(tt.kind).Size(tt.shape)
		if size != tt.size || (err == nil) != (tt.why == "") || err != nil &&
			err.Error() != tt.why {
			t.Errorf("%s %v: %d bytes (%v), want %d, %q",
				tt.kind, tt.shape, size, err, tt.size, tt.why)
		}
	}
}
