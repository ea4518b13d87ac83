package kernels

import "math"

// The scalar tier: the meaning of every operation, in plain loops. Products are converted to
// float32 before they are added, or the compiler might fuse the two.

type (
	quantizeFunc func(q []int8, scales []float32, x []float32, block int) bool
	mulFunc      func(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int)
	denseVectorFunc func(y, w, x []float32)
	denseMatrixFunc func(y []float32, ld int, w, x []float32, rows, cols, n int)
	nearestFunc  func(assignments []byte, scores, seconds, points []float32, stride, d int, centroids, half []float32)
	updateFunc   func(dst, coefficients []float32, ld, n int, panel []float32, k int)

	tableKernel struct {
		build  func(t *Tables, centroids []byte, width int, q []int8, scales []float32, init []int32)
		spread func(dst []float32, t *Tables, codes []byte, scale []float32, p0, p1 int)
	}

	updateKernel struct {
		rows int // in a panel
		fn   updateFunc
	}
)

// tiniest is the value below which a block of inputs counts as zero: 127/tiniest and all that follows stays
// finite and normal.
const tiniest = 0x1p-100

func quantizeScalar(q []int8, scales []float32, x []float32, block int) bool {
	for b := 0; b*block < len(x); b++ {
		lo := b * block
		xs := x[lo:min(lo+block, len(x))]
		// As integers, the bits of |x| order as the values do, and NaN and infinity come last.
		var top uint32
		for _, v := range xs {
			top = max(top, math.Float32bits(v)&0x7fffffff)
		}
		if top >= 0x7f800000 {
			return false
		}
		amax := math.Float32frombits(top)
		if amax < tiniest {
			scales[b] = 0
			clear(q[lo : lo+len(xs)])
			continue
		}
		scales[b] = amax / 127
		f := 127 / amax
		for i, v := range xs {
			q[lo+i] = int8(min(max(roundEven(float32(v*f)), -127), 127))
		}
	}
	return true
}

// roundEven rounds to the nearest integer, halves to even: adding and taking away 1.5*2^23 leaves
// no bits for a fraction, for |v| < 2^22. v must not be a bare product, which could be fused with
// the addition.
func roundEven(v float32) int32 {
	const magic = 3 << 22
	return int32(float32(v+magic) - magic)
}

func mulU8Scalar(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulScalar(dst, ld, m, in, p0, p1, func(p, q, lane, i int) int32 {
		return int32(m.Codes[((p*m.Quads+q)*PanelRows+lane)*4+i])
	})
}

func mulNibbleScalar(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	pairs := ceilDiv(m.Quads, 2)
	mulScalar(dst, ld, m, in, p0, p1, func(p, q, lane, i int) int32 {
		code := m.Codes[((p*pairs+q/2)*PanelRows+lane)*4+i] >> (q % 2 * 4)
		return int32(m.Lookup[code&15])
	})
}

func mulScalar(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int, weight func(p, q, lane, i int) int32) {
	groups, blocks := m.Groups(), m.Blocks()
	for n := range in.N {
		x := in.Q[n*in.Stride:]
		for row := p0 * PanelRows; row < p1*PanelRows; row++ {
			p, lane := row/PanelRows, row%PanelRows
			var y float32
			for b := range blocks {
				var t int32
				end := min((b+1)*m.BlockQuads, m.Quads)
				for q := b * m.BlockQuads; q < end; {
					g := q / m.GroupQuads
					sum := in.Init[n*groups+g]
					for stop := min(q+m.GroupQuads, end); q < stop; q++ {
						for i := range 4 {
							sum += weight(p, q, lane, i) * int32(x[4*q+i])
						}
					}
					t += sum * int32(m.Mult[(p*groups+g)*PanelRows+lane])
				}
				y += float32(in.Scales[n*blocks+b] * float32(t))
			}
			dst[n*ld+row] = y * m.Scale[row]
		}
	}
}

