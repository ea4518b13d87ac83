//go:build !linux || !amd64 || purego

package kernels

import "errors"

// allowTiles is for Linux only.
func allowTiles() error { return errors.New("used on Linux only") }
