// Command mkmodel writes a small model as a safetensors file, the same bytes on every machine: to
// try palettize on, and for its tests. It has a bit of everything: each float type, an odd number
// of columns, a convolution, an embedding, vectors, integers, a scalar.
//
//	mkmodel -o model.safetensors
package main

import (
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
)

// tensor is one entry of the header, in its JSON form, and how large its values are.
type tensor struct {
	name    string
	spread  float64 // standard deviation of float values
	DType   string  `json:"dtype"`
	Shape   []int   `json:"shape"`
	Offsets [2]int  `json:"data_offsets"`
}

func main() {
	out := flag.String("o", "model.safetensors", "file to write")
	rows := flag.Int("rows", 256, "rows and columns of the large matrices")
	metadata := flag.String("metadata", "format=pt",
		`one entry of the file's metadata, "" for none`)
	nan := flag.Bool("nan", false, "put a NaN into encoder.layer.1.attention.key.weight")
	seed := flag.Uint64("seed", 2, "seed of the values")
	prefix := flag.String("prefix", "", "what the name of each tensor begins with")
	experts := flag.Int("experts", 0, "how many experts two tensors more have")
	flag.Parse()
	all := tensors(*rows)
	if *experts > 0 {
		all = append(all, mixture(*rows, *experts)...)
	}
	if err := os.WriteFile(*out, model(all, *metadata, *nan, *prefix, *seed), 0o666); err != nil {
		fmt.Fprintln(os.Stderr, "mkmodel:", err)
		os.Exit(1)
	}
}

func of(name, dtype string, spread float64, shape ...int) tensor {
	return tensor{name: name, DType: dtype, Shape: append([]int{}, shape...), spread: spread}
}

// mixture is the layer of a mixture of experts that has them in one tensor.
func mixture(n, experts int) []tensor {
	return []tensor{
		of("layers.2.mlp.experts.gate_up_proj", "BF16", 0.04, experts, 2*n, n),
		of("layers.2.mlp.experts.down_proj", "BF16", 0.03, experts, n, n),
	}
}

func tensors(n int) []tensor {
	return []tensor{
		of("embeddings.word_embeddings.weight", "F32", 0.05, 4*n, n),
		of("embeddings.position_embeddings.weight", "F32", 0.02, 64, n),
		of("embeddings.position_ids", "I64", 0, 1, 64),
		of("encoder.layer.0.attention.query.weight", "F32", 0.04, n, n),
		of("encoder.layer.0.attention.query.bias", "F32", 0.1, n),
		of("encoder.layer.0.output.dense.weight", "F16", 0.03, n, 2*n),
		of("encoder.layer.1.attention.key.weight", "BF16", 0.04, n, n),
		of("encoder.layer.1.intermediate.weight", "F64", 0.03, 2*n, n),
		of("encoder.layer.1.norm.weight", "BF16", 1, n),
		of("audio.conv.weight", "F32", 0.1, n, 16, 8),
		of("audio.projection.weight", "F32", 0.06, n, 387),
		of("classifier.weight", "F32", 0.05, 3, n),
		of("logit_scale", "F32", 3),
	}
}

// model returns the bytes of the file: the header's length, the header, the values.
func model(tensors []tensor, metadata string, nan bool, prefix string, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(1, seed))
	header := make(map[string]any)
	if key, value, ok := strings.Cut(metadata, "="); ok {
		header["__metadata__"] = map[string]string{key: value}
	}
	var data []byte
	for _, t := range tensors {
		t.Offsets[0] = len(data)
		count := 1
		for _, d := range t.Shape {
			count *= d
		}
		for i := range count {
			v := t.spread * gaussian(rng)
			if nan && t.name == "encoder.layer.1.attention.key.weight" && i == 1000 {
				v = math.NaN()
			}
			data = appendValue(data, t.DType, v, i)
		}
		t.Offsets[1] = len(data)
		header[prefix+t.name] = t
	}
	text, err := json.Marshal(header)
	if err != nil {
		panic(err) // only for types that JSON does not have
	}
	for len(text)%8 != 0 {
		text = append(text, ' ') // so that the values are aligned
	}
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	return append(append(file, text...), data...)
}

// gaussian is nearly normal: the sum of twelve uniform numbers. It is exact, where the logarithms
// of better methods differ from one machine to the next.
func gaussian(rng *rand.Rand) float64 {
	sum := -6 * 65535
	for range 12 {
		sum += int(rng.Uint32() >> 16)
	}
	return float64(sum) / 65536
}

func appendValue(data []byte, dtype string, v float64, i int) []byte {
	bits := math.Float32bits(float32(v))
	switch dtype {
	case "F64":
		return binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
	case "F32":
		return binary.LittleEndian.AppendUint32(data, bits)
	case "BF16":
		return binary.LittleEndian.AppendUint16(data, uint16(bits>>16))
	case "F16":
		return binary.LittleEndian.AppendUint16(data, half(bits))
	case "I64":
		return binary.LittleEndian.AppendUint64(data, uint64(i))
	}
	panic("mkmodel: no dtype " + dtype)
}

// half cuts a float32 below 65,536 off to float16; what float16 cannot hold becomes 0.
func half(bits uint32) uint16 {
	sign := uint16(bits >> 16 & 0x8000)
	exponent := int(bits>>23&0xff) - 127 + 15
	if exponent < 1 {
		return sign
	}
	return sign | uint16(exponent)<<10 | uint16(bits>>13&0x3ff)
}
