package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/format"
)

// openModel opens a safetensors file. Where none can be opened under the name, it says which name
// was perhaps meant.
func openModel(name string) (*format.File, error) {
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return nil, fmt.Errorf("%s: is a folder; %s", name, inFolder(name))
	case err == nil && strings.HasSuffix(name, ".index.json"):
		return nil, fmt.Errorf("%s: lists the shards of a model; a single .safetensors file is "+
			"needed, such as one of them", name)
	}
	f, err := format.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		if meant := nearby(name); meant != "" {
			return nil, fmt.Errorf("%w; did you mean %s?", err, meant)
		}
		return nil, fmt.Errorf("%w; a .safetensors file on this machine is needed", err)
	}
	return f, err
}

// warnHeader says of a file that was written that not all programs read it.
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

// inFolder says which file of a folder to name.
func inFolder(folder string) string {
	const extension = ".safetensors"
	files, err := filepath.Glob(filepath.Join(globbed(folder), "*"+extension))
	switch {
	case err != nil || len(files) == 0:
		return "a single " + extension + " file is needed, there is none in it"
	case len(files) == 1:
		return "name the file in it: " + files[0]
	}
	return fmt.Sprintf("name one of the %d %s files in it, such as %s",
		len(files), extension, files[0])
}

// globbed is a path as a pattern that matches nothing else.
func globbed(path string) string {
	return strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]").Replace(path)
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
		if filepath.Ext(n) == ".safetensors" {
			models = append(models, n)
		}
	}
	meant := similar(filepath.Base(name), models)
	if whole := filepath.Base(name) + ".safetensors"; slices.Contains(models, whole) {
		meant = whole
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
