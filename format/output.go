package format

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// destination is where a whole model goes.
type destination interface {
	// name is what messages call it.
	name() string
	// partial is the path of the folder for what has to wait until then; "": there is none.
	partial() string
	// write writes files, until ctx is done, and returns how many bytes those with weights have
	// together. What is no folder takes one file, whatever its name. Until they are complete they
	// are in a folder that scratch names, from which they need no copy; "": beside the output.
	write(ctx context.Context, scratch string, files ...content) (size int64, err error)
}

// content is a file to be written.
type content struct {
	name    string // in a folder
	weights bool   // it is one of the model's files
	fill    func(ctx context.Context, w io.Writer) error
}

// toWriter is a writer as a destination: what it has got when something fails is no file.
type toWriter struct{ w io.Writer }

func (t toWriter) name() string { return "output" }

func (t toWriter) partial() string { return "" }

func (t toWriter) write(ctx context.Context, _ string, files ...content) (int64, error) {
	w := &untilDone{ctx: ctx, w: t.w}
	err := files[0].fill(ctx, w)
	return w.size, at(t.name(), err)
}

// untilDone writes until ctx is done, in pieces of no more than chunkBytes.
type untilDone struct {
	ctx  context.Context
	w    io.Writer
	size int64 // written
}

func (u *untilDone) Write(p []byte) (n int, err error) {
	for n < len(p) {
		if err := u.ctx.Err(); err != nil {
			return n, err
		}
		piece := p[n:min(n+chunkBytes, len(p))]
		m, err := u.w.Write(piece)
		n, u.size = n+m, u.size+int64(m)
		if err == nil && m < len(piece) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// output is a file that appears under its name only when it is complete.
type output struct {
	path      string // as it was given
	target    string // the file that path means: where it leads, if it is a link
	overwrite bool
	old       os.FileInfo // the file that is to be replaced; nil: there is none
}

// WriteFile writes what data returns to a file that appears under its name when it is complete. It
// must be none of the sources that data reads; another file that is there is an error,
// [fs.ErrExist], unless it is to be overwritten. data is called when nothing is in the way.
func WriteFile(ctx context.Context, path string, data func() ([]byte, error), overwrite bool,
	sources ...*File) error {
	out, err := newOutput(path, overwrite, sources...)
	if err != nil {
		return err
	}
	made, err := data()
	if err != nil {
		return err
	}
	_, err = out.write(ctx, "", content{fill: fixed(made)})
	return err
}

// fixed returns a content's fill that writes data.
func fixed(data []byte) func(context.Context, io.Writer) error {
	return func(_ context.Context, w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}

// newDestination returns a file, or a folder where the output has one, see [CreateOptions].
func newDestination(path string, opts CreateOptions, source *File) (destination, error) {
	if opts.ShardSize != 0 {
		return newOutFolder(path, opts.Overwrite, source)
	}
	return newOutput(path, opts.Overwrite, source)
}

// besideOthers checks the folder that an output is to be in.
func besideOthers(path string) error {
	if info, err := os.Stat(filepath.Dir(path)); err != nil {
		return at(path, fmt.Errorf("its folder: %w", cause(err)))
	} else if !info.IsDir() {
		return at(path, fmt.Errorf("%s is no folder", filepath.Dir(path)))
	}
	return nil
}

// newOutput checks what can be checked before any work is done. No source may be the output.
func newOutput(path string, overwrite bool, sources ...*File) (*output, error) {
	if err := besideOthers(path); err != nil {
		return nil, err
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
	case slices.ContainsFunc(sources, func(f *File) bool { return f.is(info) }):
		return nil, at(path, errors.New("is the input itself"))
	case info.IsDir():
		return nil, at(path, errors.New("is a folder, expected a file"))
	case !info.Mode().IsRegular():
		return nil, at(path, errors.New("is a device or a pipe; "+onlyFiles))
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

func (o *output) name() string { return o.path }

func (o *output) partial() string { return o.target + partialExt }

// free reports an output that is there and may not be overwritten.
func (o *output) free() error {
	if o.overwrite {
		return nil
	}
	if _, err := os.Lstat(o.target); err == nil {
		return at(o.path, existsError{})
	}
	return nil
}

// existsError is [fs.ErrExist] in other words: an output file is there already and is not to be
// overwritten.
type existsError struct{}

func (existsError) Error() string { return "exists already" }

func (existsError) Is(target error) bool { return target == fs.ErrExist }

// temporary creates a file in a folder. It is no more open to others than the file that it is to
// replace.
func (o *output) temporary(folder string) (*os.File, error) {
	perm := fs.FileMode(0o666)
	if o.old != nil {
		perm = o.old.Mode().Perm()
	}
	f, err := temporaryFile(folder, perm)
	return f, at(o.path, err)
}

// temporaryFile creates a file in a folder. It is not one of os.CreateTemp, which are private to
// the user: an output gets the usual permissions.
func temporaryFile(folder string, perm fs.FileMode) (f *os.File, err error) {
	_, err = temporaryName(folder, func(name string) (err error) {
		f, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
		return err
	})
	return f, err
}

const temporaryPrefix = ".palettize-"

// temporaryName lets create make something under a name in a folder that nothing has.
func temporaryName(folder string, create func(name string) error) (string, error) {
	for {
		name := filepath.Join(folder, fmt.Sprintf(temporaryPrefix+"%08x.tmp", rand.Uint32()))
		err := create(name)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			err = fmt.Errorf("cannot write into its folder: %w", cause(err))
		}
		return name, err
	}
}

// write writes a temporary file and gives it the output's name. Whatever fails, the temporary file
// is gone.
func (o *output) write(ctx context.Context, scratch string, files ...content) (
	size int64, err error) {
	f, err := o.temporary(cmp.Or(scratch, filepath.Dir(o.target)))
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
	w := &untilDone{ctx: ctx, w: f}
	if err := files[0].fill(ctx, w); err != nil {
		return 0, err
	}
	if o.old != nil {
		// A file system without modes, or owners, is no reason to lose the file.
		_ = f.Chmod(takeOwner(f, o.old))
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	if err := f.Close(); err != nil {
		return 0, err
	}
	if err := cmp.Or(ctx.Err(), o.free()); err != nil {
		return 0, err
	}
	if err := os.Rename(f.Name(), o.target); err != nil {
		return 0, err
	}
	syncFolder(filepath.Dir(o.target))
	return w.size, nil
}

// syncFolder makes names in a folder last. What they stand for is there and whole: should the
// folder fail to sync, which not every file system can do, a power cut in the next seconds may lose
// a new name, and nothing else.
func syncFolder(path string) {
	if dir, err := os.Open(path); err == nil {
		dir.Sync()
		dir.Close()
	}
}
