package compress

import (
	"errors"
	"strings"
	"testing"

	"github.com/palettize/palettize/codebook"
)

func TestParseSettings(t *testing.T) {
	trellis := Schemes()[0]
	states := func(n int) codebook.Scheme {
		s := trellis
		s.States = n
		return s
	}
	scalar := codebook.Scheme{Name: "scalar", Width: 1, K: 16, Group: 16}
	for _, c := range []struct {
		words string
		base  Settings
		want  Settings
	}{
		{"", Settings{}, Settings{Scheme: trellis, Bits: 4, For: ForSize}},
		{"", Settings{Each: true}, Settings{Scheme: trellis, Bits: 4, Each: true, For: ForSize}},
		{"bits:3", Settings{}, Settings{Scheme: trellis, Bits: 3, For: ForSize}},
		{"bits:3 bits:5", Settings{}, Settings{Scheme: trellis, Bits: 5, For: ForSize}},
		{"bits:3 uniform:true", Settings{},
			Settings{Scheme: trellis, Bits: 3, Each: true, For: ForSize}},
		{"bits:3", Settings{Each: true},
			Settings{Scheme: trellis, Bits: 3, Each: true, For: ForSize}},
		{"pool:3", Settings{Each: true}, Settings{Scheme: trellis, Bits: 3, For: ForSize}},
		{"max-error:0.1", Settings{},
			Settings{Scheme: trellis, MaxError: 0.1, Each: true, For: ForSize}},
		{"max-error:total:0.1 for:speed", Settings{},
			Settings{Scheme: trellis, MaxError: 0.1, For: ForSpeed}},
		{"states:8", Settings{}, Settings{Scheme: states(8), Bits: 4, For: ForSize}},
		{"storage:window", Settings{}, Settings{Scheme: windowScheme(4)}},
		{"storage:window bits:2", Settings{}, Settings{Scheme: windowScheme(2)}},
		{"scheme:rows k:7", Settings{}, Settings{Scheme: codebook.Scheme{Name: "rows", K: 7}}},
		{"scheme:segments", Settings{},
			Settings{Scheme: codebook.Scheme{Name: "segments", Width: 2, K: 256}}},
		{"scheme:segments segment:0x8 k:100", Settings{},
			Settings{Scheme: codebook.Scheme{Name: "segments", Width: 8, K: 100}}},
		{"scheme:scalar k:16 group:16", Settings{}, Settings{Scheme: scalar}},

		// Of the base there are the scheme, its storage and its states.
		{"bits:3", Settings{Scheme: states(8), Bits: 9},
			Settings{Scheme: states(8), Bits: 3, For: ForSize}},
		{"bits:5", Settings{Scheme: windowScheme(3)}, Settings{Scheme: windowScheme(5)}},
		{"", Settings{Scheme: windowScheme(3)}, Settings{Scheme: windowScheme(4)}},
		{"storage:entropy", Settings{Scheme: windowScheme(3)},
			Settings{Scheme: trellis, Bits: 4, For: ForSize}},
		{"", Settings{Scheme: scalar},
			Settings{Scheme: codebook.Scheme{Name: "scalar", Width: 1, K: 256}}},
		{"scheme:trellis", Settings{Scheme: scalar},
			Settings{Scheme: trellis, Bits: 4, For: ForSize}},
		{"scheme:scalar k:16 group:16", Settings{Scheme: windowScheme(3)},
			Settings{Scheme: scalar}},
	} {
		got, err := ParseSettings(strings.Fields(c.words), c.base)
		if err != nil || got != c.want {
			t.Errorf("%q on %+v: %+v (%v), want %+v", c.words, c.base, got, err, c.want)
		}
	}
}

