package codebook

import "fmt"

// Scheme says how a matrix is cut into segments and how many centroids they share.
type Scheme struct {
	Name  string `json:"scheme"` // "rows", "segments" or "scalar"
	Width int    `json:"d"`      // columns in a segment; 0: whole rows
	K     int    `json:"k"`      // centroids wanted; fewer come out where fewer segments differ
	Group int    `json:"group"`  // columns that share a multiplier; 0: one scale a row
}

// Schemes lists the schemes with their defaults, the default scheme first.
func Schemes() []Scheme {
	return []Scheme{
		{Name: "segments", Width: 2, K: MaxCentroids},
		{Name: "rows", Width: 0, K: MaxCentroids},
		{Name: "scalar", Width: 1, K: MaxCentroids},
	}
}

// Validate reports what is wrong with a scheme.
func (s Scheme) Validate() error {
	switch {
	case s.K < 1 || s.K > MaxCentroids:
		return fmt.Errorf("%d centroids: there can be 1 to %d", s.K, MaxCentroids)
	case s.Name == "rows" && s.Width != 0:
		return fmt.Errorf("scheme rows has segments of whole rows, not of %d columns", s.Width)
	case s.Name == "segments" && (s.Width < 2 || s.Width > MaxWidth):
		return fmt.Errorf("segments of %d columns: there can be 2 to %d", s.Width, MaxWidth)
	case s.Name == "scalar" && s.Width != 1:
		return fmt.Errorf("scheme scalar has segments of 1 column, not of %d", s.Width)
	case s.Name != "rows" && s.Name != "segments" && s.Name != "scalar":
		return fmt.Errorf("unknown scheme %q", s.Name)
	case s.Group != 0 && s.Name != "scalar":
		return fmt.Errorf("groups of columns go with scheme scalar, not %s", s.Name)
	case s.Group != 0 && !ValidGroup(s.Group):
		return fmt.Errorf("groups of %d columns: there can be 8, 16, 32, 64, 128 or 256", s.Group)
	}
	return nil
}

// headerBytes is about what a layer takes in the header of a file.
const headerBytes = 500

// fileBytes is about what a layer takes in a file, for the most centroids that it can have.
func (s Scheme) fileBytes(rows, cols int) int64 {
	l := Layer{Rows: rows, Cols: cols, Width: s.Width, Group: s.Group}
	if s.Width == 0 {
		l.Width = cols
	} else {
		l.RowScales = []byte{}
	}
	return l.storedBytes(min(s.K, rows*l.Segments())) + headerBytes
}
