package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/spf13/pflag"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/kernels"
)

// settingsOptions are the flags that say how a matrix is compressed. Each is a setting of --tensor too.
type settingsOptions struct {
	scheme, purpose   string
	bits, pool        float64
	uniform           bool
	maxError          errorLimit
	storage           string
	states            int
	segment, k, group int
}

// settingFlags lists the settings, and the schemes that they mean something with.
var settingFlags = []struct{ flag, schemes string }{
	{"bits", "trellis"},
	{"pool", "trellis"},
	{"uniform", "trellis"},
	{"max-error", "trellis"},
	{"for", "trellis"},
	{"storage", "trellis"},
	{"states", "trellis"},
	{"k", "segments, scalar or rows"},
	{"segment", "segments"},
	{"group", "scalar"},
}

func (o *settingsOptions) addFlags(f *pflag.FlagSet) {
	f.Float64Var(&o.bits, "bits", compress.DefaultBits, "bits a weight that the layers take in the file, everything counted, 0.5 to 9 (scheme trellis; of storage window: 2, 3, 4 or 5, scales on top)")
	f.BoolVar(&o.uniform, "uniform", false, "as many bits for each matrix, instead of more where they help more")
	f.Var(&o.maxError, "max-error", "instead of --bits: the relative error not to be exceeded by the weights of each matrix, or, as total:`E`, of all together (scheme trellis)")
	f.StringVar(&o.purpose, "for", compress.ForSize, "what to make least of: size (of the file), memory (while multiplying), or speed (time to multiply; needs --max-error); memory and speed choose among all schemes")
	f.StringVar(&o.scheme, "scheme", "trellis", "trellis, segments, scalar or rows")
	f.StringVar(&o.storage, "storage", "entropy", "entropy (the smallest file, a byte a weight in memory) or window (as small in memory as in the file; scheme trellis)")
	f.IntVar(&o.states, "states", 32, "states of the trellis: 4, 8 or 32 (scheme trellis, entropy coded)")
	f.IntVar(&o.segment, "segment", 2, "columns in a segment, 2 to 64 (scheme segments)")
	f.IntVar(&o.k, "k", codebook.MaxCentroids, "centroids in a codebook, 1 to 256 (not for scheme trellis)")
	f.IntVar(&o.group, "group", 0, "columns that share a scale: 8, 16, 32, 64, 128 or 256 (scheme scalar; default: one scale a row)")
}

// given returns the names of the flags that were set.
func given(f *pflag.FlagSet) map[string]bool {
	set := make(map[string]bool)
	f.Visit(func(f *pflag.Flag) { set[f.Name] = true })
	return set
}

// settings returns what the flags amount to, set being those that the user gave.
func (o *settingsOptions) settings(set map[string]bool) (compress.Settings, error) {
	var s compress.Settings
	for _, known := range compress.Schemes() {
		if known.Name == o.scheme {
			s.Scheme = known
		}
	}
	if s.Scheme.Name == "" {
		return s, fmt.Errorf("unknown scheme %q: there are trellis, segments, scalar and rows", o.scheme)
	}
	for _, f := range settingFlags {
		if set[f.flag] && !strings.Contains(f.schemes, o.scheme) {
			return s, fmt.Errorf("--%s goes with --scheme %s, not %s", f.flag, f.schemes, o.scheme)
		}
	}
	if set["k"] {
		s.Scheme.K = o.k
	}
	switch o.scheme {
	case "trellis":
		if o.storage != "entropy" {
			return o.windows(set)
		}
		s.Scheme.States, s.For = o.states, o.purpose
		switch {
		case set["max-error"]:
			s.MaxError, s.Each = o.maxError.most, !o.maxError.total
		case set["pool"]:
			s.Bits = o.pool
		default:
			s.Bits, s.Each = o.bits, o.uniform
		}
	case "segments":
		s.Scheme.Width = o.segment
	case "scalar":
		s.Scheme.Group = o.group
	}
	switch {
	case set["bits"] && set["max-error"]:
		return s, errors.New("--bits and --max-error: one follows from the other")
	case set["uniform"] && set["max-error"]:
		return s, errors.New("--uniform is about bits; --max-error E holds for each matrix, total:E for all together")
	case set["pool"] && (set["bits"] || set["max-error"]):
		return s, errors.New("pool, bits and max-error: one of them")
	case set["bits"] && o.bits == 0, set["pool"] && o.pool == 0, set["max-error"] && o.maxError.most == 0: // which stand for the default
		return s, errors.New("there can be no layer of 0 bits, and none without error")
	case set["group"] && !codebook.ValidGroup(o.group):
		return s, fmt.Errorf("--group %d: there can be groups of 8, 16, 32, 64, 128 or 256 columns", o.group)
	}
	return s, nil
}

