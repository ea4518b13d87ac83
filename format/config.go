package format

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The configuration of a model in a folder, as Hugging Face's libraries read it. What it says of
// quantisation decides how they load the weights: in the folder of a codebook file it names
// palettize, so that they refuse what they do not know instead of filling in what they miss.

const (
	configName     = "config.json"
	quantisationOf = `"quantization_config"`
	original       = `"original_` // what that becomes begins with this
	mark           = "\n  " + quantisationOf + ": {\n    \"quant_method\": \"palettize\"\n  }"
)

// config is the configuration of the source, edited, as a file of the output; none where the source
// has none.
func (f *File) config(edit func([]byte) []byte) ([]content, error) {
	text, err := f.folder.config()
	if text == nil || err != nil {
		return nil, err
	}
	return []content{{name: configName, fill: fixed(edit(text))}}, nil
}

// config reads the configuration in the folder, nil where there is none.
func (in *folder) config() ([]byte, error) {
	if in == nil {
		return nil, nil
	}
	path := filepath.Join(in.path, configName)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err := in.leads(configName); err != nil {
		return nil, at(in.path, err)
	}
	text, err := readText(path)
	return text, at(path, err)
}

// markConfig says in a configuration that the weights are a codebook file's. What else there is
// stays as it is, bit for bit, but for the name of what it says of quantisation itself. A file that
// is no JSON object stays as it is altogether.
func markConfig(text []byte) []byte {
	if !isObject(text) {
		return text
	}
	text = renameKeys(text, func(key string) string {
		if key == quantisationOf || wasQuantisation(key) {
			return original + key[1:]
		}
		return key
	})
	start, rest, _ := bytes.Cut(text, []byte("{"))
	comma := []byte(",")
	if bytes.HasPrefix(bytes.TrimLeft(rest, white), []byte("}")) {
		comma = nil
	}
	return bytes.Join([][]byte{start, []byte("{"), []byte(mark), comma, rest}, nil)
}

// unmarkConfig undoes markConfig.
func unmarkConfig(text []byte) []byte {
	start, rest, _ := bytes.Cut(text, []byte("{"))
	rest, ok := bytes.CutPrefix(rest, []byte(mark))
	if !ok || !isObject(text) {
		return text
	}
	if after := bytes.TrimLeft(rest, white); bytes.HasPrefix(after, []byte(",")) {
		rest = after[1:]
	}
	text = bytes.Join([][]byte{start, []byte("{"), rest}, nil)
	return renameKeys(text, func(key string) string {
		if wasQuantisation(key) {
			return `"` + key[len(original):]
		}
		return key
	})
}

// wasQuantisation reports whether markConfig has put its word before a key: a configuration may
// have such a key of its own, before which there is another one then.
func wasQuantisation(key string) bool {
	for strings.HasPrefix(key, original) {
		key = `"` + key[len(original):]
		if key == quantisationOf {
			return true
		}
	}
	return false
}

// unquantisedConfig is unmarkConfig for weights that were quantised before and are no more.
func unquantisedConfig(text []byte) []byte {
	text = unmarkConfig(text)
	for _, m := range slices.Backward(members(text)) {
		if m.key != quantisationOf {
			continue
		}
		head, tail := text[:m.begin], text[m.end:]
		if after := bytes.TrimLeft(tail, white); bytes.HasPrefix(after, []byte(",")) {
			tail = bytes.TrimLeft(after[1:], white)
		} else { // it was the last: the comma before it goes
			head = bytes.TrimRight(head, white)
			head = bytes.TrimSuffix(head, []byte(","))
		}
		text = bytes.Join([][]byte{head, tail}, nil)
	}
	return text
}

// white is the white space of JSON.
const white = " \t\r\n"

// isObject reports whether a text is a JSON object.
func isObject(text []byte) bool {
	return json.Valid(text) && bytes.HasPrefix(bytes.TrimLeft(text, white), []byte("{"))
}

// member is a key of a JSON object and its value.
type member struct {
	key        string // in quotes, as in the text
	begin, end int    // in the text, of the key and of the value
	value      json.RawMessage
}

// members lists what a text has that is a JSON object, nil where it is none.
func members(text []byte) (list []member) {
	if !isObject(text) {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.Token() // the brace
	for d.More() {
		before := d.InputOffset()
		d.Token()
		m := member{end: int(d.InputOffset())}
		m.key = string(bytes.TrimLeft(text[before:m.end], white+","))
		m.begin = m.end - len(m.key)
		d.Decode(&m.value) // which is valid, as all of the text is
		m.end = int(d.InputOffset())
		list = append(list, m)
	}
	return list
}

// renameKeys renames keys of a JSON object. They are in quotes, as in the text.
func renameKeys(text []byte, rename func(key string) string) []byte {
	var renamed []byte
	end := 0
	for _, m := range members(text) {
		renamed = append(append(renamed, text[end:m.begin]...), rename(m.key)...)
		end = m.begin + len(m.key)
	}
	return append(renamed, text[end:]...)
}

// quantisation is what a configuration says of the weights of the original.
type quantisation struct {
	Method string `json:"quant_method"`
	Block  *[]int `json:"weight_block_size"`
}

// quantisation reads the configuration of the original, marked or not; the zero value where it says
// nothing, or nothing that is known.
func (in *folder) quantisation() (q quantisation, err error) {
	text, err := in.config()
	for _, m := range members(unmarkConfig(text)) {
		if m.key == quantisationOf {
			_ = json.Unmarshal(m.value, &q) // of another form: of another kind
		}
	}
	return q, err
}

// eightBit reports whether the weights were 8-bit floats with the scales of blocks.
func (q quantisation) eightBit() bool { return q.Method == "fp8" && q.Block != nil }
