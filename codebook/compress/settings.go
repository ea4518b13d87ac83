package compress

import (
	"errors"
	"fmt"
	"path"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/quant"
	"github.com/palettize/palettize/internal/stack"
	"github.com/palettize/palettize/kernels"
)

const (
	// defaultBits is what a weight takes when nothing else is asked for.
	defaultBits = 4
	// minBits and maxBits are the rates that can be asked for: below, matrices become zeros but for
	// a few weights.
	minBits, maxBits = 0.5, 9

	// trellisBits is the highest rate of entropy-coded layers, and trellisError no less than the
	// error that they have then: above, 255 levels are too few, and more and more weights become
	// outliers.
	trellisBits, trellisError = 6.5, 0.02
)

// Settings say how a matrix is compressed. Bits and MaxError go with scheme trellis; at most one is
// set.
type Settings struct {
	Scheme codebook.Scheme // the zero value: the first of Schemes
	// Bits a weight that the layers take in the file, their headers counted; 0: 4, unless MaxError
	// is set
	Bits     float64
	MaxError float64 // relative error of the weights that is not exceeded; 0: none
	// Bits or MaxError hold for each matrix, not for all with these settings together
	Each bool
	// what to minimise while Bits or MaxError is met: ForSize, ForMemory or ForSpeed; "": ForSize
	For string
}

// Override gives some tensors settings of their own. The bits or the error that the options ask of
// tensors together are then those of the others.
type Override struct {
	Glob string // of tensor names
	Settings
}

// validate reports what is wrong with the scheme, or with the rate that is asked for.
func (s Settings) validate() error {
	if err := quant.Validate(s.Scheme); err != nil {
		return err
	}
	switch {
	case !quant.AnyRate(s.Scheme) && (s.Bits != 0 || s.MaxError != 0):
		return errors.New("bits and errors can be chosen with scheme trellis, entropy coded")
	case s.For != "" && contests[s.For].schemes == nil:
		return fmt.Errorf("for %q: there are size, memory and speed", s.For)
	case s.For == ForSpeed && s.MaxError == 0:
		return errors.New("for speed an error has to be given: the fastest matrix of all is one of zeros")
	case !quant.AnyRate(s.Scheme) && s.For != "" && s.For != ForSize:
		return fmt.Errorf("schemes are chosen for %s where none is asked for, not where %s is",
			s.For, s.Scheme.Name)
	case s.Bits != 0 && s.MaxError != 0:
		return fmt.Errorf("bits and an error are asked for: one follows from the other")
	case s.MaxError != 0 && !(s.MaxError > 0 && s.MaxError < 1):
		return fmt.Errorf("an error of %v: it can be more than 0 and less than 1", s.MaxError)
	case s.Bits != 0 && !(s.Bits >= minBits && s.Bits <= maxBits):
		return fmt.Errorf("%v bits a weight: there can be %v to %v", s.Bits, minBits, maxBits)
	}
	return nil
}

// withDefaults returns the settings with what their zero values stand for.
func (s Settings) withDefaults() Settings {
	if s.Scheme == (codebook.Scheme{}) {
		s.Scheme = Schemes()[0]
	}
	if quant.AnyRate(s.Scheme) && s.Bits == 0 && s.MaxError == 0 {
		s.Bits = defaultBits
	}
	if s.For == "" {
		s.For = ForSize
	}
	return s
}

// goal is what the settings ask of layers together.
func (s Settings) goal(weights, signal float64) quant.Goal {
	if s.Bits > 0 {
		return quant.Goal{Bytes: s.Bits * weights / 8}
	}
	return quant.Goal{Noise: s.MaxError * s.MaxError * signal}
}

// Validate reports what is wrong with the options in themselves, whatever the model.
func (o Options) Validate() error {
	for group := range 1 + len(o.Overrides) {
		if err := o.settingsOf(group).validate(); err != nil {
			return o.inGroup(group, err)
		}
	}
	for _, v := range o.Overrides {
		if _, err := path.Match(v.Glob, ""); err != nil {
			return fmt.Errorf("pattern %q: %w", v.Glob, err)
		}
	}
	switch {
	case o.Size < 0:
		return fmt.Errorf("a file of %d bytes", o.Size)
	case o.Size > 0 && (o.Settings.Bits != 0 || o.Settings.MaxError != 0 ||
		!quant.AnyRate(o.settingsOf(0).Scheme)):
		return errors.New("the size of the file can be chosen with scheme trellis, entropy coded, " +
			"instead of bits or an error")
	case o.Allocation != nil:
		return o.Allocation.validate()
	}
	return o.Part.validate()
}

// group returns the number of a tensor's group: the last override that matches, counted from 1, or
// 0.
func (o Options) group(tensor string) int {
	for i := len(o.Overrides); i > 0; i-- {
		if stack.Match(o.Overrides[i-1].Glob, tensor) {
			return i
		}
	}
	return 0
}

// inGroup names the tensors of an error about the settings of a group that an override is for.
func (o Options) inGroup(group int, err error) error {
	if group == 0 {
		return err
	}
	return fmt.Errorf("tensors %q: %w", o.Overrides[group-1].Glob, err)
}

// settingsOf returns the settings of a group.
func (o Options) settingsOf(group int) Settings {
	if group == 0 {
		return o.Settings.withDefaults()
	}
	return o.Overrides[group-1].Settings.withDefaults()
}

// withKernels returns the options with kernels, checked.
func (o Options) withKernels() (Options, error) {
	var err error
	if o.Kernels == nil {
		o.Kernels, err = kernels.Best()
	}
	return o, errors.Join(err, o.Validate())
}

// Schemes lists the schemes with their defaults, the default scheme first.
func Schemes() []codebook.Scheme { return quant.Schemes() }

// windowScheme returns scheme trellis with windows to which a weight brings this many bits, 2 to 5.
func windowScheme(bits int) codebook.Scheme {
	return codebook.Scheme{Name: "trellis", Width: 1, K: codebook.MaxCentroids, WindowBits: bits}
}
