package quant

import (
	"context"
	"fmt"
	"slices"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/bitstream"
	"github.com/palettize/palettize/internal/entropy"
	"github.com/palettize/palettize/kernels"
)

// schemeRow is what a scheme is, and all that differs among schemes.
type schemeRow struct {
	name            string
	windows, groups bool // whether WindowBits, or Group, is more than 0
	least, most     int  // columns of a segment; 0: whole rows
	preset          codebook.Scheme

	// check reports what else is wrong with a scheme; nil: nothing can be.
	check func(s codebook.Scheme) error
	// bytes is FileBytes.
	bytes func(s codebook.Scheme, rows, cols int, bits float64) int64
	// build is Build.
	build func(ctx context.Context, m *Matrix, s codebook.Scheme, t Target, o Options) (
		*codebook.Layer, error)
	anyRate bool // AnyRate
}

// schemeTable lists the schemes, the default first.
var schemeTable = []schemeRow{
	{
		name: "trellis", least: 1, most: 1, check: checkStates, bytes: ratedBytes,
		build: buildTrellis, anyRate: true,
		preset: codebook.Scheme{Width: 1, K: 2*entropy.MaxLevel + 1, States: 32},
	},
	{
		name: "trellis", least: 1, most: 1, windows: true, check: checkWindows, bytes: windowBytes,
		build: buildWindows,
	},
	{
		name: "segments", least: 2, most: codebook.MaxWidth, bytes: packedBytes,
		build:  buildClusters,
		preset: codebook.Scheme{Width: 2, K: codebook.MaxCentroids},
	},
	{
		name: "rows", bytes: packedBytes, build: buildClusters,
		preset: codebook.Scheme{K: codebook.MaxCentroids},
	},
	{
		name: "scalar", least: 1, most: 1, bytes: packedBytes, build: buildScalar,
		preset: codebook.Scheme{Width: 1, K: codebook.MaxCentroids},
	},
	{
		name: "scalar", least: 1, most: 1, groups: true, check: checkGroup, bytes: packedBytes,
		build: buildGroups,
	},
}

// schemeRowOf returns the row of a scheme, nil for one that cannot be.
func schemeRowOf(s codebook.Scheme) *schemeRow {
	for i, r := range schemeTable {
		if r.name == s.Name && r.windows == (s.WindowBits != 0) && r.groups == (s.Group != 0) {
			return &schemeTable[i]
		}
	}
	return nil
}

// Schemes lists one scheme for each name, with its default settings, the default scheme first.
func Schemes() []codebook.Scheme {
	var schemes []codebook.Scheme
	for _, r := range schemeTable {
		if s := r.preset; s.K != 0 {
			s.Name = r.name
			schemes = append(schemes, s)
		}
	}
	return schemes
}

// AnyRate reports whether any number of bits a weight can be asked for: where assignments are
// entropy coded. All other schemes take what they take.
func AnyRate(s codebook.Scheme) bool {
	r := schemeRowOf(s)
	return r != nil && r.anyRate
}

// FileBytes is about what a layer takes in a file: with as many centroids as it can have, or with
// this many bits a weight where AnyRate(s) is true.
func FileBytes(s codebook.Scheme, rows, cols int, bits float64) int64 {
	return schemeRowOf(s).bytes(s, rows, cols, bits)
}

// Validate reports what is wrong with a scheme.
func Validate(s codebook.Scheme) error {
	r := schemeRowOf(s)
	named := func(r schemeRow) bool { return r.name == s.Name }
	switch {
	case !slices.ContainsFunc(schemeTable, named):
		return fmt.Errorf("unknown scheme %q", s.Name)
	case r == nil && s.Group != 0:
		return fmt.Errorf("groups of columns go with scheme scalar, not %s", s.Name)
	case r == nil:
		return fmt.Errorf("windows go with scheme trellis, not %s", s.Name)
	case s.K < 1 || s.K > codebook.MaxCentroids:
		return fmt.Errorf("%d centroids: there can be 1 to %d", s.K, codebook.MaxCentroids)
	case (s.Width < r.least || s.Width > r.most) && r.most == 0:
		return fmt.Errorf("scheme %s has segments of whole rows, not of %d columns", s.Name,
			s.Width)
	case (s.Width < r.least || s.Width > r.most) && r.most == 1:
		return fmt.Errorf("scheme %s has segments of 1 column, not of %d", s.Name, s.Width)
	case s.Width < r.least || s.Width > r.most:
		return fmt.Errorf("segments of %d columns: there can be %d to %d", s.Width, r.least, r.most)
	case !r.anyRate && !r.windows && s.States != 0:
		return fmt.Errorf("states of a trellis go with scheme trellis, not %s", s.Name)
	case r.check != nil:
		return r.check(s)
	}
	return nil
}

func checkStates(s codebook.Scheme) error {
	if entropy.TrellisOf(s.States) == nil {
		return fmt.Errorf("a trellis of %d states: there are those of 4, 8 and 32", s.States)
	}
	return nil
}

func checkGroup(s codebook.Scheme) error {
	if !codebook.ValidGroup(s.Group) {
		return fmt.Errorf("groups of %d columns: there can be 8, 16, 32, 64, 128 or 256", s.Group)
	}
	return nil
}

func checkWindows(s codebook.Scheme) error {
	switch {
	case s.WindowBits < kernels.MinWindowBits || s.WindowBits > kernels.MaxWindowBits:
		return fmt.Errorf("windows of %d bits a weight: there can be %d to %d",
			s.WindowBits, kernels.MinWindowBits, kernels.MaxWindowBits)
	case s.K != codebook.MaxCentroids || s.States != 0:
		return fmt.Errorf("windows of %d centroids and %d states: "+
			"there are %d, and no states to choose",
			s.K, s.States, codebook.MaxCentroids)
	}
	return nil
}

// HeaderBytes is about how many bytes the header of a file has for a layer.
const HeaderBytes = 500

// WindowSideBytes is about what a layer with windows takes in a file beside its assignments:
// centroids, scales and its part of the header.
func WindowSideBytes(rows, cols int) int64 {
	return kernels.WindowCentroids + int64(rows) + int64(cols) + HeaderBytes
}

func windowBytes(s codebook.Scheme, rows, cols int, _ float64) int64 {
	return int64(rows)*int64(bitstream.RowBytes(cols, s.WindowBits)) + WindowSideBytes(rows, cols)
}

func ratedBytes(_ codebook.Scheme, rows, cols int, bits float64) int64 {
	return int64(bits*float64(rows)*float64(cols)/8) + HeaderBytes
}

func packedBytes(s codebook.Scheme, rows, cols int, _ float64) int64 {
	l := codebook.Layer{Rows: rows, Cols: cols, Width: s.Width, Group: s.Group}
	if s.Width == 0 {
		l.Width = cols
	} else {
		l.RowScales = []byte{}
	}
	l.Centroids = make([]byte, min(s.K, rows*l.Segments())*l.Width)
	return l.BytesStored() + HeaderBytes
}
