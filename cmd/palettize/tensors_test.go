package main

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// contents are values that tensors of tests can have, by position.
var contents = map[string]func(rng *rand.Rand, i int) float64{
	"normal":   func(rng *rand.Rand, _ int) float64 { return rng.NormFloat64() },
	"positive": func(rng *rand.Rand, _ int) float64 { return 0.1 + rng.Float64() },
	"signs":    func(rng *rand.Rand, _ int) float64 { return float64(rng.IntN(3) - 1) },
	"mask": func(rng *rand.Rand,
		_ int) float64 {
		return float64(rng.IntN(2)) * -math.MaxFloat32
	},
	"tiny":  func(rng *rand.Rand, _ int) float64 { return 1e-9 * rng.NormFloat64() },
	"huge":  func(rng *rand.Rand, _ int) float64 { return 1e6 * rng.NormFloat64() },
	"waves": func(_ *rand.Rand, i int) float64 { return math.Sin(float64(i%97*i%89) / 7) },
	"range": func(_ *rand.Rand, i int) float64 { return float64(i) },
	"first": func(_ *rand.Rand, i int) float64 { return float64(min(1, 192/(i+1))) },
}

// makeModel writes a safetensors file: model FILE NAME=DTYPE[SHAPE]CONTENT..., F32 and F64 of any
// content and bytes of other dtypes.
func makeModel(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: model FILE NAME=DTYPE[SHAPE]CONTENT...")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	header, data := make(map[string]any), []byte(nil)
	for _, arg := range args[1:] {
		name, text, _ := strings.Cut(arg, "=")
		dtype, text, _ := strings.Cut(text, "[")
		list, content, _ := strings.Cut(text, "]")
		var shape []int
		ts.Check(json.Unmarshal([]byte("["+list+"]"), &shape))
		elements, begin := 1, len(data)
		for _, d := range shape {
			elements *= d
		}
		width := map[string]int{"F64": 8, "F32": 4, "I32": 4, "U32": 4, "F8_E4M3": 1, "F8_E5M2": 1}[dtype]
		value := contents[content]
		if width == 0 || dtype[0] == 'F' && width > 1 && value == nil {
			ts.Fatalf("no tensor %s", arg)
		}
		for i := range elements {
			if dtype == "F64" {
				data = binary.LittleEndian.AppendUint64(data, math.Float64bits(value(rng, i)))
				continue
			}
			if dtype == "F32" {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(value(rng,
					i))))
				continue
			}
			for range width {
				data = append(data, byte(rng.Uint32())&0x3f)
			}
		}
		header[name] = map[string]any{"dtype": dtype, "shape": shape, "data_offsets": [2]int{begin,
			len(data)}}
	}
	text, err := json.Marshal(header)
	ts.Check(err)
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), append(append(file, text...), data...), 0o666))
}
