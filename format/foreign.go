package format

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// foreign is a kind of file that people take for a safetensors file.
type foreign struct {
	looks, instead string
	magic          []string // any of these at the start
	words          []string // or any of these, in either case, after white space
	ext            []string // or, where the start says nothing, any of these endings of the name
	weights        bool     // whether the endings are those of models
}

const (
	fromOthers = "convert it to safetensors first"
	fromTorch  = fromOthers +
		" (in Python: safetensors.torch.save_file(torch.load(FILE, weights_only=True), OUT))"
	fromScript = fromOthers +
		" (in Python: safetensors.torch.save_file(torch.jit.load(FILE).state_dict(), OUT))"
	fromNumPy   = fromOthers + " (in Python: safetensors.numpy.save_file)"
	fromGGUF    = "its weights are quantised already: get the model's original .safetensors file"
	fromONNX    = "export the model's weights as safetensors first"
	fromArchive = "unpack it first, and name the .safetensors file in it"
	fromServer  = "download the model itself"
)

var foreigners = []foreign{
	{looks: "a PyTorch checkpoint (pickle)", instead: fromTorch,
		magic: []string{"\x80\x02", "\x80\x03", "\x80\x04", "\x80\x05"}},
	{looks: "a GGUF file", instead: fromGGUF, magic: []string{"GGUF"}, ext: []string{".gguf"},
		weights: true},
	{looks: "an HDF5 file", instead: fromOthers, magic: []string{"\x89HDF"},
		ext: []string{".h5", ".hdf5"}, weights: true},
	{looks: "a NumPy file", instead: fromNumPy, magic: []string{"\x93NUMPY"},
		ext: []string{".npy", ".npz"}, weights: true},
	{looks: "a gzip archive", instead: fromArchive, magic: []string{"\x1f\x8b\x08"},
		ext: []string{".gz", ".tgz"}},
	{looks: "a Git LFS pointer, not the model itself", instead: "fetch the model (git lfs pull)",
		words: []string{"version https://git-lfs"}},
	{looks: "a web page", instead: fromServer, words: []string{"<!doctype", "<html", "<head"},
		ext: []string{".html"}},
	{looks: "XML, perhaps a server's error message", instead: fromServer,
		words: []string{"<?xml", "<error"}, ext: []string{".xml"}},
	{looks: "JSON text", instead: "give the .safetensors file itself", words: []string{"{", "["},
		ext: []string{".json"}},
	{looks: "an ONNX model", instead: fromONNX, ext: []string{".onnx"}, weights: true},
	{looks: "a PyTorch checkpoint", instead: fromTorch,
		ext: []string{".bin", ".pt", ".pth", ".ckpt"}, weights: true},
}

// archives are kinds of zip archives, by how the name of a file in them ends. The last one is any.
var archives = []struct {
	name string
	foreign
}{
	{"/constants.pkl", foreign{looks: "a TorchScript archive", instead: fromScript}},
	{"data.pkl", foreign{looks: "a PyTorch checkpoint (zip archive)", instead: fromTorch}},
	{".npy", foreign{looks: "a NumPy archive (npz)", instead: fromNumPy}},
	{".weights.h5", foreign{looks: "a Keras model", instead: fromOthers}},
	{".safetensors", foreign{looks: "a zip archive that holds a .safetensors file",
		instead: "unpack it first"}},
	{"", foreign{looks: "a zip archive", instead: fromArchive}},
}

