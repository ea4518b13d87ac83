// Package entropy codes matrices of small integers, the levels of a trellis quantiser, in little
// more bits than their entropy: rANS with a table of frequencies for each class of elements.
// FORMAT.md specifies what it writes: the storage "entropy".
package entropy
