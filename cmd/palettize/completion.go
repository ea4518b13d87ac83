package main

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/kernels"
)

// shells are those that a completion script can be written for.
var shells = []struct {
	name   string
	script func(root *cobra.Command, w io.Writer) error
}{
	{"bash", func(root *cobra.Command, w io.Writer) error {
		return root.GenBashCompletionV2(w, true)
	}},
	{"zsh", (*cobra.Command).GenZshCompletion},
	{"fish", func(root *cobra.Command, w io.Writer) error {
		return root.GenFishCompletion(w, true)
	}},
	{"powershell", (*cobra.Command).GenPowerShellCompletionWithDesc},
}

func newCompletion(env *env) *cobra.Command {
	var names []string
	for _, s := range shells {
		names = append(names, s.name)
	}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a script that completes command lines in " + strings.Join(names, ", "),
		Long: `completion prints the script that makes SHELL complete commands, flags, their values and
the names of models. SHELL is bash (which also needs the package bash-completion), zsh, fish or
powershell.

` + exitHelp(false),
		Example: `  palettize completion bash > ~/.local/share/bash-completion/completions/palettize
  palettize completion zsh > "${fpath[1]}/_palettize"
  palettize completion fish > ~/.config/fish/completions/palettize.fish
  palettize completion powershell | Out-String | Invoke-Expression`,
		ValidArgs: names,
		Args:      takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			i := slices.Index(names, args[0])
			if i < 0 {
				return usagef("no completion for %s: there is one for %s", args[0],
					strings.Join(names, ", "))
			}
			return shells[i].script(cmd.Root(), env.stdout)
		},
	}
}

// endings are those of the files that an argument names; folders are completed too. An argument is
// named as in a command's usage.
var endings = map[string][]string{
	"MODEL":    {"safetensors", "json"}, // or its index
	"CODEBOOK": {"pal", "safetensors", "json"},
	"FILE":     {"pal", "safetensors", "json"},
	"PART...":  {"partial"},
}

// choices are the values of flags that have few.
func choices() map[string][]string {
	var schemes, tiers []string
	for _, s := range compress.Schemes() {
		schemes = append(schemes, s.Name)
	}
	if set, err := kernels.Best(); err == nil {
		tiers = tierNames(set, runs)
	}
	return map[string][]string{
		"for":             {compress.ForSize, compress.ForMemory, compress.ForSpeed},
		"scheme":          schemes,
		"storage":         {"entropy", "window"},
		"states":          {"4", "8", "32"},
		"group":           {"8", "16", "32", "64", "128", "256"},
		"allow-nonfinite": {"passthrough"},
		"kernel":          tiers,
	}
}

// addCompletions says how the arguments and the flags of all commands are completed: files where
// files are named, choices where there are few, else nothing.
func addCompletions(root *cobra.Command) {
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	choices := choices()
	for _, cmd := range root.Commands() {
		if cmd.ValidArgs == nil {
			cmd.ValidArgsFunction = completeFiles
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			values, directive := choices[f.Name], cobra.ShellCompDirectiveNoFileComp
			switch {
			case namesFile(f.Name):
				directive = cobra.ShellCompDirectiveDefault
			case values == nil:
				return
			}
			complete := cobra.FixedCompletions(values, directive)
			if err := cmd.RegisterFlagCompletionFunc(f.Name, complete); err != nil {
				panic(err) // only of a flag that there is not
			}
		})
	}
}

// completeFiles completes the next argument of a command, a file if it is to be one.
func completeFiles(cmd *cobra.Command, args []string, _ string) (
	[]string, cobra.ShellCompDirective) {
	usage := strings.FieldsFunc(cmd.Use, func(r rune) bool { return strings.ContainsRune(" []", r) })
	if at := 1 + len(args); at < len(usage) && endings[usage[at]] != nil {
		return endings[usage[at]], cobra.ShellCompDirectiveFilterFileExt
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}
