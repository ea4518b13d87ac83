package format

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
)

// outShard is a file of an output that may have several.
type outShard struct {
	name     string
	units    []string // names of tensors of the original
	blobs    []blob   // arranged
	metadata map[string]string
}

// shardHeader is about how large the header of one of several files may get: huggingface_hub and
// its npm client refuse those beyond 25 MB.
const shardHeader = 20_000_000

// split divides units, each of which stays together, by their names among files of about shardSize
// bytes; 0: all are in one.
func split(units map[string][]blob, shardSize int64, ext string) []outShard {
	shards := make([]outShard, 1)
	var data, head int64
	for _, name := range slices.Sorted(maps.Keys(units)) {
		bytes, text := int64(0), int64(0)
		for _, b := range units[name] {
			bytes += b.Bytes
			text += int64(len(b.Name)) + 400 // a record, dtype, shape, offsets, a checksum
		}
		s := &shards[len(shards)-1]
		if shardSize > 0 && len(s.units) > 0 &&
			(data+bytes > shardSize || head+text > shardHeader) {
			shards = append(shards, outShard{})
			s, data, head = &shards[len(shards)-1], 0, 0
		}
		s.units = append(s.units, name)
		s.blobs = append(s.blobs, units[name]...)
		data, head = data+bytes, head+text
	}
	for i := range shards {
		arrange(shards[i].blobs)
		shards[i].name = stem + ext
		if len(shards) > 1 {
			shards[i].name = fmt.Sprintf("%s-%05d-of-%05d%s", stem, i+1, len(shards), ext)
		}
	}
	return shards
}

func (s *outShard) content() content {
	return content{s.name, true, func(ctx context.Context, w io.Writer) error {
		return serialize(ctx, w, s.blobs, s.metadata)
	}}
}

// contentsOf returns the files and, where there are several, their index.
func contentsOf(shards []outShard, ext string) []content {
	var files []content
	x := index{WeightMap: make(map[string]string)}
	total := int64(0)
	for i := range shards {
		s := &shards[i]
		files = append(files, s.content())
		for _, b := range s.blobs {
			x.WeightMap[b.Name] = s.name
			total += b.Bytes
		}
		if sum, ok := s.metadata[headerKey]; ok {
			if x.Metadata.Headers == nil {
				x.Metadata.Headers = make(map[string]string)
			}
			x.Metadata.Headers[s.name] = sum
		}
	}
	if len(files) < 2 {
		return files
	}
	x.Metadata.TotalSize = total
	text, err := json.MarshalIndent(x, "", "  ")
	if err != nil {
		panic(err) // numbers and names always marshal
	}
	return append(files, content{name: stem + ext + indexExt, fill: fixed(append(text, '\n'))})
}
