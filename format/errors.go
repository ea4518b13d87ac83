package format

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// CorruptError says what is wrong with the content of a file, and where.
type CorruptError struct {
	Path   string // as it was given to Open
	Tensor string // the tensor's name, or "header"
	Offset int64  // in the file, from its first byte
	Reason string
}

func (e *CorruptError) Error() string {
	where := e.Tensor
	if where != header {
		where = "tensor " + quote(e.Tensor)
	}
	return fmt.Sprintf("%s: %s: offset %d: %s", e.Path, where, e.Offset, e.Reason)
}

// quote quotes a name of a file for a message, in one line that is not too long.
func quote(name string) string {
	if len(name) > 120 {
		return fmt.Sprintf("%q...", name[:120])
	}
	return fmt.Sprintf("%q", name)
}

// header stands for the tensor's name in a CorruptError that is about no single tensor.
const header = "header"

// at names the file of an error that was found below the level that knows paths.
func at(path string, err error) error {
	var corrupt *CorruptError
	if errors.As(err, &corrupt) {
		if corrupt.Path == "" {
			corrupt.Path = path
		}
		return err
	}
	var exists *ExistsError
	if errors.As(err, &exists) {
		return err
	}
	return fmt.Errorf("%s: %w", path, cause(err))
}

// cause takes the path off what the operating system says: it is perhaps that of a temporary file.
func cause(err error) error {
	var pathErr *fs.PathError
	var linkErr *os.LinkError
	switch {
	case errors.As(err, &pathErr):
		return pathErr.Err
	case errors.As(err, &linkErr):
		return linkErr.Err
	}
	return err
}

// foreign is a kind of file that people take for a safetensors file.
type foreign struct {
	looks, instead string
	magic          []string // any of these at the start
	ext            []string // or, where the start says nothing, any of these endings of the name
}

const (
	fromTorch = "convert it to safetensors first (in Python: safetensors.torch.save_file(torch.load(FILE, weights_only=True), OUT))"
	fromGGUF  = "its weights are quantised already: get the model's original .safetensors file"
	fromONNX  = "export the model's weights as safetensors first"
)

var foreigners = []foreign{
	{"a PyTorch checkpoint (zip archive)", fromTorch, []string{"PK\x03\x04"}, nil},
	{"a PyTorch checkpoint (pickle)", fromTorch, []string{"\x80\x02", "\x80\x03", "\x80\x04", "\x80\x05"}, nil},
	{"a GGUF file", fromGGUF, []string{"GGUF"}, []string{".gguf"}},
	{"an HDF5 file", "convert it to safetensors first", []string{"\x89HDF"}, []string{".h5", ".hdf5"}},
	{"a NumPy file", "convert it to safetensors first (in Python: safetensors.numpy.save_file)", []string{"\x93NUMPY"}, []string{".npy", ".npz"}},
	{"a Git LFS pointer, not the model itself", "fetch the model (git lfs pull)", []string{"version https://git-lfs"}, nil},
	{"a web page", "download the model itself", []string{"<!DOCTYPE", "<!doctype", "<html"}, []string{".html"}},
	{"JSON text", "give the .safetensors file itself", []string{"{"}, []string{".json"}},
	{"an ONNX model", fromONNX, nil, []string{".onnx"}},
	{"a PyTorch checkpoint", fromTorch, nil, []string{".bin", ".pt", ".pth", ".ckpt"}},
}

// alien explains a file that is no safetensors file but looks like something else, nil where it
// looks like nothing known. start is how the file begins.
func alien(path string, start []byte) error {
	says := func(f foreign) error {
		return fmt.Errorf("%s: looks like %s, not a safetensors file: %s", path, f.looks, f.instead)
	}
	// A damaged safetensors file is not to be taken for another kind: its length may begin with the
	// bytes of a pickle.
	length := len(start) >= 8 && binary.LittleEndian.Uint64(start) <= maxHeader
	if length && len(start) > 8 && start[8] == '{' {
		return nil
	}
	for _, f := range foreigners {
		for _, magic := range f.magic {
			if !length && bytes.HasPrefix(start, []byte(magic)) {
				return says(f)
			}
		}
	}
	ext := strings.ToLower(filepath.Ext(path))
	for _, f := range foreigners {
		if slices.Contains(f.ext, ext) {
			return says(f)
		}
	}
	return nil
}
