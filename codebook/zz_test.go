package codebook

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/palettize/palettize/kernels"
)

type mat struct {
	name string
	r, c int
	w    []float32
}

func loadMats() (ms []mat) {
	raw, _ := os.ReadFile("/tmp/expd/enc.bin")
	f, _ := os.Open("/tmp/expd/enc.txt")
	sc := bufio.NewScanner(f)
	o := 0
	for sc.Scan() {
		var m mat
		fmt.Sscan(sc.Text(), &m.name, &m.r, &m.c)
		m.w = make([]float32, m.r*m.c)
		for i := range m.w {
			m.w[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[o+4*i:]))
		}
		o += 4 * len(m.w)
		ms = append(ms, m)
	}
	return
}

func TestZZ(t *testing.T) {
	ms := loadMats()
	if os.Getenv("SUB") != "" {
		var q []mat
		for i := 0; i < len(ms); i += 3 {
			q = append(q, ms[i])
		}
		ms = q
	}
	set, _ := kernels.Best()
	ctx := context.Background()
	n, sig := 0, 0.0
	for _, m := range ms {
		n += len(m.w)
		for _, v := range m.w {
			sig += float64(v) * float64(v)
		}
	}
	_ = math.Sqrt(sig / float64(n))
	for _, states := range []int{8, 32} {
		for _, b := range []float64{2, 3, 4, 5, 6} {
			start := time.Now()
			var sk []*sketch
			var d Distortion
			for _, m := range ms {
				sk = append(sk, newSketch(newCoding(m.w, m.r, m.c, states, 1, set), 300))
			}
			t1 := time.Since(start)
			st, goals, err := share(ctx, sk, goal{bytes: b * float64(n) / 8}, 1)
			if err != nil {
				t.Fatal(err)
			}
			t2 := time.Since(start)
			bytes, passes := 0.0, 0
			var tm, tf time.Duration
			for i, m := range ms {
				c := sk[i].whole
				c.w = m.w
				c.levels = make([]byte, len(m.w))
				t0 := time.Now()
				st, f, err := c.meet(ctx, st, goals[i], 300)
				if err != nil {
					t.Fatal(err, m.name)
				}
				tm += time.Since(t0)
				t0 = time.Now()
				l := &Layer{Rows: m.r, Cols: m.c, Width: 1}
				if err := c.finish(ctx, l, st, f); err != nil {
					t.Fatal(err)
				}
				tf += time.Since(t0)
				ww := make([]float32, len(m.w))
				for i, a := range l.Assignments {
					ww[i] = l.Scale * float32(int(l.Centroids[a])-int(l.ZeroPoint))
				}
				for _, o := range l.Outliers {
					ww[o.Row*m.c+o.Col] = l.Scale * float32(o.Level)
				}
				d.Add(ww, m.w)
				bytes += float64(len(l.Stream) + l.K() + len(l.Outliers)*3 + 300)
			}
			_ = passes
			bits := 8 * bytes / float64(n)
			fmt.Printf("%d states %v: bits %.5f rel %.5f sketch %v share %v meet %v finish %v total %v\n", states, b, bits, d.Relative(), t1, t2-t1, tm, tf, time.Since(start))
		}
	}
}
