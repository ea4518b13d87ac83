//go:build (amd64 || arm64) && !purego

package kernels

// from is where s[i] lies, or nil where s is nil.
func from(s []float32, i int) *float32 {
	if s == nil {
		return nil
	}
	return &s[i]
}
