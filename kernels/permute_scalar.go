package kernels

func permuteScalar(dst, src []int8, d int) {
	for ; len(src) > 0; dst, src = dst[4*d:], src[4*d:] {
		first, second, third, fourth := src[:d], src[d:][:d], src[2*d:][:d], src[3*d:][:d]
		to := dst[:4*d]
		for j, v := range first {
			four := (*[4]int8)(to[4*j:])
			four[0], four[1], four[2], four[3] = v, second[j], third[j], fourth[j]
		}
	}
}
