package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/palettize/palettize/internal/version"
)

// newMan is for those who package palettize.
func newMan(env *env) *cobra.Command {
	return &cobra.Command{
		Use:   "man",
		Short: "Print the man page",
		Long: `man prints the man page palettize.1, which has the help of all commands.

` + exitHelp(false),
		Hidden: true,
		Args:   takes(0, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			return env.print(manPage(cmd.Root()))
		},
	}
}

// manPage is the help of a command and those below it as one page in the language of man(7).
func manPage(root *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"%s\"\n", strings.ToUpper(root.Name()), version.Producer)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", root.Name(), roff(root.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n.I command\n.RI [ flags ]\n", root.Name())
	b.WriteString(".SH DESCRIPTION\n" + paragraphs(root.Long))
	b.WriteString(".SH COMMANDS\n")
	for _, cmd := range root.Commands() {
		if !cmd.IsAvailableCommand() {
			continue
		}
		fmt.Fprintf(&b, ".SS %s\n%s", roff(cmd.UseLine()), paragraphs(cmd.Long))
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { b.WriteString(manFlag(f)) })
		if cmd.Example != "" {
			fmt.Fprintf(&b, ".PP\nExamples:\n.PP\n.EX\n%s\n.EE\n", roff(cmd.Example))
		}
	}
	return b.String()
}

// manFlag is the item of a flag: its names, that of its value, what it is for.
func manFlag(f *pflag.Flag) string {
	value, usage := pflag.UnquoteUsage(f)
	names := `\fB` + roff("--"+f.Name) + `\fR`
	if f.Shorthand != "" {
		names = `\fB` + roff("-"+f.Shorthand) + `\fR, ` + names
	}
	if value != "" {
		names += ` \fI` + roff(value) + `\fR`
	}
	if set := manDefault(f); set != "" && !strings.Contains(usage, "(default") {
		usage += " (default " + set + ")"
	}
	return ".TP\n" + names + "\n" + roff(usage) + "\n"
}

// manDefault is the value that a flag has where it is not given, "" where it then does nothing.
func manDefault(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "0", "false", "[]":
		return ""
	}
	return f.DefValue
}

// paragraphs are those that empty lines part in a text.
func paragraphs(text string) string {
	return ".PP\n" + strings.ReplaceAll(roff(text), "\n\n", "\n.PP\n") + "\n"
}

// typed are the characters that a page shows as they were typed, for copying, only if spelt so.
var typed = strings.NewReplacer(
	`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`)

// roff is text in which nothing means anything to roff, a full stop at the start of a line neither.
func roff(text string) string {
	lines := strings.Split(typed.Replace(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
