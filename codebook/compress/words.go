package compress

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/internal/errorlimit"
	"github.com/palettize/palettize/kernels"
)

// words are settings as they are read from words.
type words struct {
	scheme, storage, purpose  string
	bits, pool                float64
	uniform                   bool
	limit                     errorlimit.Limit
	states, segment, k, group int

	each  bool             // bits are for each matrix where nothing else is said
	given map[setting]bool // what is there
}

// setting is the name of one.
type setting string

// vocabulary lists the settings, the schemes that they mean something with, and their values.
var vocabulary = []struct {
	name    setting
	schemes string // "": all
	value   func(w *words) any
}{
	{"scheme", "", func(w *words) any { return &w.scheme }},
	{"bits", "trellis", func(w *words) any { return &w.bits }},
	{"pool", "trellis", func(w *words) any { return &w.pool }},
	{"uniform", "trellis", func(w *words) any { return &w.uniform }},
	{"max-error", "trellis", func(w *words) any { return &w.limit }},
	{"for", "trellis", func(w *words) any { return &w.purpose }},
	{"storage", "trellis", func(w *words) any { return &w.storage }},
	{"states", "trellis", func(w *words) any { return &w.states }},
	{"segment", "segments", func(w *words) any { return &w.segment }},
	{"k", "segments, scalar or rows", func(w *words) any { return &w.k }},
	{"group", "scalar", func(w *words) any { return &w.group }},
}

// SettingError says that settings in words are not possible, or do not go together.
type SettingError struct {
	format string
	args   []any // for the format; each setting is a name
}

func wrong(format string, args ...any) error { return &SettingError{format, args} }

func (e *SettingError) Error() string { return e.Prefixed("") }

// Prefixed returns the message with something before the name of each setting, such as the dashes
// of a program whose flags have these names.
func (e *SettingError) Prefixed(prefix string) string {
	args := slices.Clone(e.args)
	for i, arg := range args {
		if name, ok := arg.(setting); ok {
			args[i] = prefix + string(name)
		}
	}
	return fmt.Sprintf(e.format, args...)
}

// ParseSettings reads settings in words of a name and a value, such as "scheme:scalar" and "k:16":
//
//	scheme     trellis, segments, scalar or rows
//	bits       a weight
//	max-error  that each matrix is to stay below, or total:0.05, all together (instead of bits)
//	for        size, memory or speed: what to make least of
//	storage    entropy or window (of 2, 3, 4 or 5 bits)
//	states     of the trellis
//	segment    columns of a segment
//	k          centroids
//	group      columns that share a multiplier
//
// Where words do not say, the scheme, its storage and its states are those of base, all others the
// defaults. Bits are for all matrices together, with uniform:true for each. Where base has Each,
// they are for each; then pool is the name of those for all together. A word that is repeated
// counts as it is said last. What goes together badly is a [SettingError].
func ParseSettings(words []string, base Settings) (Settings, error) {
	w := newWords(base)
	for _, word := range words {
		if err := w.read(word); err != nil {
			return Settings{}, err
		}
	}
	for _, check := range []func() error{w.checkScheme, w.checkStorage, w.checkGoal, w.checkGroup} {
		if err := check(); err != nil {
			return Settings{}, err
		}
	}
	s := w.settings()
	return s, s.validate()
}

// ParseOverride reads an override in words, such as "*embed*=bits:3,states:8": a glob of tensor
// names and settings for each of them, as [ParseSettings] reads them with a base that has Each.
func ParseOverride(text string, base codebook.Scheme) (Override, error) {
	glob, list, ok := strings.Cut(text, "=")
	if !ok || glob == "" || list == "" {
		return Override{}, errors.New("expected GLOB=SETTING:VALUE, or more of these behind commas")
	}
	s, err := ParseSettings(strings.Split(list, ","), Settings{Scheme: base, Each: true})
	return Override{glob, s}, err
}

// newWords returns what settings are where no word is said.
func newWords(base Settings) *words {
	base = base.withDefaults()
	w := &words{
		scheme: base.Scheme.Name, storage: "entropy", states: base.Scheme.States, purpose: ForSize,
		bits: defaultBits, uniform: base.Each, each: base.Each, given: make(map[setting]bool),
	}
	if base.Scheme.WindowBits != 0 {
		w.storage = "window"
	}
	if w.states == 0 {
		w.states = Schemes()[0].States
	}
	return w
}

// read takes in a word.
func (w *words) read(word string) error {
	name, value, _ := strings.Cut(word, ":")
	for _, v := range vocabulary {
		if string(v.name) != name || !w.knows(v.name) {
			continue
		}
		w.given[v.name] = true
		if err := parse(v.value(w), value); err != nil {
			return fmt.Errorf("%s:%s: %w", name, value, err)
		}
		return nil
	}
	return fmt.Errorf("no setting %q: there are %s", name, w.names())
}

