package transformer

import "math"

// RMSNorm writes x, brought to a mean square of 1, times gain to dst, which may be x. eps is added
// to the mean square.
func RMSNorm(dst, x, gain []float32, eps float32) {
	var s0, s1, s2, s3 float32 // so that one addition need not wait for the one before
	i := 0
	for ; i+4 <= len(x); i += 4 {
		s0 += x[i] * x[i]
		s1 += x[i+1] * x[i+1]
		s2 += x[i+2] * x[i+2]
		s3 += x[i+3] * x[i+3]
	}
	for ; i < len(x); i++ {
		s0 += x[i] * x[i]
	}
	square := ((s0+s1)+(s2+s3))/float32(len(x)) + eps
	scale := float32(1 / math.Sqrt(float64(square)))
	dst, gain = dst[:len(x)], gain[:len(x)]
	for i, v := range x {
		dst[i] = v * scale * gain[i]
	}
}

// rotary turns pairs of columns by angles that grow with the place of a token (RoPE, Su et al.,
// arXiv:2104.09864): column i of a head and column i + half of it, as in Hugging Face's models.
type rotary struct {
	frequencies []float32 // [half], radians a place
}

// newRotary returns the frequencies theta^(-2i/width), slowed down as the scaling says.
func newRotary(width int, theta float64, s *ropeScaling) rotary {
	r := rotary{make([]float32, width/2)}
	for i := range r.frequencies {
		f := math.Pow(theta, -2*float64(i)/float64(width))
		switch s.kind() {
		case "linear":
			f /= s.Factor
		case "llama3":
			// Few turns within the original context: as a whole slower. Many: as they were.
			turns := s.Original * f / (2 * math.Pi)
			share := (turns - s.Low) / (s.High - s.Low)
			share = min(max(share, 0), 1)
			f = (1-share)*f/s.Factor + share*f
		}
		r.frequencies[i] = float32(f)
	}
	return r
}

// angles writes the cosines and sines of a place, [half] each. The angle is a product in float32,
// as it was when such models were trained.
func (r rotary) angles(cos, sin []float32, place int) {
	for i, f := range r.frequencies {
		s, c := math.Sincos(float64(float32(place) * f))
		cos[i], sin[i] = float32(c), float32(s)
	}
}

// rotate turns the columns of a head.
func rotate(head, cos, sin []float32) {
	half := len(head) / 2
	a, b := head[:half], head[half:][:half]
	cos, sin = cos[:half], sin[:half]
	for i, x := range a {
		y := b[i]
		a[i] = x*cos[i] - y*sin[i]
		b[i] = y*cos[i] + x*sin[i]
	}
}
