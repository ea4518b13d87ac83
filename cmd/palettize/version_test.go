package main

import (
	"runtime/debug"
	"testing"

	"github.com/palettize/palettize/internal/version"
)

func TestVersionOfBuild(t *testing.T) {
	const commit = "5d41402abc4b2a76b9719d911017c592ae8b3f5e"
	setting := func(key, value string) debug.BuildSetting {
		return debug.BuildSetting{Key: key, Value: value}
	}
	tests := []struct {
		name string
		info debug.BuildInfo
		want string // of the build, in the report
	}{
		{"without version control", debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, ""},
		{"by go install", debug.BuildInfo{Main: debug.Module{Version: "v0.1.0"}},
			"module    v0.1.0\n"},
		{"in a checkout", debug.BuildInfo{
			Main: debug.Module{Version: "v0.0.0-20261128111039-5d41402abc4b"},
			Settings: []debug.BuildSetting{
				setting("vcs.revision", commit), setting("vcs.modified", "false"),
			},
		}, "commit    " + commit + "\n"},
		{"in a checkout with changes", debug.BuildInfo{Settings: []debug.BuildSetting{
			setting("vcs.revision", commit), setting("vcs.modified", "true"),
		}}, "commit    " + commit + "-dirty\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := versionReport{
				Go: "go1.99", GOOS: "plan9", GOARCH: "arm", Tiers: []string{"a", "b"},
			}
			r.setBuild(&tt.info)
			want := version.Producer + "\n" + tt.want +
				"go        go1.99\nplatform  plan9/arm\nkernels   a, b\n"
			if got := r.text(); got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}
