package format

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/dtype"
)

// scaleSuffix is what follows the name of a tensor of 8-bit floats in that of its scales, one for
// each block of its values. The two are one tensor, see [codebook.Tensor.Scaled].
const scaleSuffix = "_scale_inv"

// usualBlock has the rows and columns of such a block where nothing says otherwise.
var usualBlock = [2]int{128, 128}

// join finds the scales of 8-bit floats.
func (f *File) join() {
	for i := range f.entries {
		e := &f.entries[i]
		kind := dtype.Of(e.DType)
		if !kind.Float() || kind.Bits != 8 || len(e.Shape) < 2 || e.Bytes == 0 {
			continue
		}
		s := f.find(e.Name + scaleSuffix)
		if s != nil && dtype.Of(s.DType).Scale() && len(s.Shape) == len(e.Shape) {
			e.scales, s.scaled = s, e
		}
	}
}

// together returns the tensors of the file that make up one, the tensor itself first.
func (e *entry) together() []*entry {
	if e.scales == nil {
		return []*entry{e}
	}
	return []*entry{e, e.scales}
}

// tensor describes what e and its scales are together.
func (e *entry) tensor() codebook.Tensor {
	t := e.Tensor
	t.Shape = slices.Clone(t.Shape)
	if e.scales != nil {
		t.Scaled = true
		t.Bytes += e.scales.Bytes
	}
	return t
}

// SetBlock sets how many rows and columns of a tensor of 8-bit floats share a scale: what the
// config.json of a model's folder calls weight_block_size, where Open finds it. Else they are 128
// each if it is not called. It must not be called at the same time as another method.
func (f *File) SetBlock(rows, cols int) error {
	if rows < 1 || cols < 1 {
		return at(f.path, fmt.Errorf("blocks of %s share a scale", shapeText([]int{rows, cols})))
	}
	f.block = [2]int{rows, cols}
	if f.whole != nil {
		f.whole.block = f.block
	}
	return nil
}

// configureBlock takes over what the configuration in the model's folder says of blocks.
func (f *File) configureBlock() error {
	q, err := f.folder.quantisation()
	if err != nil || !q.eightBit() {
		return err
	}
	if len(*q.Block) != 2 {
		return at(filepath.Join(f.folder.path, configName),
			fmt.Errorf("its weight_block_size is %v, expected [rows, columns]", *q.Block))
	}
	return f.SetBlock((*q.Block)[0], (*q.Block)[1])
}

// Ragged lists the tensors of 8-bit floats with scales whose rows or columns are more than a block
// and no multiple of it. Programs that make their blocks as large as the number of scales suggests
// multiply these otherwise.
func (f *File) Ragged() []string {
	var names []string
	for i := range f.entries {
		e := &f.entries[i]
		if e.scales == nil {
			continue
		}
		for j, n := range e.Shape[len(e.Shape)-2:] {
			if n > f.block[j] && n%f.block[j] != 0 {
				names = append(names, e.Name)
				break
			}
		}
	}
	return names
}

// checkScales holds the shape of the scales of e against that of its values.
func (f *File) checkScales(e *entry) error {
	grid := slices.Clone(e.Shape)
	last := grid[len(grid)-2:]
	for i, n := range last {
		last[i] = (n-1)/f.block[i] + 1
	}
	if slices.Equal(grid, e.scales.Shape) {
		return nil
	}
	return atTensor(e.in.path, e.Name, fmt.Errorf("is %s, its scales %s are %s: blocks of %s have %s",
		describe(e.Tensor), quote(e.scales.Name), shapeText(e.scales.Shape),
		shapeText(f.block[:]), shapeText(grid)))
}

// scale multiplies the values of e by its scales. The last blocks of rows and columns may be
// smaller.
func (f *File) scale(ctx context.Context, e *entry, values, scales []float32) error {
	n := len(e.Shape)
	rows, cols, across := e.Shape[n-2], e.Shape[n-1], e.scales.Shape[n-1]
	for r := 0; len(values) > 0; r++ { // of all matrices, one after the other
		if err := ctx.Err(); err != nil {
			return atTensor(e.in.path, e.Name, err)
		}
		row := values[:cols]
		values = values[cols:]
		for i, s := range scales[:across] {
			block := row[i*f.block[1] : min((i+1)*f.block[1], cols)]
			for j := range block {
				block[j] *= s
			}
		}
		if in := r%rows + 1; in == rows || in%f.block[0] == 0 {
			scales = scales[across:]
		}
	}
	return nil
}

// Checksum returns the XXH3-64 of the first so many bytes of a tensor, and of its scales where it
// has any.
func (f *File) Checksum(ctx context.Context, name string, most int64) (uint64, error) {
	e, err := f.entry(name)
	if err != nil {
		return 0, err
	}
	sum := xxh3.New()
	for _, part := range e.together() {
		first := *part
		first.Bytes = min(first.Bytes, most)
		err := f.chunks(ctx, &first, func(chunk []byte) error {
			_, err := sum.Write(chunk)
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return sum.Sum64(), nil
}

// encodeBlock is the JSON list of the rows and columns of a block.
func encodeBlock(block [2]int) string {
	text, _ := json.Marshal(block) // numbers always marshal
	return string(text)
}

// parseBlock undoes encodeBlock.
func parseBlock(text string) ([2]int, error) {
	var block [2]int
	if err := json.Unmarshal([]byte(text), &block); err != nil {
		return block, err
	}
	if encodeBlock(block) != text || min(block[0], block[1]) < 1 {
		return block, errors.New("is not [rows, columns]")
	}
	return block, nil
}
