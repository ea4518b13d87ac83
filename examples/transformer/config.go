package transformer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Config has what the shapes of a model's tensors do not say, as in its config.json. A field that is
// 0 or "" there is unknown.
type Config struct {
	Type       string  `json:"model_type"`
	Activation string  `json:"hidden_act"`
	Positions  string  `json:"position_embedding_type"`
	Width      int     `json:"hidden_size"`
	Layers     int     `json:"num_hidden_layers"`
	Heads      int     `json:"num_attention_heads"`
	Epsilon    float32 `json:"layer_norm_eps"` // of a LayerNorm
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