// windows returns the settings for storage other than entropy coded.
func (o *settingsOptions) windows(set map[string]bool) (compress.Settings, error) {
	if o.storage != "window" {
		return compress.Settings{}, fmt.Errorf("unknown storage %q: there are entropy and window", o.storage)
	}
	for _, flag := range []string{"max-error", "for", "states", "uniform", "pool"} {
		if set[flag] {
			return compress.Settings{}, fmt.Errorf("--%s goes with --storage entropy, not window", flag)
		}
	}
	if o.bits != math.Trunc(o.bits) || o.bits < kernels.MinWindowBits || o.bits > kernels.MaxWindowBits {
		return compress.Settings{}, fmt.Errorf("--bits %v: --storage window has 2, 3, 4 or 5", o.bits)
	}
	return compress.Settings{Scheme: compress.WindowScheme(int(o.bits))}, nil
}

// override reads GLOB=NAME:VALUE,... The scheme and its states are those of all tensors where it does not say. Bits are for
// each of the tensors, pool is for all of them together.
func (o *settingsOptions) override(text string) (compress.Override, error) {
	glob, list, ok := strings.Cut(text, "=")
	if !ok || glob == "" || list == "" {
		return compress.Override{}, errors.New("expected GLOB=SETTING:VALUE, or more of these behind commas")
	}
	var own settingsOptions
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	own.addFlags(f)
	f.Float64Var(&own.pool, "pool", 0, "")
	own.scheme, own.storage, own.states, own.uniform = o.scheme, o.storage, o.states, true
	for _, item := range strings.Split(list, ",") {
		name, value, _ := strings.Cut(item, ":")
		if f.Lookup(name) == nil || name == "uniform" {
			return compress.Override{}, fmt.Errorf("no setting %q: there are scheme, bits, pool, max-error, for, storage, states, segment, k and group", name)
		}
		if err := f.Set(name, value); err != nil {
			var invalid *pflag.InvalidValueError
			if errors.As(err, &invalid) {
				err = errors.New(expected(invalid))
			}
			return compress.Override{}, fmt.Errorf("%s:%s: %w", name, value, err)
		}
	}
	s, err := own.settings(given(f))
	if err == nil {
		err = s.Validate()
	}
	return compress.Override{Glob: glob, Settings: s}, err
}

// settings is what the codebook file keeps of the options: what decides its bytes, as far as that is short.
func settings(opts compress.Options) string {
	type override struct {
		Glob string `json:"glob"`
		recorded
	}
	var overrides []override
	for _, v := range opts.Overrides {
		overrides = append(overrides, override{v.Glob, record(v.Settings)})
	}
	text, err := json.Marshal(struct {
		recorded
		Size       int64      `json:"size,omitempty"`
		Tensors    []override `json:"tensors,omitempty"`
		Calibrated bool       `json:"calibrated,omitempty"`
		Planned    bool       `json:"planned,omitempty"` // as a plan says
		Transposed []string   `json:"transposed,omitempty"`
		Seed       uint64     `json:"seed"`
	}{record(opts.Settings), opts.Size, overrides, opts.Moments != nil, opts.Allocation != nil,
		opts.Transposed, opts.Seed})
	if err != nil {
		panic(err) // numbers and names always marshal
	}
	return string(text)
}

// recorded are settings as a codebook file keeps them.
type recorded struct {
	codebook.Scheme
	Bits     float64 `json:"bits,omitempty"`
	MaxError float64 `json:"max_error,omitempty"`
	Each     bool    `json:"each,omitempty"` // bits or the error are those of each matrix
	For      string  `json:"for,omitempty"`
}

func record(s compress.Settings) recorded {
	r := recorded{s.Scheme, s.Bits, s.MaxError, s.Each, s.For}
	if r.For == compress.ForSize {
		r.For = ""
	}
	return r
}