// alien explains a file of this name and size that is no safetensors file but looks like something
// else, "" where it looks like nothing known.
func alien(f io.ReaderAt, name string, size int64) string {
	var buffer [64]byte
	n, _ := f.ReadAt(buffer[:], 0)
	start := buffer[:n]
	// A damaged safetensors file is not to be taken for another kind: its length may begin with the
	// bytes of a pickle.
	length := len(start) >= 8 && binary.LittleEndian.Uint64(start) <= maxHeader
	if len(start) == 0 || length && len(start) > 8 && start[8] == '{' {
		return ""
	}
	var kind foreign
	switch i := slices.IndexFunc(foreigners, func(f foreign) bool { return f.begins(start) }); {
	case !length && i >= 0:
		kind = foreigners[i]
	case !length && bytes.HasPrefix(start, []byte(zipMagic)):
		kind = archive(f, size)
	default:
		switch i := slices.IndexFunc(foreigners, func(f foreign) bool { return f.ends(name) }); {
		case i >= 0:
			kind = foreigners[i]
		case isText(start):
			line, _, _ := strings.Cut(string(bytes.TrimSpace(start)), "\n")
			looks := fmt.Sprintf("text that begins with %q", strings.TrimRight(line, "\r\ufffd"))
			kind = foreign{looks: looks, instead: fromServer}
		default:
			return ""
		}
	}
	return fmt.Sprintf("looks like %s, not a safetensors file: %s", kind.looks, kind.instead)
}

// begins reports whether files of the kind begin like this.
func (f *foreign) begins(start []byte) bool {
	for _, magic := range f.magic {
		if bytes.HasPrefix(start, []byte(magic)) {
			return true
		}
	}
	text := bytes.ToLower(bytes.TrimLeft(start, "\ufeff \t\r\n"))
	for _, word := range f.words {
		if bytes.HasPrefix(text, []byte(word)) {
			return true
		}
	}
	return false
}

// ends reports whether a name ends as those of files of the kind.
func (f *foreign) ends(name string) bool {
	return slices.Contains(f.ext, strings.ToLower(filepath.Ext(name)))
}

// otherForm says which of the files of a folder has a model that is no safetensors file, as far as
// names tell, "" where none has.
func otherForm(names []string) string {
	for _, name := range names {
		for _, kind := range foreigners {
			if kind.weights && kind.ends(name) {
				return fmt.Sprintf(": %s looks like %s: %s", name, kind.looks, kind.instead)
			}
		}
	}
	return ""
}

// isText reports whether the start of a file, which may end within a character, is UTF-8 without
// control characters.
func isText(start []byte) bool {
	for len(start) > 0 {
		r, n := utf8.DecodeRune(start)
		if r == utf8.RuneError && n <= 1 {
			return !utf8.FullRune(start)
		}
		if !unicode.IsPrint(r) && !unicode.IsSpace(r) {
			return false
		}
		start = start[n:]
	}
	return true
}

const (
	zipMagic = "PK\x03\x04"
	// archiveBytes is how much of a zip archive is read to see what is in it.
	archiveBytes = 4 << 20
)

// archive says what a zip archive is by the names in it, of an incomplete one by the first of them.
func archive(f io.ReaderAt, size int64) foreign {
	var names []string
	if r, err := zip.NewReader(&limited{f, archiveBytes}, size); err == nil {
		for _, file := range r.File {
			names = append(names, file.Name)
		}
	} else {
		names = append(names, firstName(f))
	}
	for _, kind := range archives[:len(archives)-1] {
		for _, name := range names {
			if strings.HasSuffix(name, kind.name) {
				return kind.foreign
			}
		}
	}
	return archives[len(archives)-1].foreign
}

// firstName returns the name of the first file in a zip archive, "" if the archive ends before.
func firstName(f io.ReaderAt) string {
	var head [30]byte // the last fields of which are the lengths of the name and of what follows it
	if n, _ := f.ReadAt(head[:], 0); n < len(head) {
		return ""
	}
	name := make([]byte, binary.LittleEndian.Uint16(head[26:]))
	n, _ := f.ReadAt(name, int64(len(head)))
	return string(name[:n])
}

// limited reads no more than so many bytes.
type limited struct {
	io.ReaderAt
	left int
}

func (l *limited) ReadAt(p []byte, off int64) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, errors.New("more bytes than are to be read")
	}
	return l.ReaderAt.ReadAt(p, off)
}