func mulLookupScalar(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	blocks, d := m.Blocks(), m.Width()
	for n := range in.N {
		x := in.Q[n*in.Stride:]
		for row := p0 * PanelRows; row < p1*PanelRows; row++ {
			p, lane := row/PanelRows, row%PanelRows
			var y float32
			for b := range blocks {
				sum := in.Init[n*blocks+b]
				for q := b * m.BlockQuads; q < min((b+1)*m.BlockQuads, m.Quads); q++ {
					for i, code := range m.Codes[((p*m.Quads+q)*PanelRows+lane)*4:][:4] {
						for j := range d {
							sum += int32(m.Lookup[j*Centroids+int(code)]) * int32(x[4*(d*q+j)+i])
						}
					}
				}
				y += float32(in.Scales[n*blocks+b] * float32(sum))
			}
			dst[n*ld+row] = y * m.Scale[row]
		}
	}
}

func tableBuildScalar(t *Tables, centroids []byte, width int, q []int8, scales []float32, init []int32) {
	for b := range ceilDiv(t.Segments, t.BlockSegments) {
		first := b * t.BlockSegments
		n := min(t.BlockSegments, t.Segments-first)
		var total int32
		for s := range n {
			g := first + s
			var top int32
			for k := range Centroids {
				sum := init[g]
				for i := range width {
					c := centroids[(k/PanelRows*(width/4)+i/4)*4*PanelRows+k%PanelRows*4+i%4]
					sum += int32(c) * int32(q[g*width+i])
				}
				t.Work[s*Centroids+k] = sum
				top = max(top, sum, -sum)
			}
			total += top
		}
		f := tableFactor(n, total)
		t.Scales[b] = scales[b] / f
		for i, v := range t.Work[:n*Centroids] {
			t.Data[first*Centroids+i] = int16(roundEven(float32(float32(v) * f)))
		}
	}
}

// tableFactor is what a block's table entries are multiplied with, so that sums of n of them stay
// in int16 when their largest magnitudes add up to total. Each rounds by half at most.
func tableFactor(n int, total int32) float32 {
	if total <= int32(32767-n) {
		return 1
	}
	return float32(32767-n) / float32(total)
}

func tableSpreadScalar(dst []float32, t *Tables, codes []byte, scale []float32, p0, p1 int) {
	for row := p0 * TablePanelRows; row < p1*TablePanelRows; row++ {
		panel := row / TablePanelRows
		tile := panel &^ (TableTile - 1)
		step := min(TableTile, p1-tile) * TablePanelRows // from one segment to the next
		at := tile*t.Segments*TablePanelRows + (panel-tile)*TablePanelRows + row%TablePanelRows
		var y float32
		for b, f := range t.Scales {
			var sum int32
			for g := b * t.BlockSegments; g < min((b+1)*t.BlockSegments, t.Segments); g++ {
				sum += int32(t.Data[g*Centroids+int(codes[at+g*step])])
			}
			y += float32(f * float32(sum))
		}
		dst[row] = y * scale[row]
	}
}

func denseVectorScalar(y, w, x []float32) {
	for r := range y {
		y[r] = dotF32(w[r*len(x):][:len(x)], x)
	}
}

func denseMatrixScalar(y []float32, ld int, w, x []float32, rows, cols, n int) {
	for r := range rows {
		row := w[r*cols:][:cols]
		for i := range n {
			y[i*ld+r] = dotF32(row, x[i*cols:][:cols])
		}
	}
}

// dotF32 keeps four sums, so that one addition need not wait for the one before.
func dotF32(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}

func nearestScalar(assignments []byte, scores, seconds, points []float32, stride, d int, centroids, half []float32) {
	for i := range assignments {
		best, second, at := float32(math.MaxFloat32), float32(math.MaxFloat32), 0
		for k, s := range half {
			for j, c := range centroids[k*d : (k+1)*d] {
				s -= float32(points[j*stride+i] * c)
			}
			if s < best {
				best, s, at = s, best, k
			}
			if s < second {
				second = s
			}
		}
		assignments[i], scores[i] = byte(at), best
		if seconds != nil {
			seconds[i] = second
		}
	}
}

// updateRows is the number of rows in a panel of all tiers but avx512.
const updateRows = 16

func updateScalar(dst, coefficients []float32, ld, n int, panel []float32, k int) {
	for c := range n {
		d := (*[updateRows]float32)(dst[c*updateRows:])
		for p, u := range coefficients[c*ld:][:k] {
			for i, v := range (*[updateRows]float32)(panel[p*updateRows:]) {
				d[i] -= float32(v * u)
			}
		}
	}
}
