package codebook

import (
	"encoding/binary"
	"slices"

	"github.com/palettize/palettize/codebook/internal/stream"
	"github.com/palettize/palettize/internal/logscale"
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

// panels returns a matrix in panels of 16 rows, its codes not yet filled in; two quads of a panel
// take quadPairBytes.
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

// mult is the multiplier of a group of row r.
func mult(m *kernels.Matrix, r, group int) int8 {
	return m.Mult[(r/panelRows*m.Groups()+group)*panelRows+r%panelRows]
}

// panelOp is one of the operations of kernels on panels p0 to p1.
type panelOp func(s *kernels.Set, dst []float32, ld int, m *kernels.Matrix, in *kernels.Input,
	p0, p1 int)

// panelEngine multiplies codes in panels of 16 rows: half bytes or bytes looked up in registers, or
// weights of one byte.
type panelEngine struct {
	m     kernels.Matrix
	width int
	zero  byte
	op    panelOp
	bytes func(m *kernels.Matrix, dst []byte, r int) // of the weights of row r
	// brings an input into the order of op; nil: it is
	permute func(s *kernels.Set, dst, src []int8, m *kernels.Matrix)
}

func (e *panelEngine) row(dst []float32, r int) {
	ws := workspaces.Get().(*workspace)
	defer workspaces.Put(ws)
	ws.row = grow(ws.row, len(dst))
	e.bytes(&e.m, ws.row, r)
	columns := 4 * e.m.GroupQuads * e.width // that share a multiplier
	if e.m.Mult == nil {
		columns = len(dst)
	}
	for c0 := 0; c0 < len(dst); c0 += columns {
		s := e.m.Scale[r]
		if e.m.Mult != nil {
			s *= float32(mult(&e.m, r, c0/columns))
		}
		for c := c0; c < min(c0+columns, len(dst)); c++ {
			dst[c] = s * float32(int(ws.row[c])-int(e.zero))
		}
	}
}

func (e *panelEngine) bits() int64 { return 8 * int64(e.m.Bytes()) }

func (e *panelEngine) precision() precision {
	return precision{block: e.m.BlockQuads * 4 * e.width}
}

func (e *panelEngine) mul(p *Plan, ws *workspace, y, x []float32, n int) bool {
	m, d := &e.m, e.width
	if !ws.quantise(p.set, x, n, inputLayout{
		cols: p.cols, block: m.BlockQuads * 4 * d, group: m.GroupQuads * 4 * d,
		stride: ceilDiv(m.Quads, 2) * 2 * 4 * d, zero: e.zero,
	}) {
		return false
	}
	if e.permute != nil {
		ws.shuffled = grow(ws.shuffled, len(ws.q))
		for i := 0; i < len(ws.q); i += ws.in.Stride {
			e.permute(p.set, ws.shuffled[i:][:ws.in.Stride], ws.q[i:][:ws.in.Stride], m)
		}
		ws.in.Q = ws.shuffled
	}
	ws.separate(m)
	ws.results(y, p.rows, m.Panels*panelRows)
	p.split(ws, m.Panels)
	ws.collect(y, p.rows)
	return true
}

func (e *panelEngine) part(p *Plan, ws *workspace, lo, hi int) {
	ws.multiply(e.op, p.set, &e.m, lo, hi)
}

func fitsNibbles(l *Layer) bool { return l.Width == 1 && l.K() <= 16 }

func layNibbles(l *Layer) (engine, putter) {
	m := l.panels(64)
	pairs := ceilDiv(m.Quads, 2)
	// Not filled up with zeros, which some kernels would have to be slower for.
	m.Lookup = append(slices.Clone(l.Centroids), slices.Repeat([]byte{255}, 16-l.K())...)
	e := &panelEngine{m: m, width: 1, zero: l.ZeroPoint, op: (*kernels.Set).MulNibble,
		bytes: nibbles}
	return e, func(r int, assignments []byte) {
		for c, a := range assignments {
			m.Codes[nibbleAt(pairs, r, c)] |= a << (c / 4 % 2 * 4)
		}
	}
}

// nibbleAt is the byte that has the half byte of column c of row r.
func nibbleAt(pairs, r, c int) int {
	return ((r/panelRows*pairs+c/8)*panelRows+r%panelRows)*4 + c%4
}

func nibbles(m *kernels.Matrix, dst []byte, r int) {
	pairs := ceilDiv(m.Quads, 2)
	for c := range dst {
		dst[c] = m.Lookup[m.Codes[nibbleAt(pairs, r, c)]>>(c/4%2*4)&15]
	}
}

func fitsLookup(l *Layer) bool { return l.Width >= 2 && l.Width <= kernels.MaxLookupWidth }

func layLookup(l *Layer) (engine, putter) {
	m := l.panels(128)
	m.Lookup = make([]byte, l.Width*kernels.Centroids)
	for i, c := range l.Centroids {
		m.Lookup[i%l.Width*kernels.Centroids+i/l.Width] = c
	}
	e := &panelEngine{m: m, width: l.Width, zero: l.ZeroPoint, op: (*kernels.Set).MulLookup,
		permute: permuteSegments}
	e.bytes = func(m *kernels.Matrix, dst []byte, r int) {
		for c := range dst {
			code := m.Codes[byteAt(m, r, c/e.width)]
			dst[c] = m.Lookup[c%e.width*kernels.Centroids+int(code)]
		}
	}
	return e, func(r int, assignments []byte) { putBytes(&m, r, 0, assignments) }
}

func permuteSegments(s *kernels.Set, dst, src []int8, m *kernels.Matrix) {
	s.PermuteInput(dst, src, len(m.Lookup)/kernels.Centroids)
}

func fitsWindow(l *Layer) bool { return l.WindowBits != 0 }

func layWindow(l *Layer) (engine, putter) {
	quads := ceilDiv(l.Cols, 4*kernels.WindowQuads) * kernels.WindowQuads
	m := &kernels.Matrix{
		Panels: ceilDiv(l.Rows, panelRows), Quads: quads,
		BlockQuads: kernels.Block / 4, GroupQuads: kernels.Block / 4,
		Scale: l.paddedScales(panelRows), Bits: l.WindowBits,
	}
	m.Lookup, _ = stream.SplitCentroids(l.Centroids) // which the layer's checks have done, too
	m.Codes = make([]byte, kernels.WindowBytes(m.Panels, m.Quads, m.Bits))
	e := &panelEngine{m: *m, width: 1, zero: l.ZeroPoint, op: (*kernels.Set).MulWindow,
		bytes: windows, permute: (*kernels.Set).PermuteWindows}
	return e, m.PackWindows
}

func windows(m *kernels.Matrix, dst []byte, r int) {
	m.UnpackWindows(dst, r)
	for c, a := range dst {
		dst[c] = m.Lookup[a&15] + m.Lookup[kernels.WindowCentroids/2+a>>4]
	}
}

// fitsBytes: any segment can be written out as the bytes of its centroid, for CPUs that find bytes
// faster than they look centroids up.
func fitsBytes(l *Layer) bool { return l.Width <= MaxWidth && l.Width < l.Cols }

func layBytes(l *Layer) (engine, putter) {
	weights := Layer{
		Rows: l.Rows, Cols: l.Cols, Width: 1, Scale: l.Scale, RowScales: l.RowScales,
		Group: l.Group, Multipliers: l.Multipliers,
	}
	m := weights.panels(128)
	e := &panelEngine{m: m, width: 1, zero: l.ZeroPoint, op: (*kernels.Set).MulU8, bytes: getBytes}
	if l.Width == 1 {
		var values [kernels.Centroids]byte
		copy(values[:], l.Centroids)
		return e, func(r int, assignments []byte) { putValues(&m, r, &values, assignments) }
	}
	return e, func(r int, assignments []byte) {
		c, at := 0, byteAt(&m, r, 0)
		for _, a := range assignments {
			centroid := l.Centroids[int(a)*l.Width:][:l.Width]
			for _, b := range centroid[:min(l.Width, l.Cols-c)] {
				m.Codes[at] = b
				at = nextByte(at, c)
				c++
			}
		}
	}
}

// putValues writes what assignments stand for, a row, in the layout of mul-u8. It writes four at a
// time: this is most of what opening a model takes but for decoding.
func putValues(m *kernels.Matrix, r int, values *[kernels.Centroids]byte, assignments []byte) {
	at := byteAt(m, r, 0)
	for len(assignments) >= 4 {
		a, b, c, d := assignments[0], assignments[1], assignments[2], assignments[3]
		binary.LittleEndian.PutUint32(m.Codes[at:],
			uint32(values[a])|uint32(values[b])<<8|uint32(values[c])<<16|uint32(values[d])<<24)
		at += 4 * panelRows
		assignments = assignments[4:]
	}
	for i, a := range assignments {
		m.Codes[at+i] = values[a]
	}
}

// byteAt is where the byte of column c of row r is in the layout of mul-u8.
func byteAt(m *kernels.Matrix, r, c int) int {
	return ((r/panelRows*m.Quads+c/4)*panelRows+r%panelRows)*4 + c%4
}

// nextByte is where the byte behind that of column c is, which is at.
func nextByte(at, c int) int {
	if c%4 < 3 {
		return at + 1
	}
	return at + 4*panelRows - 3
}

// putBytes writes weights from column c of row r on in the layout of mul-u8.
func putBytes(m *kernels.Matrix, r, c int, weights []byte) {
	at := byteAt(m, r, c)
	for j, w := range weights {
		m.Codes[at] = w
		at = nextByte(at, c+j)
	}
}

// getBytes reads what putBytes has written.
func getBytes(m *kernels.Matrix, dst []byte, r int) {
	at := byteAt(m, r, 0)
	for c := range dst {
		dst[c] = m.Codes[at]
		at = nextByte(at, c)
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

func layBroadcast(l *Layer) (engine, putter) {
	// The centroids as a layer of their own, whose weights are bytes.
	rows := Layer{Rows: l.K(), Cols: l.Cols, Width: 1, Scale: l.Scale}
	m := rows.panels(128)
	for k := range l.K() {
		putBytes(&m, k, 0, l.Centroids[k*l.Cols:][:l.Cols])
	}
	e := &broadcastEngine{centroids: m, zero: l.ZeroPoint, assignments: make([]byte, l.Rows)}
	for _, code := range l.RowScales {
		e.scales = append(e.scales, logscale.Value(code))
	}
	e.scales = slices.Clip(e.scales)
	return e, func(r int, assignments []byte) { e.assignments[r] = assignments[0] }
}

func (e *broadcastEngine) row(dst []float32, r int) {
	scale, a := e.centroids.Scale[0], int(e.assignments[r])
	if e.scales != nil {
		scale *= e.scales[r]
	}
	for c := range dst {
		dst[c] = scale * float32(int(e.centroids.Codes[byteAt(&e.centroids, a, c)])-int(e.zero))
	}
}

func (e *broadcastEngine) bits() int64 {
	return 8*int64(e.centroids.Bytes()) + 8*int64(len(e.assignments)) + 32*int64(len(e.scales))
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
	ws.separate(m)
	ws.results(nil, 0, ld)
	p.split(ws, m.Panels)
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
	ws.multiply((*kernels.Set).MulU8, p.set, &e.centroids, lo, hi)
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

func layTable(l *Layer) (engine, putter) {
	d, segments := l.Width, l.Segments()
	e := &tableEngine{
		segments: segments, width: d, padded: ceilDiv(d, 4) * 4, zero: l.ZeroPoint,
		scales: l.paddedScales(tableRows),
	}
	// Centroids that are not there stand for zeros: they must not widen the range of a table.
	e.centroids = slices.Repeat([]byte{l.ZeroPoint}, kernels.Centroids*e.padded)
	for i, c := range l.Centroids {
		e.centroids[centroidAt(e.padded, i/d, i%d)] = c
	}
	e.codes = make([]byte, len(e.scales)*segments)
	return e, func(r int, assignments []byte) {
		for s, a := range assignments {
			e.codes[e.codeAt(r, s)] = a
		}
	}
}

// centroidAt is where element j of centroid k is, of centroids of width padded in the layout of
// mul-u8.
func centroidAt(padded, k, j int) int {
	return ((k/panelRows*(padded/4)+j/4)*panelRows+k%panelRows)*4 + j%4
}

// codeAt is where the assignment of segment s of row r is.
func (e *tableEngine) codeAt(r, s int) int {
	tile := r / tileRows * tileRows
	return tile*e.segments + s*min(tileRows, len(e.scales)-tile) + r - tile
}

func (e *tableEngine) row(dst []float32, r int) {
	for c := range dst {
		b := e.centroids[centroidAt(e.padded, int(e.codes[e.codeAt(r, c/e.width)]), c%e.width)]
		dst[c] = e.scales[r] * float32(int(b)-int(e.zero))
	}
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
		q := ws.widen(ws.q[i*ws.in.Stride:][:ws.in.Stride], d, e.padded)
		p.set.BuildTables(&ws.tables, e.centroids, 0, e.padded, q, ws.in.Scales[i*blocks:],
			ws.in.Init[i*e.segments:])
		ws.vector = i
		p.split(ws, ceilDiv(len(e.scales), tileRows))
	}
	ws.collect(y, p.rows)
	return true
}

func (e *tableEngine) part(p *Plan, ws *workspace, lo, hi int) {
	panels := len(e.scales) / tableRows
	p.set.SpreadTables(ws.result(ws.vector), &ws.tables, e.codes, e.scales,
		lo*kernels.TableTile, min(hi*kernels.TableTile, panels))
}
