package format

import (
	"maps"
	"slices"
	"strings"

	"github.com/palettize/palettize/codebook"
)

// Info is what the header of a codebook file says.
type Info struct {
	Size     int64             // of the file
	Version  int               // of the format
	Producer string            // name and version of the program that made the file
	Settings string            // JSON, or empty
	Metadata map[string]string // the original model's own
	Layers   []LayerInfo       // in the order of the file
	Tensors  []codebook.Tensor // that have no layer, as in the original, in the order of the file
	Narrowed map[string]bool   // names of those of Tensors that are kept as F16
	Stacks   map[string]int    // tensors T of the original that are here as so many, T[0], T[1] ...
}

// LayerInfo is what the header of a codebook file says of one layer.
type LayerInfo struct {
	Tensor     codebook.Tensor // the original
	Scheme     codebook.Scheme // without States and WindowBits, which are not in the header
	RowScales  bool
	Bytes      int64               // in the file, its part of the header included
	Distortion codebook.Distortion // recorded when the file was made, to six digits
}

// Info returns what the header says. It reads nothing from the file.
func (c *Codebook) Info() Info {
	metadata := c.file.Metadata()
	info := Info{
		Size: c.file.Size(), Version: c.version,
		Producer: metadata[producerKey],
		Settings: metadata[settingsKey],
		Metadata: metadata,
		Tensors:  slices.Clone(c.rest),
		Narrowed: make(map[string]bool),
		Stacks:   maps.Clone(c.stacks),
	}
	maps.DeleteFunc(metadata, func(key, _ string) bool { return strings.HasPrefix(key, ourPrefix) })
	for name := range c.narrowed {
		info.Narrowed[name] = true
	}
	for _, s := range c.layers {
		info.Layers = append(info.Layers, s.info())
	}
	return info
}

func (s *stored) info() LayerInfo {
	isScales := func(p codebook.Tensor) bool { return p.Name == s.tensor.Name+scalesSuffix }
	return LayerInfo{
		Tensor: s.tensor, Scheme: s.scheme(), RowScales: slices.ContainsFunc(s.parts, isScales),
		Bytes: s.bytes, Distortion: s.record.distortion(),
	}
}
