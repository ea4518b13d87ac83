package codebook

import (
	"slices"

	"github.com/palettize/palettize/kernels"
)

const (
	panelRows = kernels.PanelRows
	tableRows = kernels.TablePanelRows
	tileRows  = tableRows * kernels.TableTile
)

// paddedScales returns the scales of the rows, Scale included, and zeros up to a multiple of panel.
func (l *Layer) paddedScales(panel int) []float32 {
	scales := make([]float32, ceilDiv(l.Rows, panel)*panel)
	for r := range l.Rows {
		scales[r] = l.rowScale(r)
	}
	return scales
}

// panels returns a matrix in panels of 16 rows, its codes not yet filled in; two quads of a panel take
// quadPairBytes.
func (l *Layer) panels(quadPairBytes int) kernels.Matrix {
	d := l.Width
	m := kernels.Matrix{
		Panels:     ceilDiv(l.Rows, panelRows),
		Quads:      ceilDiv(l.Cols, 4*d),
		BlockQuads: kernels.Block / (4 * d),
		Scale:      l.paddedScales(panelRows),
	}
	m.GroupQuads = m.BlockQuads
	if l.Group != 0 {
		m.GroupQuads = l.Group / 4
	}
	m.Codes = make([]byte, m.Panels*ceilDiv(m.Quads, 2)*quadPairBytes)
	groups := m.Groups()
	m.Mult = make([]int8, m.Panels*groups*panelRows)
	for r := range l.Rows {
		for g := range groups {
			mult := int8(1)
			if l.Group != 0 {
				mult = l.Multipliers[r*groups+g]
			}
			m.Mult[(r/panelRows*groups+g)*panelRows+r%panelRows] = mult
		}
	}
	return m
}

func matrixBits(m *kernels.Matrix) int64 {
	return 8*int64(len(m.Codes)+len(m.Lookup)+len(m.Mult)) + 32*int64(len(m.Scale))
}

// panelEngine multiplies codes in panels of 16 rows: half bytes or bytes looked up in registers, or
// weights of one byte.
type panelEngine struct {
	m     kernels.Matrix
	width int
	zero  byte
	op    func(s *kernels.Set, dst []float32, ld int, m *kernels.Matrix, in *kernels.Input, p0, p1 int)
}

func (e *panelEngine) bits() int64 { return matrixBits(&e.m) }

func (e *panelEngine) precision() precision { return precision{block: e.m.BlockQuads * 4 * e.width} }

func (e *panelEngine) mul(p *Plan, ws *workspace, y, x []float32, n int) bool {
	m, d := &e.m, e.width
	if !ws.quantise(p.set, x, n, inputLayout{
		cols: p.cols, block: m.BlockQuads * 4 * d, group: m.GroupQuads * 4 * d,
		stride: ceilDiv(m.Quads, 2) * 2 * 4 * d, zero: e.zero,
	}) {
		return false
	}
	if d > 1 {
		ws.shuffled = grow(ws.shuffled, len(ws.q))
		kernels.PermuteInput(ws.shuffled, ws.q, d)
		ws.in.Q = ws.shuffled
	}
	ws.results(y, p.rows, m.Panels*panelRows)
	p.share(ws, m.Panels)
	ws.collect(y, p.rows)
	return true
}

func (e *panelEngine) part(p *Plan, ws *workspace, lo, hi int) {
	e.op(p.set, ws.out, ws.ld, &e.m, &ws.in, lo, hi)
}

func fitsNibbles(l *Layer) bool { return l.Width == 1 && l.K() <= 16 }

func layNibbles(l *Layer) engine {
	m := l.panels(64)
	pairs := ceilDiv(m.Quads, 2)
	for i, a := range l.Assignments {
		r, c := i/l.Cols, i%l.Cols
		m.Codes[((r/panelRows*pairs+c/8)*panelRows+r%panelRows)*4+c%4] |= a << (c / 4 % 2 * 4)
	}
	m.Lookup = make([]byte, 16)
	copy(m.Lookup, l.Centroids)
	return &panelEngine{m: m, width: 1, zero: l.ZeroPoint, op: (*kernels.Set).MulNibble}
}

func fitsLookup(l *Layer) bool { return l.Width >= 2 && l.Width <= kernels.MaxLookupWidth }

