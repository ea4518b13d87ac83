package kernels

func mulReachScalar(largest []byte, squares *[2]int32, codes []byte) {
	var sums [2 * PanelRows]int32 // [row][2]
	for i, code := range codes {
		at := i/(4*PanelRows)*4 + i%4
		largest[at] = max(largest[at], code)
		w := int32(code) - 128
		sums[i%(4*PanelRows)/2] += w * w
	}
	for i, sum := range sums {
		squares[i%2] = max(squares[i%2], sum)
	}
}
