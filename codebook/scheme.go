package codebook

import (
	"fmt"

	"github.com/palettize/palettize/internal/bitstream"
	"github.com/palettize/palettize/internal/entropy"
	"github.com/palettize/palettize/kernels"
)

// Scheme says how a matrix is cut into segments, how many centroids they share, and how assignments are
// chosen.
type Scheme struct {
	Name   string `json:"scheme"`           // "trellis", "segments", "rows" or "scalar"
	Width  int    `json:"d"`                // columns in a segment; 0: whole rows
	K      int    `json:"k"`                // centroids wanted; fewer come out where fewer segments differ
	Group  int    `json:"group"`            // columns that share a multiplier; 0: one scale a row
	States int    `json:"states,omitempty"` // of the trellis along which assignments are chosen, to be entropy coded; 0: none
	Window int    `json:"window,omitempty"` // new bits that a weight brings to a window of 8 bits, its assignment: 2 to 5; 0: no windows
}

// Schemes lists the schemes with their defaults, the default scheme first.
func Schemes() []Scheme {
	return []Scheme{
		{Name: "trellis", Width: 1, K: 2*entropy.MaxLevel + 1, States: 32},
		{Name: "segments", Width: 2, K: MaxCentroids},
		{Name: "rows", Width: 0, K: MaxCentroids},
		{Name: "scalar", Width: 1, K: MaxCentroids},
	}
}

// WindowScheme returns scheme trellis with windows to which a weight brings this many bits, 2 to 5.
func WindowScheme(bits int) Scheme {
	return Scheme{Name: "trellis", Width: 1, K: MaxCentroids, Window: bits}
}

// Validate reports what is wrong with a scheme.
func (s Scheme) Validate() error {
	switch {
	case s.Name != "trellis" && s.Name != "rows" && s.Name != "segments" && s.Name != "scalar":
		return fmt.Errorf("unknown scheme %q", s.Name)
	case s.K < 1 || s.K > MaxCentroids:
		return fmt.Errorf("%d centroids: there can be 1 to %d", s.K, MaxCentroids)
	case s.Name == "rows" && s.Width != 0:
		return fmt.Errorf("scheme rows has segments of whole rows, not of %d columns", s.Width)
	case s.Name == "segments" && (s.Width < 2 || s.Width > MaxWidth):
		return fmt.Errorf("segments of %d columns: there can be 2 to %d", s.Width, MaxWidth)
	case (s.Name == "scalar" || s.Name == "trellis") && s.Width != 1:
		return fmt.Errorf("scheme %s has segments of 1 column, not of %d", s.Name, s.Width)
	case s.Group != 0 && s.Name != "scalar":
		return fmt.Errorf("groups of columns go with scheme scalar, not %s", s.Name)
	case s.Group != 0 && !ValidGroup(s.Group):
		return fmt.Errorf("groups of %d columns: there can be 8, 16, 32, 64, 128 or 256", s.Group)
	case s.Name != "trellis" && s.Window != 0:
		return fmt.Errorf("windows go with scheme trellis, not %s", s.Name)
	case s.Window != 0 && (s.Window < kernels.MinWindowBits || s.Window > kernels.MaxWindowBits):
		return fmt.Errorf("windows of %d bits a weight: there can be %d to %d", s.Window, kernels.MinWindowBits, kernels.MaxWindowBits)
	case s.Window != 0 && (s.K != MaxCentroids || s.States != 0):
		return fmt.Errorf("windows of %d centroids and %d states: there are %d, and no states to choose", s.K, s.States, MaxCentroids)
	case s.anyRate() && entropy.TrellisOf(s.States) == nil:
		return fmt.Errorf("a trellis of %d states: there are those of 4, 8 and 32", s.States)
	case s.Name != "trellis" && s.States != 0:
		return fmt.Errorf("states of a trellis go with scheme trellis, not %s", s.Name)
	}
	return nil
}

// anyRate reports whether any rate can be asked for: of assignments that are entropy coded.
func (s Scheme) anyRate() bool { return s.Name == "trellis" && s.Window == 0 }

// headerBytes is about what a layer takes in the header of a file.
const headerBytes = 500

// windowSide is about what a layer with windows takes in a file beside these.
func windowSide(rows, cols int) int64 { return MaxCentroids + int64(rows) + int64(cols) + headerBytes }

// fileBytes is about what a layer takes in a file: for the most centroids that it can have, or with this many
// bits a weight where the scheme lets them be chosen.
func (s Scheme) fileBytes(rows, cols int, bits float64) int64 {
	if s.Window != 0 {
		return int64(rows)*int64(bitstream.RowBytes(cols, s.Window)) + windowSide(rows, cols)
	}
	if s.anyRate() {
		return int64(bits*float64(rows)*float64(cols)/8) + headerBytes
	}
	l := Layer{Rows: rows, Cols: cols, Width: s.Width, Group: s.Group}
	if s.Width == 0 {
		l.Width = cols
	} else {
		l.RowScales = []byte{}
	}
	return l.storedBytes(min(s.K, rows*l.Segments())) + headerBytes
}