func layLookup(l *Layer) engine {
	m := l.panels(128)
	segments := l.Segments()
	for i, a := range l.Assignments {
		r, s := i/segments, i%segments
		m.Codes[((r/panelRows*m.Quads+s/4)*panelRows+r%panelRows)*4+s%4] = a
	}
	m.Lookup = make([]byte, l.Width*kernels.Centroids)
	for i, c := range l.Centroids {
		m.Lookup[i%l.Width*kernels.Centroids+i/l.Width] = c
	}
	return &panelEngine{m: m, width: l.Width, zero: l.ZeroPoint, op: (*kernels.Set).MulLookup}
}

func fitsWindow(l *Layer) bool { return l.WindowBits != 0 }

func layWindow(l *Layer) engine {
	m := kernels.Matrix{
		Panels: ceilDiv(l.Rows, panelRows), Quads: ceilDiv(l.Cols, 4*kernels.WindowQuads) * kernels.WindowQuads,
		BlockQuads: kernels.Block / 4, GroupQuads: kernels.Block / 4,
		Scale: l.paddedScales(panelRows), Lookup: l.Centroids, Bits: l.WindowBits,
	}
	m.Codes = make([]byte, kernels.WindowBytes(m.Panels, m.Quads, m.Bits))
	for r := range l.Rows {
		kernels.PackWindows(m.Codes, m.Quads, m.Bits, r, l.Assignments[r*l.Cols:][:l.Cols])
	}
	return &panelEngine{m: m, width: 1, zero: l.ZeroPoint, op: (*kernels.Set).MulWindow}
}

// fitsBytes: any segment can be written out as the bytes of its centroid, for CPUs that find bytes
// faster than they look centroids up.
func fitsBytes(l *Layer) bool { return l.Width <= MaxWidth && l.Width < l.Cols }

func layBytes(l *Layer) engine {
	weights := Layer{Rows: l.Rows, Cols: l.Cols, Width: 1, Scale: l.Scale, RowScales: l.RowScales, Group: l.Group, Multipliers: l.Multipliers}
	m := weights.panels(128)
	segments := l.Segments()
	for i, a := range l.Assignments {
		r, c := i/segments, i%segments*l.Width
		putBytes(&m, r, c, l.Centroids[int(a)*l.Width:][:min(l.Width, l.Cols-c)])
	}
	return &panelEngine{m: m, width: 1, zero: l.ZeroPoint, op: (*kernels.Set).MulU8}
}

// putBytes writes weights from column c of row r on in the layout of mul-u8.
func putBytes(m *kernels.Matrix, r, c int, weights []byte) {
	for j, w := range weights {
		m.Codes[((r/panelRows*m.Quads+(c+j)/4)*panelRows+r%panelRows)*4+(c+j)%4] = w
	}
}

// broadcastEngine multiplies each whole-row centroid once and spreads the results.
type broadcastEngine struct {
	centroids   kernels.Matrix
	zero        byte
	assignments []byte
	scales      []float32 // one a row; nil: all 1, the layer's scale being in centroids
}

func fitsBroadcast(l *Layer) bool { return l.Width == l.Cols && l.Width > 1 }

func layBroadcast(l *Layer) engine {
	// The centroids as a layer of their own, whose weights are bytes.
	rows := Layer{Rows: l.K(), Cols: l.Cols, Width: 1, Scale: l.Scale}
	m := rows.panels(128)
	for k := range l.K() {
		putBytes(&m, k, 0, l.Centroids[k*l.Cols:][:l.Cols])
	}
	e := &broadcastEngine{centroids: m, zero: l.ZeroPoint, assignments: slices.Clone(l.Assignments)}
	for _, code := range l.RowScales {
		e.scales = append(e.scales, RowScale(code))
	}
	return e
}

func (e *broadcastEngine) bits() int64 {
	return matrixBits(&e.centroids) + 8*int64(len(e.assignments)) + 32*int64(len(e.scales))
}

func (e *broadcastEngine) precision() precision {
	return precision{block: e.centroids.BlockQuads * 4}
}

