package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/palettize/palettize/format"
	"github.com/palettize/palettize/internal/stack"
)

type decompressOptions struct {
	out           string
	include       []string
	force, single bool
	shardSize     byteSize
}

func newDecompress(env *env) *cobra.Command {
	var o decompressOptions
	cmd := &cobra.Command{
		Use:   "decompress CODEBOOK [-o OUT]",
		Short: "Write the rebuilt weights as an ordinary model",
		Long: `decompress rebuilds every layer of CODEBOOK and writes an ordinary safetensors file
with the original names, shapes and types, for programs that know nothing of codebooks. Of a folder
it writes a folder, with config.json as it was before. Layers
come back with the error that compress reported, matrices that it kept as F16 with the values that
they have there, all other tensors bit for bit. Layers of 8-bit floats that had scales become BF16.

-o - writes one file to standard output, a tensor at a time, which other programs read while it is
made: the header comes first. What has come is a file only if the exit code is 0.

` + exitHelp(false),
		Example: `  palettize decompress model.pal
  palettize decompress model.pal -o layer0.safetensors --include 'encoder.layer.0.*'
  palettize decompress model.pal -o - | ssh server 'cat > model.safetensors'`,
		Annotations: map[string]string{streams: "output"},
		Args:        takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDecompress(cmd.Context(), env, o, args[0])
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&o.out, "output", "o", "",
		"file to write (default dense-CODEBOOK.safetensors), or folder (CODEBOOK.dense), or -")
	f.StringArrayVar(&o.include, "include", nil,
		"write only tensors whose name matches `GLOB` (repeatable)")
	f.BoolVar(&o.force, "force", false, "overwrite the output")
	addShardFlags(f, &o.shardSize, &o.single)
	return cmd
}

func runDecompress(ctx context.Context, env *env, o decompressOptions, name string) error {
	book, err := openCodebook(ctx, name)
	if err != nil {
		return err
	}
	defer book.Close()
	if len(o.include) > 0 {
		if book, err = included(book, o.include); err != nil {
			return err
		}
	}
	out := o.out
	if out == "-" {
		return env.stream(func(w io.Writer) error { return format.DecompressTo(ctx, w, book) })
	}
	if out == "" {
		// No name that loaders take for a part of the model beside it, as model*.safetensors.
		out = besideModel(book, name, "dense-", ".safetensors", ".dense")
	}
	size, err := format.Decompress(ctx, book, out, format.CreateOptions{
		Overwrite: o.force, ShardSize: shardSize(book, o.shardSize, o.single),
	})
	if err != nil {
		return hintForce(err)
	}
	if err := warnHeader(env, out); err != nil {
		return err
	}
	return env.print(fmt.Sprintf("%s: %s bytes\n", out, grouped(size)))
}

// included returns a codebook with the tensors alone whose names match a pattern. A pattern that
// matches none is a mistake.
func included(book *format.Codebook, globs []string) (*format.Codebook, error) {
	useful := make(map[string]bool) // globs
	var patterns, names []string
	for _, glob := range globs {
		useful[glob] = false
		if strings.ContainsAny(glob, `*?[\`) {
			patterns = append(patterns, glob)
		}
	}
	only := book.Only(func(name string) bool {
		names = append(names, name)
		_, keep := useful[name]
		if keep {
			useful[name] = true
		}
		for _, glob := range patterns {
			if stack.Match(glob, name) {
				useful[glob], keep = true, true
			}
		}
		return keep
	})
	for _, glob := range globs {
		if !useful[glob] {
			return nil, matchesNone(book, glob, names)
		}
	}
	return only, nil
}

// matchesNone says of a pattern that it is that of none of these names, and which was perhaps
// meant.
func matchesNone(book *format.Codebook, glob string, names []string) error {
	if _, err := path.Match(glob, ""); err != nil {
		return usagef("--include %q: %v", glob, err)
	}
	meant := similar(glob, names)
	if whole, _, ok := stack.Cut(glob); ok && slices.Contains(names, whole) {
		meant = whole // inspect lists its slices
	}
	err := fmt.Errorf("%s: %q matches none of the %d tensors", book.Path(), glob, len(names))
	if meant != "" {
		return fmt.Errorf("%w; did you mean %s?", err, printable(meant))
	}
	return err
}

// hintForce tells how to overwrite a file that is in the way.
func hintForce(err error) error {
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w; --force overwrites it", err)
	}
	return err
}
