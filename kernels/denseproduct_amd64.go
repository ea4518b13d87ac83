//go:build !purego

package kernels

// productTile multiplies a few rows of A with up to as many columns of B as two registers hold.
type productTile struct {
	rows int
	fn   func(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k, cols int)
}

// denseProductTiled takes tiles in their order, that of most rows first and that of one last. The
// columns of B that tiles have in common stay in the first-level cache.
func denseProductTiled(cols int, tiles ...productTile) denseProductFunc {
	return func(c []float32, ldc int, a []float32, lda int, b []float32, ldb, m, k, n int) {
		for j := 0; j < n; j += cols {
			i := 0
			for _, t := range tiles {
				for ; m-i >= t.rows; i += t.rows {
					t.fn(&c[i*ldc+j], ldc, &a[i*lda], lda, &b[j], ldb, k, min(cols, n-j))
				}
			}
		}
	}
}

// denseProduct12AVX512 is denseProductScalar for m = 12, n = cols, 1 to 32, and k > 0.
//
//go:noescape
func denseProduct12AVX512(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k, cols int)

// denseProduct4AVX512 is denseProduct12AVX512 for m = 4.
//
//go:noescape
func denseProduct4AVX512(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k, cols int)

// denseProduct1AVX512 is denseProduct12AVX512 for m = 1.
//
//go:noescape
func denseProduct1AVX512(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k, cols int)

// denseProduct6AVX2 is denseProductScalar for m = 6, n = cols, 1 to 16, and k > 0.
//
//go:noescape
func denseProduct6AVX2(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k, cols int)

// denseProduct2AVX2 is denseProduct6AVX2 for m = 2.
//
//go:noescape
func denseProduct2AVX2(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k, cols int)

// denseProduct1AVX2 is denseProduct6AVX2 for m = 1.
//
//go:noescape
func denseProduct1AVX2(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k, cols int)
