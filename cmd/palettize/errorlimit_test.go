package main

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestErrorLimit(t *testing.T) {
	for text, want := range map[string]errorLimit{
		"0.05": {0.05, false}, "total:0.05": {0.05, true}, "0": {}, "total:0": {0, true},
		"1e-3": {0.001, false}, "2": {2, false},
	} {
		var got, again errorLimit
		if err := got.Set(text); err != nil || got != want {
			t.Errorf("%q: %+v (%v), want %+v", text, got, err, want)
		}
		if err := again.Set(got.String()); err != nil || again != want {
			t.Errorf("%q, written and read again as %q: %+v (%v)", text, got.String(), again, err)
		}
	}
	for _, text := range []string{
		"", "total:", "total", "each:0.05", "0.05:total", "-0.1", "total:-1", "NaN", "Inf", "1e999", "5%",
	} {
		limit := errorLimit{0.5, true}
		if err := limit.Set(text); err == nil || !strings.Contains(err.Error(), "total:0.05") {
			t.Errorf("%q: %v", text, err)
		}
		if limit != (errorLimit{0.5, true}) {
			t.Errorf("%q left %+v", text, limit)
		}
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
