// Package format reads safetensors files and reads and writes codebook files, which are safetensors
// files too. FORMAT.md beside this package is the specification of the codebook file.
//
// Files are read by offset, one tensor at a time, and checked before they are believed. Outputs appear
// under their names only when they are complete.
package format
