package transformer

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Config has what the shapes of a model's tensors do not say, as in its config.json. A field that
// is 0 or "" is unknown.
type Config struct {
	Type       string  `json:"model_type"`
	Activation string  `json:"hidden_act"`
	Positions  string  `json:"position_embedding_type"`
	Width      int     `json:"hidden_size"`
	Layers     int     `json:"num_hidden_layers"`
	Heads      int     `json:"num_attention_heads"`
	Epsilon    float32 `json:"layer_norm_eps"` // of a LayerNorm

	// Of decoders.
	Vocabulary    int          `json:"vocab_size"`
	Inner         int          `json:"intermediate_size"`
	KeyHeads      int          `json:"num_key_value_heads"` // each is shared by several of Heads
	HeadWidth     int          `json:"head_dim"`
	MaxPositions  int          `json:"max_position_embeddings"`
	RMSEpsilon    float32      `json:"rms_norm_eps"`
	Theta         float64      `json:"rope_theta"`
	Scaling       *ropeScaling `json:"rope_scaling"`
	Rope          *ropeScaling `json:"rope_parameters"` // both of them, since transformers 5
	PartialRotary float64      `json:"partial_rotary_factor"`
	Tied          *bool        `json:"tie_word_embeddings"`
	AttentionBias bool         `json:"attention_bias"`
	InnerBias     bool         `json:"mlp_bias"`
	SlidingWindow *int         `json:"sliding_window"`
	UsesWindow    bool         `json:"use_sliding_window"` // of Qwen
	FullLayers    *int         `json:"max_window_layers"`  // without a window: the first ones
	LayerTypes    []string     `json:"layer_types"`        // instead of FullLayers
	First         *int         `json:"bos_token_id"`
	Last          tokenNumbers `json:"eos_token_id"` // a text ends with any of these
}

// rope returns what the frequencies of rotary positions are made of.
func (c *Config) rope() (theta float64, scaling *ropeScaling) {
	theta, scaling = c.Theta, c.Scaling
	if c.Rope != nil {
		theta, scaling = cmp.Or(theta, c.Rope.Theta), c.Rope
	}
	return cmp.Or(theta, 10000), scaling
}

// partialRotary is the part of a head's columns that positions turn.
func (c *Config) partialRotary() float64 {
	part := c.PartialRotary
	if c.Rope != nil {
		part = cmp.Or(part, c.Rope.Partial)
	}
	return cmp.Or(part, 1)
}

// windows returns how many tokens attention sees in each layer, itself included; 0: all.
func (c *Config) windows() ([]int, error) {
	windows := make([]int, c.Layers)
	size := 0
	if c.SlidingWindow != nil {
		if size = *c.SlidingWindow; size < 1 {
			return nil, fmt.Errorf("config.json: sliding_window is %d, expected 1 or more", size)
		}
	}
	switch c.Type {
	case "mistral":
		for i := range windows {
			windows[i] = size
		}
	case "qwen2", "qwen3":
		if !c.UsesWindow {
			size = 0
		}
		if c.LayerTypes != nil && len(c.LayerTypes) != c.Layers {
			return nil, fmt.Errorf("config.json: layer_types has %d entries, expected %d",
				len(c.LayerTypes), c.Layers)
		}
		full := 28 // as in transformers
		if c.FullLayers != nil {
			full = *c.FullLayers
		}
		for i := range windows {
			kind := "full_attention"
			if c.LayerTypes != nil {
				kind = c.LayerTypes[i]
			} else if i >= full {
				kind = slidingAttention
			}
			switch kind {
			case slidingAttention:
				windows[i] = size
			case "full_attention":
			default:
				return nil, fmt.Errorf("config.json: layer_types: %q is not supported, only "+
					"full_attention and %s", kind, slidingAttention)
			}
		}
	default:
		if size > 0 && size < c.MaxPositions {
			return nil, fmt.Errorf("config.json: sliding_window of the model type %q is not supported",
				c.Type)
		}
	}
	return windows, nil
}

const slidingAttention = "sliding_attention" // in layer_types

// ropeScaling says how the rotary positions of a long context are made of those of a shorter one.
type ropeScaling struct {
	Theta    float64 `json:"rope_theta"`
	Partial  float64 `json:"partial_rotary_factor"`
	Type     string  `json:"rope_type"`
	OldType  string  `json:"type"`
	Factor   float64 `json:"factor"`
	Low      float64 `json:"low_freq_factor"`
	High     float64 `json:"high_freq_factor"`
	Original float64 `json:"original_max_position_embeddings"`
}

func (s *ropeScaling) kind() string {
	if s == nil {
		return "default"
	}
	return cmp.Or(s.Type, s.OldType, "default")
}

// check says what is wrong with a scaling.
func (s *ropeScaling) check() error {
	switch kind := s.kind(); {
	case kind == "default":
	case kind != "linear" && kind != "llama3":
		return fmt.Errorf("rotary positions of type %q are not supported, only default, linear "+
			"and llama3", kind)
	case !(s.Factor > 0), kind == "llama3" && !(s.Low > 0 && s.High > s.Low && s.Original > 0):
		return fmt.Errorf("rotary positions of type %s with factors %v, %v and %v of %v positions",
			kind, s.Factor, s.Low, s.High, s.Original)
	}
	return nil
}

// tokenNumbers are a number or a list of them.
type tokenNumbers []int

// UnmarshalJSON implements json.Unmarshaler.
func (n *tokenNumbers) UnmarshalJSON(text []byte) error {
	*n = make(tokenNumbers, 1)
	if err := json.Unmarshal(text, &(*n)[0]); err == nil {
		if string(text) == "null" {
			*n = nil
		}
		return nil
	}
	return json.Unmarshal(text, (*[]int)(n))
}

// ReadConfig reads the config.json in a model's folder, or beside its file. Where there is none
// nothing is known.
func ReadConfig(model string) (Config, error) {
	info, err := os.Stat(model)
	if err != nil {
		return Config{}, err
	}
	folder := model
	if !info.IsDir() {
		folder = filepath.Dir(model)
	}
	path := filepath.Join(folder, "config.json")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, nil
	}
	if err != nil {
		return Config{}, err
	}
	var c Config
	if err := json.Unmarshal(text, &c); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}
