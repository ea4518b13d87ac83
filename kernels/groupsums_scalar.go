package kernels

func groupSumsScalar(sums, squares []int32, q []int8, group int) {
	for g := 0; len(q) > 0; g++ {
		n := min(group, len(q))
		var sum, square int32
		for _, v := range q[:n] {
			sum += int32(v)
			square += int32(v) * int32(v)
		}
		sums[g], squares[g] = sum, square
		q = q[n:]
	}
}
