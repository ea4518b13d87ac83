package compress

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/palettize/palettize/codebook"
)

// recorded are settings as a codebook file keeps them.
type recorded struct {
	codebook.Scheme
	Bits     float64 `json:"bits,omitempty"`
	MaxError float64 `json:"max_error,omitempty"`
	Each     bool    `json:"each,omitempty"` // bits or the error are those of each matrix
	For      string  `json:"for,omitempty"`
}

// recordedOptions are options as a codebook file keeps them.
type recordedOptions struct {
	recorded
	Size       int64              `json:"size,omitempty"`
	Tensors    []recordedOverride `json:"tensors,omitempty"`
	Calibrated bool               `json:"calibrated,omitempty"`
	Planned    bool               `json:"planned,omitempty"` // as a plan says
	Transposed []string           `json:"transposed,omitempty"`
	Seed       uint64             `json:"seed"`
}

type recordedOverride struct {
	Glob string `json:"glob"`
	recorded
}

func record(s Settings) recorded {
	r := recorded{s.Scheme, s.Bits, s.MaxError, s.Each, s.For}
	if r.For == ForSize {
		r.For = ""
	}
	return r
}

func (r recorded) settings() Settings {
	return Settings{r.Scheme, r.Bits, r.MaxError, r.Each, r.For}
}

// MarshalJSON returns what a codebook file keeps of the options: what decides its bytes, as far as
// that is short. Of Moments and Allocation it says whether there are any.
func (o Options) MarshalJSON() ([]byte, error) {
	r := recordedOptions{
		recorded:   record(o.Settings),
		Size:       o.Size,
		Calibrated: o.Moments != nil,
		Planned:    o.Allocation != nil,
		Transposed: o.Transposed,
		Seed:       o.Seed,
	}
	for _, v := range o.Overrides {
		r.Tensors = append(r.Tensors, recordedOverride{v.Glob, record(v.Settings)})
	}
	return json.Marshal(r)
}

// UnmarshalJSON reads what MarshalJSON wrote, so that the same can be done again, and leaves fields
// that this does not keep as they are. Where there were Moments or an Allocation, o has to have
// them already.
func (o *Options) UnmarshalJSON(text []byte) error {
	var r recordedOptions
	if err := decodeStrictly(text, &r); err != nil {
		return err
	}
	switch {
	case r.Calibrated != (o.Moments != nil):
		return errors.New("options with moments of the inputs need the moments, and others none")
	case r.Planned != (o.Allocation != nil):
		return errors.New("options with an allocation need the allocation, and others none")
	}
	read := *o
	read.Settings, read.Overrides = r.settings(), nil
	for _, v := range r.Tensors {
		read.Overrides = append(read.Overrides, Override{v.Glob, v.settings()})
	}
	read.Size, read.Transposed, read.Seed = r.Size, r.Transposed, r.Seed
	if err := read.Validate(); err != nil {
		return err
	}
	*o = read
	return nil
}

// decodeStrictly reads JSON without names that v does not know: what they ask for would be lost.
func decodeStrictly(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(v)
}
