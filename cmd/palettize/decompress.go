package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/palettize/palettize/format"
)

type decompressOptions struct {
	out           string
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

` + exitHelp(false),
		Args: takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDecompress(cmd.Context(), env, o, args[0])
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&o.out, "output", "o", "",
		"file to write (default dense-CODEBOOK.safetensors), or folder (CODEBOOK.dense)")
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
	out := o.out
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

// hintForce tells how to overwrite a file that is in the way.
func hintForce(err error) error {
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w; --force overwrites it", err)
	}
	return err
}
