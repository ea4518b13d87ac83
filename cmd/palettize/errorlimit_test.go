package main

import (
	"testing"

	"github.com/spf13/pflag"

	"github.com/palettize/palettize/internal/errorlimit"
)

// TestErrorLimit: what is no limit leaves the one that was set before.
func TestErrorLimit(t *testing.T) {
	var limit errorLimit
	want := errorlimit.Limit{Most: 0.5, Total: true}
	if err := limit.Set("total:0.5"); err != nil || limit.Limit != want {
		t.Errorf("total:0.5 set %+v (%v)", limit, err)
	}
	if err := limit.Set("5%"); err == nil || limit.String() != "total:0.5" {
		t.Errorf("5%% left %v (%v)", &limit, err)
	}
}

// TestErrorLimitInHelp checks that help shows no default for it, since 0 stands for none.
func TestErrorLimitInHelp(t *testing.T) {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.Var(new(errorLimit), "max-error", "an error of at most `E`")
	if got := f.FlagUsages(); got != "      --max-error E   an error of at most E\n" {
		t.Errorf("help is %q", got)
	}
}
