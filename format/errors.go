package format

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// CorruptError says what is wrong with the content of a file, and where.
type CorruptError struct {
	Path   string // as it was given to Open
	Tensor string // the tensor's name, "header", or "file" for the file as a whole
	Offset int64  // in the file, from its first byte
	Reason string
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
