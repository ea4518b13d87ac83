package main

import (
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/palettize/palettize/internal/version"
	"github.com/palettize/palettize/kernels"
)

// versionReport says which program this is and what it runs on: the head of a bug report.
type versionReport struct {
	Version string   `json:"version"`
	Module  string   `json:"module,omitempty"` // version of go install, with the commit if no tag
	Commit  string   `json:"commit,omitempty"` // as git describe has it: HASH or HASH-dirty
	Go      string   `json:"go"`
	GOOS    string   `json:"goos"`
	GOARCH  string   `json:"goarch"`
	Tiers   []string `json:"tiers"` // of the kernels selected here
}

// releaseCommit is the commit of a release, which dist.py has the linker set: what the Go tool
// notes itself depends on tags and on the kind of checkout too, not on the source alone.
var releaseCommit string

func newVersion(env *env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version, what it was built from and the kernels it uses here",
		Long: `version shows the version, as codebook files name it, the commit and the Go release
that the program was built from, and the tiers of the kernels that it uses on this machine, of which
palettize cpu has more.

` + exitHelp(false),
		Args: takes(0, 0),
		RunE: func(cmd *cobra.Command, args []string) error { return showVersion(env, asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func showVersion(env *env, asJSON bool) error {
	set, err := kernels.Best()
	if err != nil {
		return err
	}
	report := &versionReport{
		Version: version.Number, Commit: releaseCommit,
		Go: runtime.Version(), GOOS: runtime.GOOS, GOARCH: runtime.GOARCH,
		Tiers: tierNames(set, func(t kernels.TierInfo) bool { return t.Selected }),
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		report.setBuild(info)
	}
	if asJSON {
		return env.showJSON(report)
	}
	return env.print(report.text())
}

// setBuild takes over what the Go tool noted in the binary.
func (r *versionReport) setBuild(info *debug.BuildInfo) {
	if v := info.Main.Version; v != "(devel)" {
		r.Module = v
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			// Of a checkout the module's version is made up from the commit.
			r.Commit, r.Module = s.Value, ""
		case s.Key == "vcs.modified" && s.Value == "true":
			r.Commit += "-dirty"
		}
	}
}

func (r *versionReport) text() string {
	var f facts
	if r.Commit != "" {
		f.add("commit", "%s", r.Commit)
	}
	if r.Module != "" {
		f.add("module", "%s", r.Module)
	}
	f.add("go", "%s", r.Go)
	f.add("platform", "%s/%s", r.GOOS, r.GOARCH)
	f.add("kernels", "%s", strings.Join(r.Tiers, ", "))
	return version.Producer + "\n" + f.text()
}
