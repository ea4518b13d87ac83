package errorlimit

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Limit{
		"0.05": {0.05, false}, "total:0.05": {0.05, true}, "0": {}, "total:0": {0, true},
		"1e-3": {0.001, false}, "2": {2, false},
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("%q: %+v (%v), want %+v", text, got, err, want)
		}
		if again, err := Parse(got.String()); err != nil || again != want {
			t.Errorf("%q, written and read again as %q: %+v (%v)", text, got.String(), again, err)
		}
	}
	for _, text := range []string{
		"", "total:", "total", "each:0.05", "0.05:total", "-0.1", "total:-1", "NaN", "Inf", "1e999",
		"5%",
	} {
		limit, err := Parse(text)
		if err == nil || !strings.Contains(err.Error(), "total:0.05") || limit != (Limit{}) {
			t.Errorf("%q: %+v (%v)", text, limit, err)
		}
	}
}
