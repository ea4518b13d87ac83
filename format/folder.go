package format

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Endings of file names: those of models, of codebook files, and what follows them in the name of
// an index.
const (
	modelExt    = ".safetensors"
	codebookExt = ".pal"
	indexExt    = ".index.json"
)

// stem is what the names of a model's files begin with, in folders that loaders know.
const stem = "model"

// folder is where a model lies that was opened as a folder, or by an index.
type folder struct {
	path  string
	index string   // name of the index in it; "": there is none
	files []string // names of the model's files in it
}

// index says which file has which tensor, as Hugging Face's libraries write it for models in
// several files.
type index struct {
	Metadata  indexMetadata     `json:"metadata"`
	WeightMap map[string]string `json:"weight_map"` // names of files by those of tensors
}

type indexMetadata struct {
	TotalSize any `json:"total_size,omitempty"` // bytes of all tensors; nothing relies on it
	// Headers has the checksums of the headers of codebook files, by their names: these cover all
	// that is in the files, so that none is taken for one of another model.
	Headers map[string]string `json:"palettize_headers,omitempty"`
}

// openFolder opens the model in a folder: that with the first of the endings that there is.
func openFolder(path string, endings []string) (*File, error) {
	names, err := fileNames(path)
	if err != nil {
		return nil, at(path, err)
	}
	for _, ext := range endings {
		files, err := choose(path, names, ext)
		switch {
		case err != nil:
			return nil, at(path, err)
		case files == nil:
			continue
		case strings.HasSuffix(files[0], indexExt):
			f, err := openIndex(filepath.Join(path, files[0]))
			if err == nil {
				f.path = path
			}
			return f, err
		}
		return (&folder{path: path, files: files}).open(path)
	}
	hint := cmp.Or(elsewhere(path), otherForm(names))
	return nil, at(path, fmt.Errorf("is a folder without a %s file%s", endings[0], hint))
}

