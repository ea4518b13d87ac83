package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// takes checks the number of files that a command is given.
func takes(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			missing := strings.Fields(cmd.Use)[1+len(args)]
			return usagef("%s is missing; usage: %s", missing, cmd.UseLine())
		case len(args) <= most:
			return nil
		case cmd.Flags().Lookup("output") != nil:
			return usagef("%s is one file too many: %s takes one at a time, "+
				"and -o names the output; usage: %s", args[most], cmd.Name(), cmd.UseLine())
		}
		return usagef("%s is one argument too many; usage: %s", args[most], cmd.UseLine())
	}
}

// unknownCommand says what was perhaps meant by a command that there is not.
func unknownCommand(root *cobra.Command, name string) error {
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	meant := similar(name, names)
	if _, err := os.Stat(name); meant == "" && err == nil {
		meant = root.Name() + " compress " + name
	}
	if meant != "" {
		return usagef("unknown command %s; did you mean %s?", name, meant)
	}
	return usagef(`unknown command %s; see "%s --help"`, name, root.Name())
}

// helpsKnown makes the command help, which is cobra's, refuse what is no command: it would print
// the help of the program.
func helpsKnown(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	help, _, _ := root.Find([]string{"help"})
	help.Args = func(_ *cobra.Command, args []string) error {
		if _, rest, _ := root.Find(args); len(rest) > 0 {
			return unknownCommand(root, rest[0])
		}
		return nil
	}
}

// flagError says what is wrong with a flag, in place of what the flag package and strconv say.
func flagError(cmd *cobra.Command, err error) error {
	if words := cmd.Flags().Args(); !cmd.HasParent() && len(words) > 0 {
		return unknownCommand(cmd, words[0]) // whose flags are no wonder
	}
	text := err.Error()
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	var bare *pflag.ValueRequiredError
	switch {
	case errors.As(err, &unknown):
		name, typed := unknown.GetSpecifiedName(), "--"+unknown.GetSpecifiedName()
		// Perhaps a long name behind a single dash.
		if short := unknown.GetSpecifiedShortnames(); short != "" {
			name, typed = short, "-"+short
		}
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if meant := similar(name, names); meant != "" {
			return usagef("unknown flag %s; did you mean --%s?", typed, meant)
		}
		text = "unknown flag " + typed
	case errors.As(err, &invalid):
		name, value := invalid.GetFlag().Name, invalid.GetValue()
		text = fmt.Sprintf("--%s %s: %s", name, value, expected(invalid))
	case errors.As(err, &bare):
		text = fmt.Sprintf("--%s needs a value", bare.GetFlag().Name)
	}
	return usagef(`%s; see "%s --help"`, text, cmd.CommandPath())
}

// expected says what a flag's value should have been.
func expected(err *pflag.InvalidValueError) string {
	if errors.Is(err, strconv.ErrRange) {
		return "the number is out of range"
	}
	switch err.GetFlag().Value.Type() {
	case "float64":
		return "expected a number"
	case "int":
		return "expected a whole number"
	case "uint64":
		return "expected a whole number, 0 or more"
	case "duration":
		return "expected a time such as 200ms or 2s"
	case "bool":
		return "expected true or false"
	}
	return errors.Unwrap(err).Error() // of our own types, which say it
}

// similar returns the name that was perhaps meant by what was typed, "" if none comes near. Cobra
// knows this of commands; of a command with these names it knows it of anything.
func similar(typed string, names []string) string {
	all := new(cobra.Command)
	for _, name := range slices.Sorted(slices.Values(names)) {
		if !strings.Contains(name, " ") { // where a command's name would end
			all.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
		}
	}
	// Of a few letters, two that are wrong are no typing error.
	for wrong := 1; wrong <= min(2, len(typed)/3); wrong++ {
		all.SuggestionsMinimumDistance = wrong
		if found := all.SuggestionsFor(typed); len(found) > 0 {
			return found[0]
		}
	}
	return ""
}

// Why what is named must be a file.
const (
	readByPlace = "tensors are read by their place in it"
	readAsFile  = "standard input is not read"
	writeWhole  = "an output appears under its name when it is complete"
)

type fileFlag struct{ name, because string }

// fileFlags are the flags that name files, and why it must be files.
var fileFlags = []fileFlag{
	{"output", writeWhole},
	{"plan-out", writeWhole},
	{"calibration", readByPlace},
	{"input", readByPlace},
	{"plan-in", readAsFile},
	{"baseline", readAsFile},
}

// namesFile reports whether the flag of this name names a file.
func namesFile(flag string) bool {
	return slices.ContainsFunc(fileFlags, func(f fileFlag) bool { return f.name == flag })
}

// streams is the annotation of a command for which - is standard output, of the flag that it names.
const streams = "streams"

// checkFlags refuses two forms of a report at a time, "-", which means standard input or output
// elsewhere, where files are named, and outputs that go where the report goes.
func (e *env) checkFlags(cmd *cobra.Command, args []string) error {
	if cmd.Name() == cobra.ShellCompRequestCmd {
		return nil // of a command line that is not complete
	}
	if given := cmd.Flags().Changed; given("json") && given("markdown") {
		return usagef("--json or --markdown, not both")
	}
	const noFile = "- is no file: a file is needed because "
	if slices.Contains(args, "-") {
		return usagef(noFile + readByPlace)
	}
	for _, f := range fileFlags {
		flag := cmd.Flags().Lookup(f.name)
		switch {
		case flag == nil || !flag.Changed:
		case flag.Value.String() == "-" && cmd.Annotations[streams] == f.name:
		case flag.Value.String() == "-":
			return usagef("--%s: %s%s", f.name, noFile, f.because)
		case f.because == writeWhole && e.isStdout(flag.Value.String()):
			return usagef("--%s %s: is standard output, where the report goes: name a file",
				f.name, flag.Value)
		}
	}
	return nil
}

// isStdout reports whether a path leads to what standard output goes to.
func (e *env) isStdout(path string) bool {
	out, ok := e.stdout.(*os.File)
	if !ok {
		return false
	}
	is, err := out.Stat()
	named, err2 := os.Stat(path)
	return err == nil && err2 == nil && os.SameFile(is, named)
}
