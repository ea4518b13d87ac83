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
	Tied          *bool        `json:"tie_word_embeddings"`
	SlidingWindow *int         `json:"sliding_window"`
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

// ropeScaling says how the rotary positions of a long context are made of those of a shorter one.
type ropeScaling struct {
	Theta    float64 `json:"rope_theta"`
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
