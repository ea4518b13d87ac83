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
	if os.Getenv("SUB") != "" { var q []mat; for i := 0; i < len(ms); i += 3 { q = append(q, ms[i]) }; ms = q }
	set, _ := kernels.Best()
	ctx := context.Background()
	n, sig := 0, 0.0
	for _, m := range ms {
		n += len(m.w)
		for _, v := range m.w {
			sig += float64(v) * float64(v)
		}
	}
	rms := math.Sqrt(sig / float64(n))
	for _, states := range []int{8} {
		for _, b := range []float64{2, 4} {
			step := rms * 3.5 * math.Exp2(-b) / 2 * 1.02
			var d Distortion
			bytes, outs, str := 0, 0, 0
			hh, tb, cb, bb := 0.0, 0, 0, 0
			start := time.Now()
			var tp, tl, ts, tf time.Duration
			for _, m := range ms {
				t0 := time.Now()
				c := newCoding(m.w, m.r, m.c, states, 1, set)
				tp += time.Since(t0); t0 = time.Now()
				s := c.sample(32768)
				if err := s.learn(ctx, step); err != nil {
					t.Fatal(err)
				}
				c.coder.Tables = s.coder.Tables
				tl += time.Since(t0); t0 = time.Now()
				var f *found
				var err error
				for range 2 {
					if f, err = c.search(ctx, step); err != nil {
						t.Fatal(err)
					}
					c.refit(f, nil)
				}
				ts += time.Since(t0); t0 = time.Now()
				l := &Layer{Rows: m.r, Cols: m.c, Width: 1}
				if err := c.finish(ctx, l, step, f); err != nil {
					t.Fatal(err)
				}
				tf += time.Since(t0)
				for k := range f.counts {
					for par := range 2 {
						tot := 0.0
						for i := par; i < 256; i += 2 { tot += float64(f.counts[k][i]) }
						for i := par; i < 256; i += 2 { if v := float64(f.counts[k][i]); v > 0 { hh -= v * math.Log2(v/tot) } }
					}
					tb += 1 + len(c.coder.Tables[k].Knots[0]) + len(c.coder.Tables[k].Knots[1])
				}
				cb += (m.r + m.c) * 5 / 8
				bb += c.coder.Blocks() * 35
				ww := make([]float32, len(m.w))
				for i, a := range l.Assignments {
					ww[i] = l.Scale * float32(int(l.Centroids[a])-int(l.ZeroPoint))
				}
				for _, o := range l.Outliers {
					ww[o.Row*m.c+o.Col] = l.Scale * float32(o.Level)
				}
				d.Add(ww, m.w)
				bytes += len(l.Stream) + l.K() + len(l.Outliers)*3 + 300
				outs += len(l.Outliers); if b == 4 && len(l.Outliers) > 50 { row, col := map[int]int{}, map[int]int{}; for _, o := range l.Outliers { row[o.Row]++; col[o.Col]++ }; mr, mc := 0, 0; for _, v := range row { mr = max(mr, v) }; for _, v := range col { mc = max(mc, v) }; fmt.Println(m.name, m.r, m.c, len(l.Outliers), "rows", len(row), mr, "cols", len(col), mc, "tables", len(c.coder.Tables), c.coder.Tables[0].Max, c.coder.Tables[len(c.coder.Tables)-1].Max) }
				str += len(l.Stream)
			}
			bits := 8 * float64(bytes) / float64(n)
			fmt.Printf("%d states %v: bits %.4f (stream %.4f) rel %.5f norm %.5f outliers %d time %v: prep %v learn %v search %v finish %v H %.4f tables %.4f codes %.4f blocks %.4f\n", states, b, bits, 8*float64(str)/float64(n), d.Relative(), d.Relative()*math.Exp2(bits-b), outs, time.Since(start), tp, tl, ts, tf, hh/float64(n), float64(tb)*8/float64(n), float64(cb)*8/float64(n), float64(bb)*8/float64(n))
		}
	}
}