func TestParseSettingsRefuses(t *testing.T) {
	for words, want := range map[string]string{
		"colour:red": `no setting "colour": there are scheme, bits, uniform, max-error, for, ` +
			"storage, states, segment, k and group",
		"pool:3":        `no setting "pool": there are scheme, bits, uniform, `,
		"bits":          "bits:: expected a number",
		"bits:many":     "bits:many: expected a number",
		"bits:1e999":    "bits:1e999: the number is out of range",
		"k:1.5":         "k:1.5: expected a whole number",
		"uniform:maybe": "uniform:maybe: expected true or false",
		"max-error:5%":  "max-error:5%: wanted an error such as 0.05",
		"scheme:palette": `unknown scheme "palette": there are trellis, segments, scalar and ` +
			"rows",
		"k:16": "--k goes with --scheme segments, scalar or rows, not trellis",

		"scheme:rows bits:4":           "--bits goes with --scheme trellis, not rows",
		"scheme:rows storage:zip":      "--storage goes with --scheme trellis, not rows",
		"scheme:scalar segment:2":      "--segment goes with --scheme segments, not scalar",
		"storage:zip":                  `unknown storage "zip": there are entropy and window`,
		"storage:window states:8":      "--states goes with --storage entropy, not window",
		"storage:window max-error:0.1": "--max-error goes with --storage entropy, not window",
		"storage:window bits:3.5":      "--bits 3.5: --storage window has 2, 3, 4 or 5",
		"storage:window bits:6":        "--bits 6: --storage window has 2, 3, 4 or 5",
		"storage:window bits:NaN":      "--bits NaN: --storage window has 2, 3, 4 or 5",
		"bits:4 max-error:0.1":         "--bits and --max-error: one follows from the other",
		"uniform:true max-error:0.1":   "--uniform is about bits; --max-error E holds for each",
		"bits:0":                       "there can be no layer of 0 bits, and none without error",
		"max-error:0":                  "there can be no layer of 0 bits, and none without error",
		"scheme:scalar group:24":       "--group 24: there can be groups of 8, 16, 32, 64, 128",
		"scheme:scalar group:0":        "--group 0: there can be groups of 8, 16, 32, 64, 128",

		// What Settings say of themselves.
		"bits:10":                "10 bits a weight: there can be 0.5 to 9",
		"states:16":              "a trellis of 16 states: there are those of 4, 8 and 32",
		"for:speed":              "for speed an error has to be given",
		"scheme:rows k:0":        "0 centroids: there can be 1 to 256",
		"for:money":              `for "money": there are size, memory and speed`,
		"max-error:1":            "an error of 1: it can be more than 0 and less than 1",
		"scheme:segments k:2000": "2000 centroids: there can be 1 to 256",
	} {
		_, err := ParseSettings(strings.Fields(words), Settings{})
		if err == nil {
			t.Errorf("%q: no error", words)
			continue
		}
		wrong := new(SettingError)
		got := err.Error()
		if errors.As(err, &wrong) {
			got = wrong.Prefixed("--")
			if plain := strings.ReplaceAll(got, "--", ""); err.Error() != plain {
				t.Errorf("%q: %q without dashes, %q with", words, err, got)
			}
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%q: %q, want %q", words, got, want)
		}
	}
}

func TestParseOverride(t *testing.T) {
	base := Schemes()[0]
	base.States = 8
	for text, want := range map[string]Override{
		"*embed*=bits:3": {"*embed*", Settings{Scheme: base, Bits: 3, Each: true, For: ForSize}},
		"a=pool:3":       {"a", Settings{Scheme: base, Bits: 3, For: ForSize}},
		"a=scheme:scalar,k:16,group:16": {"a", Settings{
			Scheme: codebook.Scheme{Name: "scalar", Width: 1, K: 16, Group: 16},
		}},
	} {
		if got, err := ParseOverride(text, base); err != nil || got != want {
			t.Errorf("%q: %+v (%v), want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                         "expected GLOB=SETTING:VALUE, or more of these behind commas",
		"embed*":                   "expected GLOB=SETTING:VALUE, or more of these behind commas",
		"=bits:3":                  "expected GLOB=SETTING:VALUE, or more of these behind commas",
		"a=":                       "expected GLOB=SETTING:VALUE, or more of these behind commas",
		"a=bits:3,":                `no setting "": there are scheme, bits, pool, max-error, for, `,
		"a=uniform:true":           `no setting "uniform": there are scheme, bits, pool, `,
		"a=pool:3,bits:3":          "pool, bits and max-error: one of them",
		"a=pool:3,max-error:0.1":   "pool, bits and max-error: one of them",
		"a=pool:0":                 "there can be no layer of 0 bits, and none without error",
		"a=bits:3,k:5":             "k goes with scheme segments, scalar or rows, not trellis",
		"a=storage:window,pool:3":  "pool goes with storage entropy, not window",
		"a=bits:3,max-error:0.001": "bits and max-error: one follows from the other",
	} {
		_, err := ParseOverride(text, base)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
