package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/palettize/palettize/format"
)

type decompressOptions struct {
	out   string
	force bool
}

func newDecompress(env *env) *cobra.Command {
	var o decompressOptions
	cmd := &cobra.Command{
		Use:   "decompress CODEBOOK [-o OUT]",
		Short: "Write the rebuilt weights as an ordinary safetensors file",
		Long: `decompress rebuilds every layer of CODEBOOK and writes an ordinary safetensors file
with the original names, shapes and types, for programs that know nothing of codebooks. Layers
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
		"file to write (default CODEBOOK with .dense.safetensors)")
	f.BoolVar(&o.force, "force", false, "overwrite the output file")
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
		// Not .safetensors alone: that is what the original is called.
		stem := strings.TrimSuffix(name, filepath.Ext(name))
		out = strings.TrimSuffix(stem, ".pal") + ".dense.safetensors"
	}
	if err := format.Decompress(ctx, book, out, o.force); err != nil {
		return hintForce(err)
	}
	if err := warnHeader(env, out); err != nil {
		return err
	}
	info, err := os.Stat(out)
	if err != nil {
		return err
	}
	return env.print(fmt.Sprintf("%s: %s bytes\n", out, grouped(info.Size())))
}

// hintForce tells how to overwrite a file that is in the way.
func hintForce(err error) error {
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w; --force overwrites it", err)
	}
	return err
}
