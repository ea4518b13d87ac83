package codebook

import (
	"math"

	"github.com/palettize/palettize/internal/par"
)

// Distortion sums up how far approximate values are from the true ones. The zero value is empty;
// sums are in float64.
type Distortion struct {
	Signal float64 // sum of true^2
	Noise  float64 // sum of (approximate-true)^2
	Approx float64 // sum of approximate^2
	Dot    float64 // sum of approximate*true
	Max    float64 // largest |approximate-true|
}

// Add takes in pairs of values. The slices have one length.
func (d *Distortion) Add(approximate, truth []float32) {
	for i, t := range truth {
		d.add(float64(approximate[i]), float64(t))
	}
}

// add counts what is beyond float32, a result that is infinite too, as the largest float32.
func (d *Distortion) add(a, t float64) {
	a, t = min(max(a, -math.MaxFloat32), math.MaxFloat32), min(max(t, -math.MaxFloat32), math.MaxFloat32)
	e := a - t
	d.Signal += float64(t * t)
	d.Noise += float64(e * e)
	d.Approx += float64(a * a)
	d.Dot += float64(a * t)
	d.Max = max(d.Max, math.Abs(e))
}

// Merge takes in all that o has seen.
func (d *Distortion) Merge(o Distortion) {
	d.Signal += o.Signal
	d.Noise += o.Noise
	d.Approx += o.Approx
	d.Dot += o.Dot
	d.Max = max(d.Max, o.Max)
}

// Relative is the relative Frobenius error, sqrt(Noise/Signal): 0 where nothing differs, +Inf
// where only the signal is 0.
func (d Distortion) Relative() float64 {
	if d.Noise == 0 {
		return 0
	}
	return math.Sqrt(d.Noise / d.Signal)
}

// Cosine is the cosine of the angle between the two, 1 where both are 0.
func (d Distortion) Cosine() float64 {
	if d.Signal == 0 && d.Approx == 0 {
		return 1
	}
	if d.Signal == 0 || d.Approx == 0 {
		return 0
	}
	return d.Dot / (math.Sqrt(d.Signal) * math.Sqrt(d.Approx))
}

// Distortion compares the layer with a matrix w [Rows, Cols]. Rows are summed up in order, so that
// the figures do not depend on the number of threads.
func (l *Layer) Distortion(w []float32, threads int) Distortion {
	rows := make([]Distortion, l.Rows)
	par.Ranges(threads, l.Rows, func(lo, hi int) {
		rebuilt := make([]float32, l.Cols)
		for r := lo; r < hi; r++ {
			l.Row(rebuilt, r)
			rows[r].Add(rebuilt, w[r*l.Cols:][:l.Cols])
		}
	})
	var d Distortion
	for _, row := range rows {
		d.Merge(row)
	}
	return d
}
