// Package entropy stores matrices of small whole numbers, the levels of a trellis quantiser, in
// little more bits than their statistics ask for. FORMAT.md specifies what it writes: the storage
// "entropy".
package entropy
