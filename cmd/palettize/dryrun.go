package main

import (
	"context"
	"io"
	"time"

	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/format"
)

// estimate is what a run would take, by what a sample took.
type estimate struct {
	Sample          string  `json:"sample"` // the matrix whose first rows were compressed; "": none
	SampledWeights  int64   `json:"sampled_weights"`
	WeightsASecond  float64 `json:"weights_a_second"`
	Seconds         float64 `json:"seconds"`
	Memory          int64   `json:"memory"`    // bytes
	Disk            int64   `json:"disk"`      // bytes, the output's among them
	DiskFree        int64   `json:"disk_free"` // -1: unknown
	bitsOfTheSample float64
}

const (
	// sampledWeights is about how many weights of one matrix a dry run reads and compresses.
	sampledWeights = 1 << 20
	// What compress takes in memory, as TestCompressMemory holds it: so many bytes for each weight
	// that is worked on at one time, which are those of the largest matrix or some small ones.
	bytesAWeight, leastWeights, programBytes = 13, 1 << 22, 64_000_000
)

// dryRun says what a run would do, reading no more than headers and a sample.
func (o *compressOptions) dryRun(ctx context.Context, env *env, src *format.File,
	opts compress.Options) error {
	report, err := preview(ctx, src, opts)
	if err != nil {
		return inFile(src.Path(), err)
	}
	e, err := o.sample(ctx, src, opts, report)
	if err != nil {
		return inFile(src.Path(), err)
	}
	if opts.MaxError > 0 && e.Sample != "" { // the bits follow
		opts.MaxError, opts.Bits = 0, e.bitsOfTheSample
		if report, err = preview(ctx, src, opts); err != nil {
			return inFile(src.Path(), err)
		}
	}
	size, largest := int64(0), int64(0)
	for _, entry := range report.Entries {
		size += max(entry.Bytes, 0)
		if entry.Layer == nil {
			size += entry.Tensor.Bytes
		} else {
			largest = max(largest, entry.Tensor.Elements())
		}
	}
	if opts.Size > 0 { // which is not exceeded
		size = min(size, opts.Size)
	}
	out := o.output(src)
	facts := newCompressReport(report, src.Path(), src.Size(), out, size)
	e.Memory = bytesAWeight*max(largest, leastWeights) + programBytes
	e.Disk = size + int64(facts.Total.BitsStored*float64(facts.Total.Weights)/8)
	e.DiskFree = freeSpaceBeside(out)
	if e.WeightsASecond > 0 {
		e.Seconds = float64(facts.Total.Weights) / e.WeightsASecond
	}
	facts.all, facts.Estimate = o.all, e
	return env.show(facts, o.as)
}

// preview lists what would become of each tensor.
func preview(ctx context.Context, src *format.File, opts compress.Options) (
	*compress.Report, error) {
	dst, err := format.NewWriter(io.Discard, src, "")
	if err != nil {
		return nil, err
	}
	defer dst.Abort()
	return compress.Preview(ctx, dst, src, opts)
}

// sample compresses the first rows of the largest matrix that would become a layer.
func (o *compressOptions) sample(ctx context.Context, src *format.File, opts compress.Options,
	report *compress.Report) (*estimate, error) {
	e := new(estimate)
	var part *format.File
	largest := int64(0)
	for _, entry := range report.Entries {
		weights := entry.Tensor.Elements()
		if entry.Layer == nil || weights <= largest {
			continue
		}
		rows := int64(entry.Tensor.Shape[0])
		most := max(sampledWeights*rows/weights, 1)
		if s := src.Sample(entry.Tensor.Name, int(min(rows, most))); s != nil {
			part, largest, e.Sample = s, weights, entry.Tensor.Name
		}
	}
	if part == nil {
		return e, nil
	}
	dst, err := format.NewWriter(io.Discard, part, "")
	if err != nil {
		return nil, err
	}
	defer dst.Abort()
	begin := time.Now()
	made, err := compress.Compress(ctx, dst, part, compress.Options{
		Settings: opts.Settings, Include: []string{e.Sample}, Threads: opts.Threads,
		PassNonfinite: true,
	})
	if err != nil {
		return nil, err
	}
	total := made.Total(0, 0)
	e.SampledWeights = part.Tensors()[0].Elements()
	e.WeightsASecond = float64(e.SampledWeights) / time.Since(begin).Seconds()
	e.bitsOfTheSample = total.BitsStored
	return e, nil
}
