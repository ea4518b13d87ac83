package transformer

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// Sampler chooses tokens by their logits. Its methods must not be called at the same time.
type Sampler struct {
	// Temperature divides logits; 0: the most likely token is always chosen, the lowest of equals.
	Temperature float64
	TopK        int     // only as many of the most likely tokens are chosen from; 0: all
	TopP        float64 // only the most likely that together have this probability; 0 or 1: all
	random      *rand.Rand
	choices     []choice
}

type choice struct {
	token int
	share float64 // of a probability, or less than it by a factor that is the same for all
}

// NewSampler returns a sampler whose choices are the same for the same seed.
func NewSampler(temperature float64, topK int, topP float64, seed uint64) *Sampler {
	return &Sampler{Temperature: temperature, TopK: topK, TopP: topP,
		random: rand.New(rand.NewPCG(seed, 0))}
}

// Choose returns a token. It does not change logits.
func (s *Sampler) Choose(logits []float32) int {
	best := 0
	for i, v := range logits {
		if v > logits[best] {
			best = i
		}
	}
	if s.Temperature <= 0 {
		return best
	}
	largest := float64(logits[best])
	s.choices = s.choices[:0]
	sum := 0.0
	for i, v := range logits {
		share := math.Exp((float64(v) - largest) / s.Temperature)
		if share < 1e-9 { // of the most likely one: all such together are not drawn in a lifetime
			continue
		}
		s.choices = append(s.choices, choice{i, share})
		sum += share
	}
	if s.TopK > 0 || s.TopP > 0 && s.TopP < 1 {
		sum = s.cut(sum)
	}
	at := s.random.Float64() * sum
	for _, c := range s.choices {
		if at -= c.share; at < 0 {
			return c.token
		}
	}
	return best // but for roundings, a choice was found
}

// cut leaves the most likely choices, and returns the sum of their shares.
func (s *Sampler) cut(sum float64) float64 {
	slices.SortFunc(s.choices, func(a, b choice) int {
		return cmp.Or(cmp.Compare(b.share, a.share), a.token-b.token)
	})
	if s.TopK > 0 && s.TopK < len(s.choices) {
		s.choices = s.choices[:s.TopK]
		sum = 0
		for _, c := range s.choices {
			sum += c.share
		}
	}
	if s.TopP <= 0 || s.TopP >= 1 {
		return sum
	}
	kept := 0.0
	for i, c := range s.choices {
		kept += c.share
		if kept >= s.TopP*sum {
			s.choices = s.choices[:i+1]
			break
		}
	}
	return kept
}

// LogSum returns the logarithm of the sum of the exponentials of logits: less that, a logit is the
// logarithm of a probability.
func LogSum(logits []float32) float64 {
	top, sum := float64(slices.Max(logits)), 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v) - top)
	}
	return top + math.Log(sum)
}

// Divergence returns the Kullback-Leibler divergence, in nats, of the probabilities of logits q
// from those of p.
func Divergence(p, q []float32) (sum float64) {
	sumP, sumQ := LogSum(p), LogSum(q)
	for i, v := range p {
		share := float64(v) - sumP
		sum += math.Exp(share) * (share - (float64(q[i]) - sumQ))
	}
	return sum
}
