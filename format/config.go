package format

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// The configuration of a model in a folder, as Hugging Face's libraries read it. What it says of
// quantisation decides how they load the weights: in the folder of a codebook file it names
// palettize, so that they refuse what they do not know instead of filling in what they miss.

const (
	configName     = "config.json"
	quantisationOf = `"quantization_config"`
	originalsOf    = `"original_quantization_config"`
	mark           = "\n  " + quantisationOf + ": {\n    \"quant_method\": \"palettize\"\n  }"
)

// config is the configuration of the source, edited, as a file of the output; none where the source
// has none.
func (f *File) config(edit func([]byte) []byte) ([]content, error) {
	if f.folder == nil {
		return nil, nil
	}
	path := filepath.Join(f.folder.path, configName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return []content{{name: configName, fill: fixed(edit(text))}}, at(path, err)
}

// markConfig says in a configuration that the weights are a codebook file's. What else there is
// stays as it is, bit for bit, but for the name of what it says of quantisation itself. A file that
// is no JSON object stays as it is altogether.
func markConfig(text []byte) []byte {
	if !json.Valid(text) || !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) {
		return text
	}
	text = renameKey(text, quantisationOf, originalsOf)
	start, rest, _ := bytes.Cut(text, []byte("{"))
	comma := []byte(",")
	if bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte("}")) {
		comma = nil
	}
	return bytes.Join([][]byte{start, []byte("{"), []byte(mark), comma, rest}, nil)
}

// unmarkConfig undoes markConfig.
func unmarkConfig(text []byte) []byte {
	start, rest, _ := bytes.Cut(text, []byte("{"))
	rest, ok := bytes.CutPrefix(rest, []byte(mark))
	if !ok {
		return text
	}
	rest = bytes.TrimPrefix(rest, []byte(","))
	text = bytes.Join([][]byte{start, []byte("{"), rest}, nil)
	return renameKey(text, originalsOf, quantisationOf)
}

// unquantisedConfig is unmarkConfig for weights that were quantised before and are no more.
func unquantisedConfig(text []byte) []byte {
	text = unmarkConfig(text)
	begin, end, _, ok := findKey(text, quantisationOf)
	if !ok {
		return text
	}
	head, tail := text[:begin], text[end:]
	if after := bytes.TrimLeft(tail, white); bytes.HasPrefix(after, []byte(",")) {
		tail = bytes.TrimLeft(after[1:], white)
	} else { // it was the last: the comma before it goes
		head = bytes.TrimRight(head, white)
		head = bytes.TrimSuffix(head, []byte(","))
	}
	return bytes.Join([][]byte{head, tail}, nil)
}

// white is the white space of JSON.
const white = " \t\r\n"

// findKey finds a key of a JSON object, in quotes as in the text: where it begins, where its value
// ends, and the value.
func findKey(text []byte, key string) (begin, end int, value json.RawMessage, ok bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil { // the brace
		return 0, 0, nil, false
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return 0, 0, nil, false
		}
		after := int(d.InputOffset())
		if err := d.Decode(&value); err != nil {
			return 0, 0, nil, false
		}
		if s, _ := name.(string); `"`+s+`"` == key && bytes.HasSuffix(text[:after], []byte(key)) {
			return after - len(key), int(d.InputOffset()), value, true
		}
	}
	return 0, 0, nil, false
}

// renameKey renames a key of a JSON object.
func renameKey(text []byte, from, to string) []byte {
	begin, _, _, ok := findKey(text, from)
	if !ok {
		return text
	}
	return bytes.Join([][]byte{text[:begin], []byte(to), text[begin+len(from):]}, nil)
}

// quantisation is what a configuration says of the weights of the original.
type quantisation struct {
	Method string `json:"quant_method"`
	Block  *[]int `json:"weight_block_size"`
}

// quantisation reads the configuration of the original, marked or not; the zero value where it says
// nothing, or nothing that is known.
func (in *folder) quantisation() (q quantisation, err error) {
	if in == nil {
		return q, nil
	}
	path := filepath.Join(in.path, configName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return q, nil
	}
	if err != nil {
		return q, at(path, err)
	}
	if _, _, value, ok := findKey(unmarkConfig(text), quantisationOf); ok {
		_ = json.Unmarshal(value, &q) // of another form: of another kind
	}
	return q, nil
}

// eightBit reports whether the weights were 8-bit floats with the scales of blocks.
func (q quantisation) eightBit() bool { return q.Method == "fp8" && q.Block != nil }
