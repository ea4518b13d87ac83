// Package quant makes a [codebook.Layer] of one matrix: the scheme says how segments are cut and
// assignments chosen, each as the nearest centroid, or all together along paths, to be stored with
// windows or entropy coded.
//
// A row of the table of schemes has what differs among them. [Build] goes by it; [NewSketch] finds
// what a matrix would take at any rate, where the scheme lets that be chosen.
package quant
