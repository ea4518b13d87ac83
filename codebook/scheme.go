package codebook

// Scheme says how a matrix is cut into segments, how many centroids they share, and how assignments
// are chosen and stored. Package compress makes layers by it.
type Scheme struct {
	// Name is "trellis", "segments", "rows" or "scalar".
	Name string `json:"scheme"`
	// Width is the number of columns in a segment; 0: whole rows.
	Width int `json:"d"`
	// K is the number of centroids; a layer has fewer where fewer segments differ.
	K int `json:"k"`
	// Group is the number of columns that share a multiplier; 0: no groups, one scale a row.
	Group int `json:"group"`
	// States is the number of states of the trellis along which assignments are chosen by a Viterbi
	// search, to be stored entropy coded: 4, 8 or 32; 0: not so.
	States int `json:"states,omitempty"`
	// WindowBits is how many bits a weight takes where assignments are those of windows: 2 to 5; 0:
	// not so. See [Layer.WindowBits].
	WindowBits int `json:"window,omitempty"`
}
