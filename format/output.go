package format

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// output is a file that appears under its name only when it is complete.
type output struct {
	path      string // as it was given
	target    string // the file that path means: where it leads, if it is a link
	overwrite bool
	old       os.FileInfo // the file that is to be replaced; nil: there is none
}

// WriteFile writes data to a file that appears under its name only when it is complete. It must not
// be source, which data was made from; another file that is there is an [ExistsError] unless it is
// to be overwritten.
func WriteFile(path string, data []byte, source *File, overwrite bool) error {
	out, err := newOutput(path, overwrite, source.info)
	if err != nil {
		return err
	}
	_, err = out.write(func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
	return err
}

// newOutput checks what can be checked before any work is done. source must not be the output.
func newOutput(path string, overwrite bool, source os.FileInfo) (*output, error) {
	if info, err := os.Stat(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("%s: its folder: %w", path, cause(err))
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s: %s is no folder", path, filepath.Dir(path))
	}
	o := &output{path: path, target: path, overwrite: overwrite}
	info, err := os.Lstat(path)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		o.target, info, err = follow(path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return o, nil
	case err != nil:
		return nil, at(path, err)
	case os.SameFile(info, source):
		return nil, fmt.Errorf("%s: is the input itself", path)
	case info.IsDir():
		return nil, fmt.Errorf("%s: is a folder, expected a file", path)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: is a device or a pipe; %s", path, onlyFiles)
	}
	o.old = info
	return o, o.free()
}

// onlyFiles is why an output is nothing else.
const onlyFiles = "an output appears when it is complete, which only a file can do"

// follow returns the file that a link leads to: it is this that is written, and the link stays.
func follow(path string) (target string, info fs.FileInfo, err error) {
	link, err := os.Readlink(path)
	if err != nil {
		return "", nil, err
	}
	info, err = os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil, fmt.Errorf("is a link to %s, where nothing is: "+
			"name the file itself, or remove the link", link)
	case err != nil:
		return "", nil, err
	case !info.IsDir() && !info.Mode().IsRegular():
		return "", nil, fmt.Errorf("is a link to %s, a device or a pipe; %s", link, onlyFiles)
	}
	target, err = filepath.EvalSymlinks(path)
	return target, info, err
}

// free reports an output that is there and may not be overwritten.
func (o *output) free() error {
	if o.overwrite {
		return nil
	}
	if _, err := os.Lstat(o.target); err == nil {
		return &ExistsError{o.path}
	}
	return nil
}

// ExistsError says that an output file is there already and was not to be overwritten.
type ExistsError struct{ Path string }

func (e *ExistsError) Error() string { return e.Path + ": exists already" }

// Is makes an ExistsError a [fs.ErrExist].
func (e *ExistsError) Is(target error) bool { return target == fs.ErrExist }

// temporary creates a file beside the output, where renaming needs no copy. It is no more open to
// others than the file that it is to replace.
func (o *output) temporary() (*os.File, error) {
	// Not os.CreateTemp, whose files are private to the user: the output gets the usual
	// permissions.
	perm := fs.FileMode(0o666)
	if o.old != nil {
		perm = o.old.Mode().Perm()
	}
	for {
		name := filepath.Join(filepath.Dir(o.target), fmt.Sprintf(".palettize-%08x.tmp", rand.Uint32()))
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: cannot write into its folder: %w", o.path, cause(err))
		}
		return f, nil
	}
}

// write fills the temporary file and gives it the output's name. Whatever fails, the temporary file
// is gone.
func (o *output) write(fill func(f *os.File) error) (size int64, err error) {
	f, err := o.temporary()
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = at(o.path, err)
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := fill(f); err != nil {
		return 0, err
	}
	if o.old != nil {
		// A file system without modes, or owners, is no reason to lose the file.
		_ = f.Chmod(takeOwner(f, o.old))
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if err := f.Close(); err != nil {
		return 0, err
	}
	if err := o.free(); err != nil {
		return 0, err
	}
	if err := os.Rename(f.Name(), o.target); err != nil {
		return 0, err
	}
	// The file is there and whole. Should the folder fail to sync, which not every file system can
	// do, a power cut in the next seconds may lose the new name, and nothing else.
	if dir, err := os.Open(filepath.Dir(o.target)); err == nil {
		dir.Sync()
		dir.Close()
	}
	return info.Size(), nil
}
