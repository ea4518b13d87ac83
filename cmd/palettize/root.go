package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/palettize/palettize/kernels"
)

// env is the world outside, as far as commands touch it.
type env struct {
	stdout, stderr io.Writer
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	env := &env{stdout, stderr}
	root := newRoot(env)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil {
		env.fail(err)
	}
	return exitCode(err)
}

func newRoot(env *env) *cobra.Command {
	var askedVersion bool
	root := &cobra.Command{
		Use:   "palettize",
		Short: "Small model files whose layers run without being rebuilt",
		Long: `palettize compresses the weight matrices of a safetensors model to codebooks: at most
256 centroids, one byte or less for each segment of a row, and scales. The layers multiply
straight from that form.

` + exitHelp(true),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		PersistentPreRunE: env.checkFlags,
		RunE: func(cmd *cobra.Command, args []string) error {
			if askedVersion {
				return showVersion(env, false)
			}
			return cmd.Help()
		},
	}
	root.Flags().BoolVar(&askedVersion, "version", false, "what palettize version prints")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(
		newCompress(env), newMerge(env), newVerify(env), newInspect(env), newDecompress(env),
		newReport(env), newCPU(env), newBench(env), newVersion(env), newCompletion(env), newMan(env),
	)
	addCompletions(root)
	helpsKnown(root) // which completes commands by itself
	return root
}

// kernelSet returns the kernels of the tier named by --kernel, or the best ones.
func kernelSet(tier string) (*kernels.Set, error) {
	set, err := kernels.Best()
	if err != nil || tier == "" {
		return set, err
	}
	limited, err := kernels.Limited(tier)
	if err != nil {
		return nil, usagef(`--kernel: %v; of these run here: %s (see "palettize cpu")`,
			err, strings.Join(tierNames(set, runs), ", "))
	}
	return limited, nil
}

// runs reports whether a tier of an operation runs here.
func runs(t kernels.TierInfo) bool { return t.Lacks == "" }

// tierNames names the tiers that some operation has among those to keep.
func tierNames(set *kernels.Set, keep func(kernels.TierInfo) bool) []string {
	var names []string
	for _, t := range set.Tiers() {
		if keep(t) && !slices.Contains(names, t.Tier) {
			names = append(names, t.Tier)
		}
	}
	return names
}

// fail prints an error as one line.
func (e *env) fail(err error) {
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	if errors.Is(err, context.Canceled) {
		text = "interrupted"
		if s := new(suspendedError); errors.As(err, &s) {
			text += "; " + s.hint()
		}
	}
	fmt.Fprintf(e.stderr, "palettize: %s\n", escaped(text))
}
