package transformer

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/palettize/palettize/codebook"
)

// disturbance is the relative error that a matrix is given to see what that costs: about what 3 or
// 4 bits would leave.
const disturbance = 0.1

// leastLoss stands for losses that rounding hides.
const leastLoss = 1e-9

// Sense measures what errors of a model's matrices, those that c knows something of, cost its
// answers: each in turn gets weights with noise, and loss says how far the answers of the model are
// from what they were. Tensors then has what a squared relative error of a matrix's outputs, or of
// its rows where they are looked up, costs for each weight, as a multiple of the mean over all
// these weights. done is called after each matrix.
func (c *Calibration) Sense(ctx context.Context, model *codebook.Model,
	loss func(*codebook.Model) (float64, error), done func()) error {
	costs, total, weights := make(map[string]float64), 0.0, 0.0
	for _, name := range c.names() {
		values, err := c.disturb(ctx, model, name)
		if err != nil {
			return err
		}
		other := codebook.NewModel(disturbed{model, name, values}, codebook.RunOptions{})
		lost, err := loss(other)
		if err = errors.Join(err, other.Close()); err != nil {
			return err
		}
		lost = max(lost, leastLoss)
		total, weights = total+lost, weights+float64(len(values))
		costs[name] = lost / float64(len(values))
		done()
	}
	for name := range costs {
		costs[name] *= weights / total
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sensitivities = costs
	return nil
}

// disturb returns the values of a matrix with noise that makes an error of disturbance, alike in
// all columns as the outputs see it.
func (c *Calibration) disturb(ctx context.Context, model *codebook.Model, name string) (
	[]float32, error) {
	values, err := model.Tensor(ctx, name)
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(0, 0))
	noise := make([]float32, len(values))
	for i := range noise {
		noise[i] = float32(random.NormFloat64())
	}
	power := squares
	if s := c.of[name]; s != nil {
		mean := s.mean()
		scales := make([]float32, s.columns)
		for i := range scales {
			if square := mean[i*s.columns+i]; square > 0 { // else no noise would show
				scales[i] = float32(1 / math.Sqrt(float64(square)))
			}
		}
		for i := range noise {
			noise[i] *= scales[i%s.columns]
		}
		power = func(w []float32) float64 { return outputPower(w, mean, s.columns) }
	}
	// Noise is about as many times 1 as there are weights, unless no input was ever anything but 0.
	scale := float32(disturbance * math.Sqrt(power(values)/max(power(noise), 1)))
	for i, v := range noise {
		values[i] += scale * v
	}
	return values, nil
}

// squares is the sum of the squares of weights.
func squares(w []float32) (sum float64) {
	for _, v := range w {
		sum += float64(v) * float64(v)
	}
	return sum
}

// outputPower is what squares comes to for the outputs W*x, whose inputs have this E[x x^T].
func outputPower(w, mean []float32, columns int) (sum float64) {
	products := make([]float32, columns)
	for row := range slices.Chunk(w, columns) {
		set.DenseMat(products, columns, mean, row, columns, columns, 1)
		for i, v := range row {
			sum += float64(v) * float64(products[i])
		}
	}
	return sum
}

// disturbed is a model of which one matrix has other values.
type disturbed struct {
	*codebook.Model
	name   string
	values []float32
}

func (disturbed) Layers() []string { return nil }

func (disturbed) Original(string) codebook.Tensor { return codebook.Tensor{} }

func (disturbed) Stored(context.Context, string, func(*codebook.Layer) error) error { return nil }

func (d disturbed) Rest() codebook.Source { return d }

// Tensors lists those of the model as if it had no layers.
func (d disturbed) Tensors() []codebook.Tensor {
	var all []codebook.Tensor
	for _, name := range d.Names() {
		t, _ := d.Describe(name) // it has them all
		all = append(all, t)
	}
	return all
}

func (d disturbed) Floats(ctx context.Context, name string) ([]float32, error) {
	if name == d.name {
		return d.values, nil
	}
	return d.Tensor(ctx, name)
}

// Close leaves the model open, which others use.
func (disturbed) Close() error { return nil }
