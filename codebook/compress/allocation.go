package compress

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/internal/quant"
)

// UnmarshalJSON reads an allocation that was written as JSON. It has to be one that Compress can
// follow: names that are not known are errors, what is wrong with a matrix a
// [codebook.TensorError].
func (a *Allocation) UnmarshalJSON(text []byte) error {
	type plain Allocation // without this method
	var read plain
	if err := decodeStrictly(text, &read); err != nil {
		return err
	}
	if err := (*Allocation)(&read).validate(); err != nil {
		return err
	}
	*a = Allocation(read)
	return nil
}

// validate reports what is wrong with an allocation that came from outside.
func (a *Allocation) validate() error {
	seen := make(map[string]bool)
	for _, m := range a.Matrices {
		err := m.validate()
		if seen[m.Tensor] {
			err = errors.New("is there twice")
		}
		if err != nil {
			return &codebook.TensorError{Tensor: m.Tensor, Err: err}
		}
		seen[m.Tensor] = true
	}
	return nil
}

func (m *Allotted) validate() error {
	const farthest = 1024 * int(quant.Octave)
	figures := []float64{m.Bytes, m.Noise, m.Bits, m.Error, m.Cap}
	for _, r := range m.Rates {
		figures = append(figures, r.Bits, r.Error)
	}
	improper := func(v float64) bool { return !(v >= 0 && v <= math.MaxFloat64) }
	switch {
	case m.Weights < 1:
		return fmt.Errorf("%d weights", m.Weights)
	case m.Step < -farthest || m.Step > farthest:
		return fmt.Errorf("step %d", m.Step)
	case slices.ContainsFunc(figures, improper):
		return errors.New("figures that are no bytes, bits or errors")
	case m.Scheme == unchanged:
		return nil
	}
	return quant.Validate(m.Scheme)
}
