package kernels

func mulU8Scalar(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	mulScalar(dst, ld, m, in, p0, p1, func(p, q, r, i int) int32 {
		return int32(m.Codes[((p*m.Quads+q)*PanelRows+r)*4+i])
	})
}

func mulNibbleScalar(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	pairs := ceilDiv(m.Quads, 2)
	mulScalar(dst, ld, m, in, p0, p1, func(p, q, r, i int) int32 {
		code := m.Codes[((p*pairs+q/2)*PanelRows+r)*4+i] >> (q % 2 * 4)
		return int32(m.Lookup[code&15])
	})
}

func mulScalar(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int,
	weight func(p, q, r, i int) int32) {
	groups, blocks := m.Groups(), m.Blocks()
	for n := range in.N {
		x := in.Q[n*in.Stride:]
		for row := p0 * PanelRows; row < p1*PanelRows; row++ {
			p, r := row/PanelRows, row%PanelRows
			var y float32
			for b := range blocks {
				var t int32
				end := min((b+1)*m.BlockQuads, m.Quads)
				for q := b * m.BlockQuads; q < end; {
					g := q / m.GroupQuads
					sum := in.Init[n*groups+g]
					for stop := min(q+m.GroupQuads, end); q < stop; q++ {
						for i := range 4 {
							sum += weight(p, q, r, i) * int32(x[4*q+i])
						}
					}
					t += sum * int32(m.Mult[(p*groups+g)*PanelRows+r])
				}
				y += float32(in.Scales[n*blocks+b] * float32(t))
			}
			dst[n*ld+row] = y * m.Scale[row]
		}
	}
}

func mulLookupScalar(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	blocks, d := m.Blocks(), m.width()
	for n := range in.N {
		x := in.Q[n*in.Stride:]
		for row := p0 * PanelRows; row < p1*PanelRows; row++ {
			p, r := row/PanelRows, row%PanelRows
			var y float32
			for b := range blocks {
				sum := in.Init[n*blocks+b]
				for q := b * m.BlockQuads; q < min((b+1)*m.BlockQuads, m.Quads); q++ {
					for i, code := range m.Codes[((p*m.Quads+q)*PanelRows+r)*4:][:4] {
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

func mulWindowScalar(dst []float32, ld int, m *Matrix, in *Input, p0, p1 int) {
	blocks := m.Blocks()
	var assignments [Block]byte
	for n := range in.N {
		x := in.Q[n*in.Stride:]
		for row := p0 * PanelRows; row < p1*PanelRows; row++ {
			var y float32
			for b := range blocks {
				sum, steps := in.Init[n*blocks+b], m.blockQuads(b)
				block := assignments[:4*steps]
				m.unpackBlock(block, row, b)
				for i, a := range block {
					at := 4*(b*m.BlockQuads+i%steps) + i/steps
					sum += int32(m.Lookup[a&15]+m.Lookup[windowHalf+a>>4]) * int32(x[at])
				}
				y += float32(in.Scales[n*blocks+b] * float32(sum))
			}
			dst[n*ld+row] = y * m.Scale[row]
		}
	}
}
