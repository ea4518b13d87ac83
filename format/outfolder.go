package format

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// outFolder is a folder that appears under its name only when all that is to be in it is there. The
// source's folder, if it has one, gives it its other files.
type outFolder struct {
	path      string // as it was given
	target    string // the folder that path means: where it leads, if it is a link
	source    *File
	overwrite bool
}

// newOutFolder checks what can be checked before any work is done.
func newOutFolder(path string, overwrite bool, source *File) (*outFolder, error) {
	if err := besideOthers(filepath.Clean(path)); err != nil {
		return nil, err
	}
	target, err := resolved(path)
	if errors.Is(err, fs.ErrNotExist) {
		target, err = resolved(filepath.Dir(filepath.Clean(path)))
		target = filepath.Join(target, filepath.Base(path))
	}
	if err != nil {
		return nil, at(path, err)
	}
	o := &outFolder{path: path, target: target, source: source, overwrite: overwrite}
	if in := source.folder; in != nil {
		home, err := resolved(in.path)
		switch {
		case err != nil:
			return nil, at(in.path, err)
		case home == target:
			return nil, at(path, errors.New("is the input itself"))
		case within(target, home):
			return nil, at(path, fmt.Errorf("is in the input, %s", in.path))
		case within(home, target):
			return nil, at(path, fmt.Errorf("has the input in it, %s", in.path))
		}
	}
	if err := o.free(); err != nil {
		return nil, err
	}
	return o, source.others(func(string, string) error { return nil })
}

func (o *outFolder) name() string { return o.path }

func (o *outFolder) partial() string { return o.target + partialExt }

// free reports a folder that is there and may not be replaced. One that is empty may, and one that
// is to be overwritten if it holds models, and files that the new one will have too, and nothing
// else that would be lost.
func (o *outFolder) free() error {
	names, err := os.ReadDir(o.target)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(names) == 0:
		return nil
	case err != nil:
		if info, _ := os.Stat(o.target); info != nil && !info.IsDir() {
			err = errors.New("is a file, expected a folder")
		}
		return at(o.path, err)
	case !o.overwrite:
		return at(o.path, existsError{})
	}
	given := make(map[string]bool) // files and folders
	err = o.source.others(func(name, _ string) error {
		top, _, _ := strings.Cut(filepath.ToSlash(name), "/")
		given[top] = true
		return nil
	})
	if err != nil {
		return err
	}
	models := false
	for _, e := range names {
		switch ext := filepath.Ext(strings.TrimSuffix(e.Name(), indexExt)); {
		case !e.IsDir() && (ext == codebookExt || ext == modelExt):
			models = true
		case !given[e.Name()]:
			return at(o.path, fmt.Errorf("holds %s, which is no part of a model and would be lost: "+
				"move it away first, or name another folder", quote(e.Name())))
		}
	}
	if !models {
		return at(o.path, errors.New("holds no model that could be overwritten: "+
			"name another folder"))
	}
	return nil
}

// write writes a temporary folder and gives it the output's name. Whatever fails, that folder is
// gone, and another one that was there is as it was. Files of the source that are not among these
// are copied.
func (o *outFolder) write(ctx context.Context, scratch string, files ...content) (
	size int64, err error) {
	scratch = cmp.Or(scratch, filepath.Dir(o.target))
	make := func(name string) error { return os.Mkdir(name, 0o777) }
	temporary, err := temporaryName(scratch, make)
	if err != nil {
		return 0, at(o.path, err)
	}
	defer func() {
		if err != nil {
			err = at(o.path, errors.Join(err, os.RemoveAll(temporary)))
		}
	}()
	for _, c := range files {
		n, err := writeInto(ctx, temporary, c)
		if err != nil {
			return 0, err
		}
		if c.weights {
			size += n
		}
	}
	err = o.source.others(func(name, path string) error {
		if slices.ContainsFunc(files, func(c content) bool { return c.name == name }) {
			return nil
		}
		_, err := writeInto(ctx, temporary, content{name: name, fill: copied(path)})
		return err
	})
	if err != nil {
		return 0, err
	}
	syncFolder(temporary)
	if err := cmp.Or(ctx.Err(), o.free()); err != nil {
		return 0, err
	}
	return size, o.replace(temporary, scratch)
}

// writeInto writes a file of a folder.
func writeInto(ctx context.Context, folder string, c content) (size int64, err error) {
	path := filepath.Join(folder, c.name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return 0, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return 0, err
	}
	w := &untilDone{ctx: ctx, w: f}
	if err := c.fill(ctx, w); err != nil {
		return 0, errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return 0, errors.Join(err, f.Close())
	}
	return w.size, f.Close()
}

// replace gives a folder the output's name. A folder that has it goes only when this one is there,
// and is in scratch until then.
func (o *outFolder) replace(temporary, scratch string) error {
	parent := filepath.Dir(o.target)
	if err := os.Remove(o.target); err == nil || errors.Is(err, fs.ErrNotExist) { // it was empty
		err = os.Rename(temporary, o.target)
		syncFolder(parent)
		return err
	}
	old, err := temporaryName(scratch, func(name string) error {
		return os.Rename(o.target, name)
	})
	if err != nil {
		return err
	}
	if err := os.Rename(temporary, o.target); err != nil {
		return errors.Join(err, os.Rename(old, o.target))
	}
	syncFolder(parent)
	return os.RemoveAll(old)
}

// weightExts are endings of files with the weights of a model in other formats.
var weightExts = []string{
	".bin", ".ckpt", ".gguf", ".h5", ".mlmodel", ".msgpack", ".npz", ".onnx", ".onnx_data", ".ot",
	".pb", ".pt", ".pth", ".tflite",
}

// others walks through the files of the source's folder that are no weights, by their path in it.
// Names that begin with a dot are left out, and so are weights: the model's own, other safetensors
// files beside it, and files of other formats.
func (f *File) others(do func(name, path string) error) error {
	if f.folder == nil {
		return nil
	}
	root := f.folder.path
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return at(path, err)
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return at(path, err)
		}
		ext := strings.ToLower(filepath.Ext(strings.TrimSuffix(name, indexExt)))
		top := filepath.Dir(name) == "."
		switch {
		case strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir(), slices.Contains(weightExts, ext),
			top && (ext == modelExt || ext == codebookExt):
			return nil
		case d.Type()&fs.ModeSymlink != 0:
			if err := f.folder.leads(name); err != nil {
				return at(root, err)
			}
			if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
				return at(path, cmp.Or(err, errors.New("is a link to no file: remove it")))
			}
		case !d.Type().IsRegular():
			return at(path, errors.New("is a device or a pipe"))
		}
		return do(name, path)
	})
}

// copied returns a content's fill that copies a file.
func copied(path string) func(ctx context.Context, w io.Writer) error {
	return func(_ context.Context, w io.Writer) error {
		r, size, err := openRegular(path)
		if err != nil {
			return err
		}
		defer r.Close()
		n, err := io.Copy(w, r)
		if err == nil && n != size {
			err = fmt.Errorf("changed while it was read: it had %d bytes, then %d", size, n)
		}
		return at(path, err)
	}
}
