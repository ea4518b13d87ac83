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

// renameKey renames a key of a JSON object. Keys are in quotes, as in the text.
func renameKey(text []byte, from, to string) []byte {
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil { // the brace
		return text
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return text
		}
		end := int(d.InputOffset())
		if name, ok := key.(string); ok && `"`+name+`"` == from &&
			bytes.HasSuffix(text[:end], []byte(from)) {
			head := text[:end-len(from)]
			return bytes.Join([][]byte{head, []byte(to), text[end:]}, nil)
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return text
		}
	}
	return text
}
