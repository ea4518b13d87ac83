package codebook

// extrasEngine adds to an integer engine what that does not know of: scales of columns, which the input is
// multiplied with before it is quantised, and outliers, which are added to the results.
type extrasEngine struct {
	engine
	cols     []float32 // scales; nil: all 1
	outliers []Outlier // what the engine's own weight falls short of; by row
}

// withExtras returns the engine itself for a layer without extras, and for float32 weights, which hold everything.
func withExtras(l *Layer, e engine) engine {
	if e.precision().block == 0 || l.ColScales == nil && len(l.Outliers) == 0 {
		return e
	}
	x := &extrasEngine{engine: e, outliers: l.shortfalls()}
	for _, code := range l.ColScales {
		x.cols = append(x.cols, RowScale(code))
	}
	return x
}

// shortfalls returns for each outlier what its centroid falls short of, column scale included.
func (l *Layer) shortfalls() []Outlier {
	out := make([]Outlier, len(l.Outliers))
	row := make([]float32, l.Cols)
	for i, o := range l.Outliers {
		if i == 0 || o.Row != l.Outliers[i-1].Row {
			l.coreRow(row, o.Row)
		}
		out[i] = o
		out[i].Value -= float32(row[o.Col] * l.colScale(o.Col))
	}
	return out
}

func (l *Layer) colScale(c int) float32 {
	if l.ColScales == nil {
		return 1
	}
	return RowScale(l.ColScales[c])
}

func (e *extrasEngine) bits() int64 {
	// An outlier takes 32 bits each for row, column and value.
	return e.engine.bits() + 32*int64(len(e.cols)) + 96*int64(len(e.outliers))
}

func (e *extrasEngine) mul(p *Plan, ws *workspace, y, x []float32, n int) bool {
	scaled := x
	if e.cols != nil {
		ws.scaled = grow(ws.scaled, len(x))
		scaled = ws.scaled
		for i := range n {
			row := scaled[i*p.cols:][:p.cols]
			for c, v := range x[i*p.cols:][:p.cols] {
				row[c] = v * e.cols[c]
			}
		}
	}
	if !e.engine.mul(p, ws, y, scaled, n) {
		return false
	}
	for i := range n {
		results, input := y[i*p.rows:][:p.rows], x[i*p.cols:][:p.cols]
		for _, o := range e.outliers {
			results[o.Row] += o.Value * input[o.Col]
		}
	}
	return true
}
