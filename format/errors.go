package format

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/palettize/palettize/codebook"
)

// ErrNotCodebook says that a file is a safetensors file like any other, not a codebook file.
var ErrNotCodebook = errors.New("is an ordinary safetensors file, not a codebook file " +
	"(palettize compress makes one of it)")

// VersionError says that a codebook file is of a version that this package does not read. The file
// itself is not damaged: its header has the right checksum.
type VersionError struct {
	Path     string // as in CorruptError
	Version  string // as the file has it
	Producer string // name and version of the program that made the file
	Newest   int    // this package reads versions 1 to this
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s: codebook file of version %s, made by %s: "+
		"this program reads versions 1 to %d, get a newer one",
		e.Path, quote(e.Version), quote(e.Producer), e.Newest)
}

// CorruptError says what is wrong with the content of a file, and where. One that is about a tensor
// is a [codebook.TensorError] too.
type CorruptError struct {
	Path   string // that the file was opened with, or the name that NewFile was given
	Tensor string // the tensor's name, "header", or "file" for the file as a whole
	Offset int64  // in the file, from its first byte
	Reason string
	Err    error // behind the reason, such as io.ErrUnexpectedEOF of a file that has shrunk; or nil
}

func (e *CorruptError) Error() string {
	where := e.Tensor
	switch where {
	case wholeFile:
		return fmt.Sprintf("%s: %s", e.Path, e.Reason)
	case header:
	default:
		where = "tensor " + quote(e.Tensor)
	}
	return fmt.Sprintf("%s: %s: offset %d: %s", e.Path, where, e.Offset, e.Reason)
}

// Unwrap returns Err.
func (e *CorruptError) Unwrap() error { return e.Err }

// As makes the error a [codebook.TensorError] where it is about a tensor.
func (e *CorruptError) As(target any) bool {
	named, ok := target.(**codebook.TensorError)
	if !ok || e.Tensor == wholeFile || e.Tensor == header {
		return false
	}
	*named = &codebook.TensorError{Tensor: e.Tensor, Err: e}
	return true
}

// quote quotes a name of a file for a message, in one line that is not too long.
func quote(name string) string {
	if len(name) > 120 {
		return fmt.Sprintf("%q...", name[:120])
	}
	return fmt.Sprintf("%q", name)
}

// What stands for the tensor's name in a CorruptError that is about no single tensor.
const (
	header    = "header"
	wholeFile = "file"
)

// fileError names the file that an error is about.
type fileError struct {
	path string
	err  error
}

func (e *fileError) Error() string { return e.path + ": " + e.err.Error() }
func (e *fileError) Unwrap() error { return e.err }

// at names the file of an error that was found below the level that knows paths. An error that
// names its file already, perhaps another one, stays as it is.
func at(path string, err error) error {
	if corrupt := new(CorruptError); errors.As(err, &corrupt) && corrupt.Path == "" {
		named := *corrupt
		named.Path = path
		return &named
	}
	if err == nil || errors.As(err, new(*fileError)) || errors.As(err, new(*CorruptError)) {
		return err
	}
	return &fileError{path, cause(err)}
}

// atTensor names the file and the tensor of an error.
func atTensor(path, tensor string, err error) error {
	return at(path, &codebook.TensorError{Tensor: tensor, Err: cause(err)})
}

// cause takes the path off what the operating system says: it is perhaps that of a temporary file.
// What wraps such an error stays as it is.
func cause(err error) error {
	switch err := any(err).(type) {
	case *fs.PathError:
		return err.Err
	case *os.LinkError:
		return err.Err
	}
	return err
}

// describe is how messages show a dtype and a shape: F32 [3, 4].
func describe(t codebook.Tensor) string { return t.DType + " " + shapeText(t.Shape) }

func shapeText(shape []int) string {
	return strings.ReplaceAll(fmt.Sprint(shape), " ", ", ")
}
