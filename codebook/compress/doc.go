// Package compress compresses models: it decides which tensors become layers, divides the bits or
// the error that is asked for among their matrices, and reports what came of it.
//
// [Compress] walks from a source to a [Sink], several tensors at a time; package format implements
// both for files. [Allocate] stops before anything is written. [Build] compresses one matrix.
package compress
