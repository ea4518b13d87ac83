package kmeans

import (
	"encoding/binary"
	"math"
	"testing"
)

// FuzzRun: of any finite points and weights Run makes finite centroids, all within reach of the
// points, and says what they cost. The first three bytes choose width, number of centroids and
// whether there are weights.
func FuzzRun(f *testing.F) {
	floats := func(d, k, weighted byte, values ...float32) {
		data := []byte{d, k, weighted}
		for _, v := range values {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		f.Add(data)
	}
	for _, d := range []byte{0, 1, 2, 4} {
		for weighted := range byte(2) {
			floats(d, 1, weighted, 1, 0x1p-149, 2, 3e38, 3, 0x1p-149, 4, 0x1p-140, 5, 1, 6, 1)
			floats(d, 2, weighted, math.MaxFloat32, 1, -math.MaxFloat32, 1, 1, 3e38, 0, 1e-45,
				0x1p-149, 7)
			floats(d, 3, weighted, 0x1p-149, 0x1p-148, 0x1p-147, 0x1p-146, 0x1p-145, 0x1p-144,
				0x1p-143, 0x1p-142)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 3 || len(data) > 3+4*64 {
			return
		}
		d, k, weighted := 1+int(data[0]%5), 1+int(data[1]%16), data[2]%2 == 1
		var points, weights []float32
		for i := 0; len(data) >= 4; i, data = i+1, data[4:] {
			v := math.Float32frombits(binary.LittleEndian.Uint32(data))
			if v-v != 0 {
				v = math.Float32frombits(math.Float32bits(v) &^ (1 << 30))
			}
			if weighted && i%(d+1) == d { // behind each point
				weights = append(weights, max(v, -v))
			} else {
				points = append(points, v)
			}
		}
		n := len(points) / d
		if weighted {
			n = len(weights)
		}
		if points = points[:n*d]; n == 0 {
			return
		}
		res, err := Run(t.Context(), points, d, weights, Options{K: k, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		checkResult(t, res, points, d, k)
		again := make([]byte, n)
		if _, err := Assign(t.Context(), again, points, d, weights, res.Centroids,
			Options{Threads: 1}); err != nil {
			t.Fatal(err)
		}
		if res, err = Refine(t.Context(), points, d, weights, res.Centroids,
			Options{Threads: 1}); err != nil {
			t.Fatal(err)
		}
		checkResult(t, res, points, d, k)
	})
}

func checkResult(t *testing.T, res *Result, points []float32, d, k int) {
	t.Helper()
	top, _ := largest(points)
	far, at := largest(res.Centroids)
	if held := len(res.Centroids) / d; at >= 0 || float64(far) > 3*float64(top) || held < 1 ||
		held > k {
		t.Fatalf("%d of %d centroids, the largest value %v for points up to %v", held, k, far, top)
	}
	if len(res.Assignments)*d != len(points) || !(res.SSE >= 0 && res.SSE <= math.MaxFloat64) {
		t.Fatalf("%d assignments, SSE %v", len(res.Assignments), res.SSE)
	}
	for i, a := range res.Assignments {
		if int(a) >= len(res.Centroids)/d {
			t.Fatalf("point %d is in cluster %d of %d", i, a, len(res.Centroids)/d)
		}
	}
}
