// Package format reads safetensors files and reads and writes codebook files, which are safetensors
// files too, and so are files of what attention scores keys by. FORMAT.md beside this package is
// the specification of both.
//
// Files are opened by their path, or read from any [io.ReaderAt] of a known size: by offset, one
// tensor at a time, and checked before they are believed. They are written to a path, or to any
// [io.Writer]. An output that has a path appears there only when it is complete. Where the path is
// that of a link, the file that it leads to is replaced; a file that is replaced passes on its mode
// and, where the system allows it, its owner.
//
// What reads or writes more than a header takes a context, and stops soon after that is done.
// Errors name the file and, where they are about one, the tensor ([codebook.TensorError]). A caller
// can act on [ErrNotCodebook], [VersionError], [CorruptError], [codebook.ErrNoTensor],
// [fs.ErrExist] and [fs.ErrNotExist].
package format