// fileNames lists the files of a folder, and links, by name.
func fileNames(path string) ([]string, error) {
	all, err := os.ReadDir(path)
	var names []string
	for _, e := range all {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// numbered is the name of one of several files of a model.
var numbered = regexp.MustCompile(`^(.+)-([0-9]{5})-of-([0-9]{5})(\.[a-z]+)$`)

// choose returns the names of the files of a model with this ending in a folder of these names, or
// of its index alone; nil: there is none.
func choose(path string, names []string, ext string) ([]string, error) {
	if slices.Contains(names, stem+ext) {
		return []string{stem + ext}, nil
	}
	ending := func(ext string) (found []string) {
		for _, name := range names {
			if strings.HasSuffix(name, ext) {
				found = append(found, name)
			}
		}
		return found
	}
	indexes, files := ending(ext+indexExt), ending(ext)
	switch {
	case slices.Contains(indexes, stem+ext+indexExt):
		return []string{stem + ext + indexExt}, nil
	case len(indexes) == 1:
		return indexes, nil
	case len(indexes) > 1:
		return nil, fmt.Errorf("is a folder with %d models: name one of %s",
			len(indexes), strings.Join(indexes, ", "))
	case len(files) == 0 || len(files) == 1 && !numbered.MatchString(files[0]):
		return files, nil
	}
	return files, complete(path, files)
}

// complete reports an error unless the files in a folder, in order, are 1 to n of n.
func complete(path string, files []string) error {
	first := numbered.FindStringSubmatch(files[0])
	for i, name := range files {
		n := numbered.FindStringSubmatch(name)
		if first == nil || n == nil || n[1] != first[1] || n[3] != first[3] {
			return fmt.Errorf("is a folder with %d %s files and no index: name one, such as %s",
				len(files), filepath.Ext(name), filepath.Join(path, files[0]))
		}
		want := fmt.Sprintf("%s-%05d-of-%s%s", first[1], i+1, first[3], first[4])
		if name != want {
			return fmt.Errorf("lacks %s, and has %s", want, name)
		}
	}
	if last := fmt.Sprintf("%05d", len(files)); last != first[3] {
		return fmt.Errorf("has %d of the %s files of a model: %s is the last", len(files), first[3],
			files[len(files)-1])
	}
	return nil
}

// elsewhere says which folders of a folder have a model, "" where none has.
func elsewhere(path string) string {
	const most = 3 // to name
	found, _ := filepath.Glob(filepath.Join(globbed(path), "*", "*"+modelExt))
	var folders []string
	for _, name := range found {
		if in := filepath.Dir(name); !slices.Contains(folders, in) && len(folders) < most {
			folders = append(folders, in)
		}
	}
	if folders == nil {
		return ""
	}
	return ": there are some in " + strings.Join(folders, ", ")
}

// globbed is a path as a pattern that matches nothing else.
func globbed(path string) string {
	return strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]").Replace(path)
}

// openIndex opens the files that an index names. They lie beside it.
func openIndex(path string) (*File, error) {
	x, err := readIndex(path)
	if err != nil {
		return nil, at(path, err)
	}
	in := &folder{path: filepath.Dir(path), index: filepath.Base(path)}
	in.files = slices.Compact(slices.Sorted(maps.Values(x.WeightMap)))
	f, err := in.open(path)
	if err != nil {
		return nil, err
	}
	if err := x.check(f.Whole()); err != nil { // it names stacks, not their slices
		return nil, errors.Join(at(path, err), f.Close())
	}
	return f, nil
}

func readIndex(path string) (*index, error) {
	text, err := readText(path)
	if err != nil {
		return nil, err
	}
	x := new(index)
	if err := json.Unmarshal(text, x); err != nil {
		return nil, fmt.Errorf("is no index of a model: %w", err)
	}
	if len(x.WeightMap) == 0 {
		return nil, errors.New("is no index of a model: its weight_map is missing or empty")
	}
	return x, nil
}

// readText reads a file beside the weights, up to a limit.
func readText(path string) ([]byte, error) {
	r, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if size > maxHeader {
		return nil, fmt.Errorf("has %d bytes, the limit is %d", size, maxHeader)
	}
	return io.ReadAll(io.LimitReader(r, size))
}

// check holds what an index says against its files. Tensors that it does not list are no fault:
// they are in a file of the model.
func (x *index) check(f *File) error {
	for _, name := range slices.Sorted(maps.Keys(x.WeightMap)) {
		e := f.find(name)
		if e == nil {
			return fmt.Errorf("says that tensor %s is in %s, which lacks it", quote(name),
				x.WeightMap[name])
		}
		if in := filepath.Base(e.in.path); in != x.WeightMap[name] {
			return fmt.Errorf("says that tensor %s is in %s, it is in %s", quote(name),
				x.WeightMap[name], in)
		}
	}
	for _, s := range f.shards {
		name := filepath.Base(s.path)
		if want, ok := x.Metadata.Headers[name]; ok && want != s.layout.metadata[headerKey] {
			return fmt.Errorf("is not that of %s: the file is of another model, or of another run",
				name)
		}
	}
	return nil
}

// open opens the files of a folder. Messages about the model as a whole call it by path.
func (in *folder) open(path string) (*File, error) {
	var paths []string
	for _, name := range in.files {
		if err := in.holds(name); err != nil {
			return nil, at(path, err)
		}
		paths = append(paths, filepath.Join(in.path, name))
	}
	return openShards(path, in, paths...)
}

// holds reports an error unless a name, perhaps out of an index, is that of a file in the folder.
func (in *folder) holds(name string) error {
	if name == "" || !filepath.IsLocal(name) || strings.ContainsAny(name, `/\`) {
		return fmt.Errorf("names %s, which is no file beside it", quote(name))
	}
	return in.leads(name)
}

// leads reports an error where a path in the folder leads out of it, along links. It may lead where
// those of Hugging Face's cache do, whose folders snapshots/REVISION link to files in the folder
// blobs of the same model.
func (in *folder) leads(name string) error {
	file, err := resolved(filepath.Join(in.path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is missing: download it again?", quote(name))
	}
	if err != nil {
		return err
	}
	home, err := resolved(in.path)
	if err != nil {
		return err
	}
	cache := filepath.Dir(home)
	blobs := filepath.Join(filepath.Dir(cache), "blobs")
	if within(file, home) || filepath.Base(cache) == "snapshots" && filepath.Dir(file) == blobs {
		return nil
	}
	return fmt.Errorf("%s is a link to %s, out of the folder", quote(name), file)
}

// resolved returns where a path leads, absolute.
func resolved(path string) (string, error) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

// within reports whether a file or folder is somewhere in another folder. Both are absolute.
func within(path, folder string) bool {
	rest, err := filepath.Rel(folder, path)
	return err == nil && rest != "." && filepath.IsLocal(rest)
}
