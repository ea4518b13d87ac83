//go:build !purego

package kernels

// denseProductNEON takes tiles of four rows of A with 16 columns of B, which tiles below each other
// have in common and the first-level cache keeps, and with four of what is left over. Where these
// do not come out even the last tiles overlap others, and come to the same results.
func denseProductNEON(c []float32, ldc int, a []float32, lda int, b []float32, ldb, m, k, n int) {
	const rows, many, few = 4, 16, 4
	if m < rows || n < few {
		denseProductScalar(c, ldc, a, lda, b, ldb, m, k, n)
		return
	}
	column := func(j int,
		tile func(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k int)) {
		for i := 0; i < m; i += rows {
			i := min(i, m-rows)
			tile(&c[i*ldc+j], ldc, &a[i*lda], lda, &b[j], ldb, k)
		}
	}
	j := 0
	for ; n-j >= many; j += many {
		column(j, denseProduct16NEON)
	}
	for ; j < n; j += few {
		column(min(j, n-few), denseProduct4NEON)
	}
}

// denseProduct16NEON is denseProductScalar for m = 4, n = 16 and k > 0.
//
//go:noescape
func denseProduct16NEON(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k int)

// denseProduct4NEON is denseProductScalar for m = 4, n = 4 and k > 0.
//
//go:noescape
func denseProduct4NEON(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k int)
