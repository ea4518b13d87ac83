//go:build !purego

package kernels

// enabledState is the register XCR0: a bit for each set of registers that the operating system
// saves. The CPU must have XGETBV, as all with AVX do.
func enabledState() uint64

// executeTiles executes TDPBSUD with four choices of tiles, for a test of the bytes of the
// instructions, and clears the last matrix: c[i][m][n] grows by the sum over k of a[m][k] *
// b[k/4][4*n+k%4] for i < 4, c[4] becomes 0.
//
//go:noescape
func executeTiles(c *[5][16][16]int32, a *[16][64]int8, b *[16][64]uint8)
