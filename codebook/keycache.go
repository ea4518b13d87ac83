package codebook

import (
	"math"

	"github.com/palettize/palettize/kernels"
)

// KeyCache holds keys of one head as codes, a byte a segment, and scores queries against them. Any
// number of Scores and Key may run at the same time, Append and Truncate alone.
type KeyCache struct {
	a     *Attention
	n     int
	codes []byte // in the layout of table, whole tiles
}

// NewCache returns an empty cache.
func (a *Attention) NewCache() *KeyCache { return &KeyCache{a: a} }

// Len is the number of keys.
func (c *KeyCache) Len() int { return c.n }

// BitsResident is what the cache takes in memory, in bits.
func (c *KeyCache) BitsResident() int64 { return 8 * int64(cap(c.codes)) }

// Append adds keys [n, head] behind those that are there. Each segment becomes the nearest of its
// centroids. After an error, a [ShapeError] or a [NotFiniteError], the cache is as it was.
func (c *KeyCache) Append(keys []float32) error {
	a := c.a
	n := len(keys) / a.head
	if len(keys) != n*a.head {
		return &ShapeError{"keys", len(keys), n * a.head}
	}
	if err := finite("key", keys); err != nil {
		return err
	}
	// Rows of a tile that are not there yet have some codes, too.
	tile := tileRows * a.segments
	if missing := ceilDiv(c.n+n, tileRows)*tile - len(c.codes); missing > 0 {
		c.codes = append(c.codes, make([]byte, missing)...)
	}
	ws := workspaces.Get().(*workspace)
	defer workspaces.Put(ws)
	ws.scaled = grow(ws.scaled, a.head)
	x := ws.scaled[:a.head]
	for ; len(keys) > 0; keys = keys[a.head:] {
		scaleInto(x, keys[:a.head], a.scale, far)
		for j, centre := range a.centre {
			x[j] -= centre
		}
		for s := range a.codebooks {
			segment := x[s*a.width : min((s+1)*a.width, a.head)]
			c.codes[c.codeAt(c.n, s)] = a.codebooks[s].nearest(a.set, ws, segment)
		}
		c.n++
	}
	return nil
}

// Truncate keeps the first n keys, at most those that are there.
func (c *KeyCache) Truncate(n int) { c.n = min(max(n, 0), c.n) }

// codeAt is where the code of segment s of key i is.
func (c *KeyCache) codeAt(i, s int) int {
	return i/tileRows*tileRows*c.a.segments + s*tileRows + i%tileRows
}

// Key writes key i as it counts in scores to dst, which must hold the columns of the head: the
// centroids of its segments.
func (c *KeyCache) Key(dst []float32, i int) {
	a := c.a
	for j := range a.head {
		s := j / a.width
		b := a.centroids[a.centroidAt(s, int(c.codes[c.codeAt(i, s)]), j%a.width)]
		dst[j] = a.step * float32(int32(b)-a.zeros[j]) * a.inverse[j]
	}
}

// Scores writes the dot products of queries [n, head] with all keys, dst [n, Len]: for each query,
// rounded to int8 as the inputs of layers are, or replaced by the nearest of 256 with
// AttentionOptions.Whole, its product with what Key returns. They are not divided by the root of
// the head's columns. It allocates nothing. Other lengths are a [ShapeError], a NaN or an infinity
// in a query is a [NotFiniteError].
func (c *KeyCache) Scores(dst, queries []float32) error {
	a := c.a
	n := len(queries) / a.head
	switch {
	case len(queries) != n*a.head:
		return &ShapeError{"queries", len(queries), n * a.head}
	case len(dst) != n*c.n:
		return &ShapeError{"scores", len(dst), n * c.n}
	}
	if err := finite("query", queries); err != nil {
		return err
	}
	if c.n == 0 {
		return nil
	}
	ws := workspaces.Get().(*workspace)
	defer workspaces.Put(ws)
	for i := range n {
		c.score(ws, dst[i*c.n:][:c.n], queries[i*a.head:][:a.head])
	}
	return nil
}

// score is Scores for one query.
func (c *KeyCache) score(ws *workspace, dst, query []float32) {
	a := c.a
	ws.scaled = grow(ws.scaled, a.head)
	x := ws.scaled[:a.head]
	if t := a.queries; t != nil {
		scaleInto(x, query, t.scale, far)
		c.spread(ws, dst, &t.tables[t.codebook.nearest(a.set, ws, x)])
		return
	}
	scaleInto(x, query, a.inverse, math.MaxFloat32)
	layout := a.layout()
	ws.quantise(a.set, x, 1, layout)
	ws.in.Init = grow(ws.in.Init, a.segments)
	ws.tables.Resize(a.segments, a.segments)
	for i := range ws.in.N {
		ws.in.Scales[i] *= a.step
		q := ws.q[i*layout.stride:][:layout.stride]
		a.starts(ws.in.Init[:a.segments], q)
		a.set.BuildTables(&ws.tables, a.centroids, kernels.Centroids*a.padded, a.padded,
			ws.widen(q, a.width, a.padded), ws.in.Scales[i:], ws.in.Init)
		if i == 0 {
			c.spread(ws, dst, &ws.tables)
			continue
		}
		// what rounding has left of a query with a few values far larger than the rest
		ws.rest = grow(ws.rest, c.n)
		rest := ws.rest[:c.n]
		c.spread(ws, rest, &ws.tables)
		for k, v := range rest {
			dst[k] += v
		}
	}
}

// spread adds up the entries that the codes of each key name.
func (c *KeyCache) spread(ws *workspace, dst []float32, t *kernels.Tables) {
	set, whole := c.a.set, len(dst)/tileRows
	set.SpreadTables(dst, t, c.codes, nil, 0, whole*kernels.TableTile)
	if rest := dst[whole*tileRows:]; len(rest) > 0 {
		ws.own = grow(ws.own, tileRows)
		set.SpreadTables(ws.own, t, c.codes[whole*tileRows*c.a.segments:], nil, 0,
			kernels.TableTile)
		copy(rest, ws.own)
	}
}
