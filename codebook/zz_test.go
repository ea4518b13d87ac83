package codebook

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/palettize/palettize/kernels"
)

func readST(path string) map[string]struct {
	shape []int
	v     []float32
} {
	raw, _ := os.ReadFile(path)
	n := binary.LittleEndian.Uint64(raw)
	var h map[string]json.RawMessage
	json.Unmarshal(raw[8:8+n], &h)
	out := map[string]struct {
		shape []int
		v     []float32
	}{}
	for k, m := range h {
		if k == "__metadata__" {
			continue
		}
		var e struct {
			Dtype string
			Shape []int
			Data_offsets [2]int
		}
		json.Unmarshal(m, &e)
		d := raw[8+int(n)+e.Data_offsets[0] : 8+int(n)+e.Data_offsets[1]]
		v := make([]float32, len(d)/4)
		for i := range v {
			v[i] = math.Float32frombits(binary.LittleEndian.Uint32(d[4*i:]))
		}
		out[k] = struct {
			shape []int
			v     []float32
		}{e.Shape, v}
	}
	return out
}

func TestZZ(t *testing.T) {
	home := os.Getenv("HOME") + "/.cache/palettize/"
	m := readST(home + "all-MiniLM-L6-v2.safetensors")
	mo := readST(home + "minilm-moments.safetensors")
	set, _ := kernels.Best()
	ctx := context.Background()
	bits := 4.0
	fmt.Sscan(os.Getenv("BITS"), &bits)
	var sk []*sketch
	var names []string
	n := 0
	for name := range mo {
		names = append(names, name)
	}
	start := time.Now()
	for _, name := range names {
		w := m[name]
		if w.v == nil { t.Fatal(name) }
		n += len(w.v)
		mm, err := NewMoments(mo[name].v, w.shape[1])
		if err != nil {
			t.Fatal(err)
		}
		if os.Getenv("VEC") != "" { mm.Matrix = nil }
		in, err := newSensitivity(ctx, w.v, w.shape[1], mm, 1)
		if err != nil {
			t.Fatal(err)
		}
		sk = append(sk, newSketch(newCoding(w.v, w.shape[0], w.shape[1], 32, 1, set, in), 300))
	}
	fmt.Println("prep", time.Since(start), len(names)); start = time.Now()
	st, goals, err := share(ctx, sk, goal{bytes: bits * float64(n) / 8}, 1)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("share", time.Since(start)); start = time.Now()
	var d Distortion
	out, _ := os.Create(os.Getenv("OUT"))
	hdr := map[string]any{}
	off := 0
	var data []byte
	bytes := 0.0
	for i, name := range names {
		w := m[name]
		l, err := (&allotment{sk[i], st, goals[i]}).build(ctx, w.v, 1)
		if err != nil {
			t.Fatal(err)
		}
		bytes += float64(len(l.Stream)) + 300
		ww := l.Dense()
		d.Add(ww, w.v)
		for _, v := range ww {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		hdr[name] = map[string]any{"dtype": "F32", "shape": w.shape, "data_offsets": []int{off, len(data)}}
		off = len(data)
		if i < 8 {
			fmt.Println(name, 8*(float64(len(l.Stream))+300)/float64(len(w.v)), len(l.Outliers))
		}
	}
	for name, v := range m {
		if hdr[name] == nil && len(v.shape) > 0 && name != "embeddings.position_ids" {
			for _, x := range v.v {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
			}
			hdr[name] = map[string]any{"dtype": "F32", "shape": v.shape, "data_offsets": []int{off, len(data)}}
			off = len(data)
		}
	}
	h, _ := json.Marshal(hdr)
	out.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(h))))
	out.Write(h)
	out.Write(data)
	out.Close()
	fmt.Println("bits", 8*bytes/float64(n), "rel", d.Relative(), "build", time.Since(start))
}
