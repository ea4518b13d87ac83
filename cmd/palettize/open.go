package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/format"
)

// openModel opens a model. Where none can be opened under the name, it says which name was perhaps
// meant.
func openModel(name string) (*format.File, error) {
	f, err := format.Open(name)
	return f, hintName(name, "a .safetensors file", err)
}

// openCodebook is openModel for a compressed one.
func openCodebook(ctx context.Context, name string) (*format.Codebook, error) {
	c, err := format.OpenCodebook(ctx, name)
	return c, hintName(name, "a codebook file, as palettize compress makes it,", err)
}

// hintName tells which name was perhaps meant by one that there is not, or what is needed.
func hintName(name, needed string, err error) error {
	if _, there := os.Stat(name); !errors.Is(there, fs.ErrNotExist) || err == nil {
		return err
	}
	if meant := nearby(name); meant != "" {
		return fmt.Errorf("%w; did you mean %s?", err, meant)
	}
	return fmt.Errorf("%w; %s on this machine is needed, or a folder with one", err, needed)
}

// inFolder is a model of one file or of a folder.
type inFolder interface{ Folder() bool }

// besideModel is the name of an output beside the model that was opened by this path: for a file,
// with a prefix and another ending; for a folder, with an ending in place of .pal.
func besideModel(of inFolder, path, prefix, fileExt, folderExt string) string {
	base := filepath.Base(path)
	if !of.Folder() {
		stem := strings.TrimSuffix(base, filepath.Ext(base))
		return filepath.Join(filepath.Dir(path), prefix+stem+fileExt)
	}
	if strings.HasSuffix(path, ".json") { // an index in it
		path = filepath.Dir(path)
	}
	if base := filepath.Base(path); base == "." || base == ".." { // which are no names
		if whole, err := filepath.Abs(path); err == nil {
			path = whole
		}
	}
	return strings.TrimSuffix(filepath.Clean(path), ".pal") + folderExt
}

// warnHeader says of a model that was written that not all programs read it.
func warnHeader(env *env, name string) error {
	f, err := format.Open(name)
	if err != nil {
		return err
	}
	const most = 25_000_000
	if n := f.HeaderSize(); n > most {
		env.warn("%s: its header takes %s bytes; huggingface_hub and its JavaScript library refuse "+
			"more than %s", name, grouped(n), grouped(int64(most)))
	}
	return f.Close()
}

// defaultShardSize is that of Hugging Face's libraries of today.
const defaultShardSize = 5_000_000_000

func addShardFlags(f *pflag.FlagSet, size *byteSize, single *bool) {
	*size = defaultShardSize
	f.Var(size, "shard-size", "most that a file of a folder is to take")
	f.BoolVar(single, "single", false, "write one file, of a folder too")
}

// shardSize is that of the output, 0 where it is to be one file.
func shardSize(of inFolder, size byteSize, single bool) int64 {
	if single || !of.Folder() {
		return 0
	}
	return int64(size)
}

// nearby returns a file that was perhaps meant by a name that there is not: one beside it with
// nearly this name, or with this name and the ending that it lacks. "": there is none.
func nearby(name string) string {
	folder, err := os.Open(filepath.Dir(name))
	if err != nil {
		return ""
	}
	defer folder.Close()
	const most = 10_000 // in one folder, enough for a hint
	names, _ := folder.Readdirnames(most)
	var models []string
	for _, n := range names {
		if ext := filepath.Ext(n); ext == ".safetensors" || ext == ".pal" {
			models = append(models, n)
		}
	}
	meant := similar(filepath.Base(name), models)
	for _, ext := range []string{".pal", ".safetensors"} {
		if whole := filepath.Base(name) + ext; slices.Contains(models, whole) {
			meant = whole
		}
	}
	if meant == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(name), meant)
}

// inOrder returns an error if a codebook and its model are given the wrong way round.
func inOrder(book, model string) error {
	isBook := func(name string) bool {
		f, err := format.Open(name)
		if err != nil {
			return false // what is wrong with it will be said when it is its turn
		}
		defer f.Close()
		return format.IsCodebook(f)
	}
	if !isBook(book) && isBook(model) {
		return fmt.Errorf("%s: is an ordinary safetensors file, and %s the codebook file: "+
			"the codebook file goes first", book, model)
	}
	return nil
}

// readText reads a file that is no model.
func readText(name string) ([]byte, error) {
	text, err := os.ReadFile(name)
	var path *fs.PathError
	if errors.As(err, &path) { // which begins with the system call
		return nil, fmt.Errorf("%s: %w", name, path.Err)
	}
	return text, err
}

// inFile names the file of an error of the library's, which knows tensors only, and the flag that
// helps.
func inFile(name string, err error) error {
	var corrupt *format.CorruptError
	if errors.As(err, &corrupt) {
		return corrupt
	}
	var bad *codebook.NotFiniteError
	if errors.As(err, &bad) {
		const help = "--allow-nonfinite passthrough keeps such tensors as they are"
		return fmt.Errorf("%s: %w; %s", name, err, help)
	}
	return fmt.Errorf("%s: %w", name, err)
}