// knows reports whether a name is one here: there is one more beside bits, for what they are not.
func (w *words) knows(name setting) bool {
	return !(name == "uniform" && w.each || name == "pool" && !w.each)
}

func (w *words) names() string {
	var names []string
	for _, v := range vocabulary {
		if w.knows(v.name) {
			names = append(names, string(v.name))
		}
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// parse reads a value of the type that target points to.
func parse(target any, value string) error {
	var err error
	wanted := "a number"
	switch t := target.(type) {
	case *errorlimit.Limit:
		*t, err = errorlimit.Parse(value)
		return err // which says it all
	case *string:
		*t = value
	case *float64:
		*t, err = strconv.ParseFloat(value, 64)
	case *bool:
		wanted = "true or false"
		*t, err = strconv.ParseBool(value)
	case *int:
		var n int64
		wanted = "a whole number"
		n, err = strconv.ParseInt(value, 0, strconv.IntSize)
		*t = int(n)
	}
	switch {
	case errors.Is(err, strconv.ErrRange):
		return errors.New("the number is out of range")
	case err != nil:
		return errors.New("expected " + wanted)
	}
	return nil
}

// checkScheme reports a scheme that there is not, or a setting that means nothing with it.
func (w *words) checkScheme() error {
	if preset(w.scheme) == (codebook.Scheme{}) {
		return fmt.Errorf("unknown scheme %q: there are trellis, segments, scalar and rows",
			w.scheme)
	}
	const scheme = setting("scheme")
	for _, v := range vocabulary {
		if w.given[v.name] && !strings.Contains(v.schemes, w.scheme) && v.schemes != "" {
			return wrong("%v goes with %v %s, not %s", v.name, scheme, v.schemes, w.scheme)
		}
	}
	return nil
}

// checkStorage reports what does not go with how a trellis is stored.
func (w *words) checkStorage() error {
	if w.scheme != "trellis" || w.storage == "entropy" {
		return nil
	}
	if w.storage != "window" {
		return fmt.Errorf("unknown storage %q: there are entropy and window", w.storage)
	}
	const storage = setting("storage")
	for _, name := range []setting{"max-error", "for", "states", "uniform", "pool"} {
		if w.given[name] {
			return wrong("%v goes with %v entropy, not window", name, storage)
		}
	}
	if w.bits != math.Trunc(w.bits) ||
		w.bits < kernels.MinWindowBits || w.bits > kernels.MaxWindowBits {
		return wrong("%v %v: %v window has 2, 3, 4 or 5", setting("bits"), w.bits, storage)
	}
	return nil
}

// checkGoal reports bits and errors of which one says what another does, or that mean the default.
func (w *words) checkGoal() error {
	const bits, limit = setting("bits"), setting("max-error")
	switch {
	case w.given[bits] && w.given[limit]:
		return wrong("%v and %v: one follows from the other", bits, limit)
	case w.given["uniform"] && w.given[limit]:
		return wrong("%v is about bits; %v E holds for each matrix, total:E for all together",
			setting("uniform"), limit)
	case w.given["pool"] && (w.given[bits] || w.given[limit]):
		return errors.New("pool, bits and max-error: one of them")
	case w.given[bits] && w.bits == 0, w.given["pool"] && w.pool == 0,
		w.given[limit] && w.limit.Most == 0:
		return errors.New("there can be no layer of 0 bits, and none without error")
	}
	return nil
}

func (w *words) checkGroup() error {
	if !w.given["group"] || codebook.ValidGroup(w.group) {
		return nil
	}
	return wrong("%v %d: there can be groups of 8, 16, 32, 64, 128 or 256 columns",
		setting("group"), w.group)
}

// settings returns what the words amount to.
func (w *words) settings() Settings {
	s := Settings{Scheme: preset(w.scheme)}
	switch {
	case w.scheme == "trellis" && w.storage == "window":
		s.Scheme = windowScheme(int(w.bits))
	case w.scheme == "trellis":
		s.Scheme.States, s.For = w.states, w.purpose
		switch {
		case w.given["max-error"]:
			s.MaxError, s.Each = w.limit.Most, !w.limit.Total
		case w.given["pool"]:
			s.Bits = w.pool
		default:
			s.Bits, s.Each = w.bits, w.uniform
		}
	}
	if w.given["k"] {
		s.Scheme.K = w.k
	}
	if w.given["segment"] {
		s.Scheme.Width = w.segment
	}
	if w.given["group"] {
		s.Scheme.Group = w.group
	}
	return s
}

// preset returns the scheme of a name with its defaults, the zero value where there is none.
func preset(name string) codebook.Scheme {
	for _, s := range Schemes() {
		if s.Name == name {
			return s
		}
	}
	return codebook.Scheme{}
}
