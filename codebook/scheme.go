package codebook

// Scheme says how a matrix is cut into segments, how many centroids they share, and how assignments
// are chosen and stored. Package compress makes layers by it.
type Scheme struct {
	// Name is "trellis", "segments", "rows" or "scalar".
	Name string `json:"scheme"`
	// Width is the number of columns in a segment; 0: whole rows.
	Width int `json:"d"`
	// K is how many centroids there are to be; fewer come out where fewer segments differ.
	K int `json:"k"`
	// Group is the number of columns that share a multiplier; 0: one scale a row.
	Group int `json:"group"`
	// States of the trellis along which assignments are chosen, to be entropy coded; 0: none.
	States int `json:"states,omitempty"`
	// Window is how many new bits a weight brings to a window of 8 bits, its assignment: 2 to 5; 0:
	// no windows.
	Window int `json:"window,omitempty"`
}
