// Package compress makes a compressed model of a model: it says which tensors become layers, what
// each of their matrices gets of the bits or the error that is asked for, and what came of it.
//
// [Compress] walks from a source to a [Sink], a tensor at a time; package format implements both
// for files. [Allocate] stops before anything is written. [Build] compresses one matrix.
package compress