func (e *broadcastEngine) mul(p *Plan, ws *workspace, y, x []float32, n int) bool {
	m := &e.centroids
	block := m.BlockQuads * 4
	if !ws.quantise(p.set, x, n, inputLayout{
		cols: p.cols, block: block, group: block, stride: ceilDiv(m.Quads, 2) * 8, zero: e.zero,
	}) {
		return false
	}
	const ld = kernels.Centroids
	ws.results(nil, 0, ld)
	p.share(ws, m.Panels)
	ws.addRemainders(ws.out, ld, ld)
	for i := range n {
		results := (*[kernels.Centroids]float32)(ws.out[i*ld:])
		out := y[i*p.rows:][:len(e.assignments)]
		if e.scales == nil {
			for r, a := range e.assignments {
				out[r] = results[a]
			}
			continue
		}
		scales := e.scales[:len(out)]
		for r, a := range e.assignments {
			out[r] = results[a] * scales[r]
		}
	}
	return true
}

func (e *broadcastEngine) part(p *Plan, ws *workspace, lo, hi int) {
	p.set.MulU8(ws.out, ws.ld, &e.centroids, &ws.in, lo, hi)
}

// tableEngine looks up the dot products of the centroids with each segment of the input.
type tableEngine struct {
	centroids []byte // 256 rows in the layout of mul-u8
	codes     []byte // in the layout of table
	scales    []float32
	segments  int
	width     int // d
	padded    int // d, rounded up to a multiple of 4
	zero      byte
}

func fitsTable(l *Layer) bool { return l.Width >= 2 && l.Width <= MaxWidth }

func layTable(l *Layer) engine {
	d, segments := l.Width, l.Segments()
	e := &tableEngine{
		segments: segments, width: d, padded: ceilDiv(d, 4) * 4, zero: l.ZeroPoint,
		scales: l.paddedScales(tableRows),
	}
	// Centroids that are not there stand for zeros: they must not widen the range of a table.
	e.centroids = slices.Repeat([]byte{l.ZeroPoint}, kernels.Centroids*e.padded)
	for i, c := range l.Centroids {
		k, j := i/d, i%d
		e.centroids[((k/panelRows*(e.padded/4)+j/4)*panelRows+k%panelRows)*4+j%4] = c
	}
	e.codes = make([]byte, len(e.scales)*segments)
	for i, a := range l.Assignments {
		r, s := i/segments, i%segments
		tile := r / tileRows * tileRows
		e.codes[tile*segments+s*min(tileRows, len(e.scales)-tile)+r-tile] = a
	}
	return e
}

func (e *tableEngine) bits() int64 {
	return 8*int64(len(e.centroids)+len(e.codes)) + 32*int64(len(e.scales))
}

// blockSegments is the number of segments that share an input scale.
func (e *tableEngine) blockSegments() int { return kernels.Block / (4 * e.width) * 4 }

func (e *tableEngine) precision() precision {
	return precision{block: e.blockSegments() * e.width, table: true}
}

func (e *tableEngine) mul(p *Plan, ws *workspace, y, x []float32, n int) bool {
	d, blockSegments := e.width, e.blockSegments()
	ws.tables.Resize(e.segments, blockSegments)
	if !ws.quantise(p.set, x, n, inputLayout{
		cols: p.cols, block: blockSegments * d, group: d, stride: e.segments * d, zero: e.zero,
	}) {
		return false
	}
	ws.results(y, p.rows, len(e.scales))
	blocks := ceilDiv(e.segments, blockSegments)
	for i := range ws.in.N {
		q := ws.q[i*ws.in.Stride:][:ws.in.Stride]
		if e.padded != d {
			ws.shuffled = grow(ws.shuffled, e.segments*e.padded)
			clear(ws.shuffled)
			for s := range e.segments {
				copy(ws.shuffled[s*e.padded:], q[s*d:][:d])
			}
			q = ws.shuffled
		}
		p.set.BuildTables(&ws.tables, e.centroids, e.padded, q, ws.in.Scales[i*blocks:], ws.in.Init[i*e.segments:])
		ws.vector = i
		p.share(ws, ceilDiv(len(e.scales), tileRows))
	}
	ws.collect(y, p.rows)
	return true
}

func (e *tableEngine) part(p *Plan, ws *workspace, lo, hi int) {
	panels := len(e.scales) / tableRows
	p.set.SpreadTables(ws.out[ws.vector*ws.ld:][:ws.ld], &ws.tables, e.codes, e.scales,
		lo*kernels.TableTile, min(hi*kernels.TableTile, panels))
}
