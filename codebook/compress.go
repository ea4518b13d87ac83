package codebook

import (
	"context"
	"errors"

	"github.com/palettize/palettize/kernels"
)

// Scheme says how a matrix is cut into segments and how many centroids they share.
type Scheme struct {
	Name  string `json:"scheme"` // "rows", "segments" or "scalar"
	Width int    `json:"d"`      // columns in a segment; 0: whole rows
	K     int    `json:"k"`      // centroids wanted
	Group int    `json:"group"`  // columns that share a multiplier; 0: a scale a row
}

// Options of Compress. The zero value of each field is its default.
type Options struct {
	Scheme        Scheme
	Include       []string       // globs of tensor names to compress; empty: all
	Exclude       []string       // globs of tensor names to pass through
	Seed          uint64         // of k-means
	Threads       int            // 0: all processors
	PassNonfinite bool           // pass matrices with NaN or infinities through instead of failing
	Progress      func(Progress) // called before each tensor and at the end; may be nil
	Kernels       *kernels.Set   // nil: kernels.Best
}

// Progress tells how far Compress is.
type Progress struct {
	Tensor      string // about to be worked on, "" at the end
	Done, Total int64  // bytes of tensors
}

// Entry is what became of one tensor.
type Entry struct {
	Tensor     Tensor
	Layer      *Scheme    // what it was compressed to, K and Width as they came out; nil: passed through
	Reason     string     // why it was passed through
	Bytes      int64      // in the output, its share of the header included (layers only)
	Distortion Distortion // of the rebuilt weights
}

// Report lists every tensor of the source, none left out, in order.
type Report struct {
	Entries []Entry
}

// Compress turns every matrix of src that the options name into a layer in dst and passes all
// other tensors through. It works on one tensor at a time, so that memory holds one tensor.
func Compress(ctx context.Context, dst Sink, src Source, opts Options) (*Report, error) {
	return nil, errors.New("codebook: Compress: in the making")
}
