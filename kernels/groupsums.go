package kernels

import "fmt"

// groupSumsFunc is GroupSums for values.
type groupSumsFunc func(sums, squares []int32, q []int8, group int)

// GroupSums writes the sum of each group of q, group values of it, and the sum of their squares.
// The last group may be shorter; sums and squares have room for all.
func (s *Set) GroupSums(sums, squares []int32, q []int8, group int) {
	if group < 1 || group > Block || len(sums) < ceilDiv(len(q), group) ||
		len(squares) < ceilDiv(len(q), group) {
		panic(fmt.Sprintf("kernels: GroupSums: %d values in groups of %d into %d sums and %d "+
			"squares", len(q), group, len(sums), len(squares)))
	}
	if len(q) > 0 {
		s.groupSums(sums, squares, q, group)
	}
}
