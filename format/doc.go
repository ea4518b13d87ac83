// Package format reads safetensors files and reads and writes codebook files, which are safetensors
// files too. FORMAT.md beside this package is the specification of the codebook file.
//
// Files are read by offset, one tensor at a time, and checked before they are believed. Outputs
// appear under their names only when they are complete. Where the name is that of a link, the file
// that it leads to is replaced; a file that is replaced passes on its mode and, where the system
// allows it, its owner.
package format
