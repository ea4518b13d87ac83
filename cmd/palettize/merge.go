package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/palettize/palettize/format"
)

type mergeOptions struct {
	out, model    string
	force, single bool
	shardSize     byteSize
}

func newMerge(env *env) *cobra.Command {
	var o mergeOptions
	cmd := &cobra.Command{
		Use:   "merge PART...",
		Short: "Join the parts of a model that several machines have compressed",
		Long: `merge joins the parts that runs of compress --shard I/N have left, all N of them, and
writes the output that one run would have written, byte for byte. Parts of other runs, of other
options or of another model, unfinished and damaged ones are refused by name. The model must still
be where it was, or --model says where it is: what passes through comes from it. The parts stay.

` + exitHelp(false),
		Example: `  palettize compress model --shard 0/2 -o model.pal   # on one machine
  palettize compress model --shard 1/2 -o model.pal   # on another
  palettize merge model.pal.*-of-2.partial -o model.pal`,
		Args: takes(1, 1<<20),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.out == "" {
				return usagef("-o is missing; usage: %s", cmd.UseLine())
			}
			return runMerge(cmd.Context(), env, o, args)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&o.out, "output", "o", "", "file or folder to write")
	f.StringVar(&o.model, "model", "", "`MODEL` that the parts are of (default: where it was)")
	f.BoolVar(&o.force, "force", false, "overwrite the output")
	addShardFlags(f, &o.shardSize, &o.single)
	return cmd
}

func runMerge(ctx context.Context, env *env, o mergeOptions, parts []string) error {
	opts := format.CreateOptions{Overwrite: o.force}
	if !o.single {
		opts.ShardSize = int64(o.shardSize)
	}
	size, err := format.Merge(ctx, o.out, o.model, parts, opts)
	if o.model == "" && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w; --model says where the model is", err)
	}
	if err != nil {
		return hintForce(err)
	}
	return env.print(fmt.Sprintf("%s: %s bytes\n", o.out, grouped(size)))
}
