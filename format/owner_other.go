//go:build !unix

package format

import (
	"io/fs"
	"os"
)

// takeOwner returns the permissions of the file old that f is to replace. Owners are not files' own
// here.
func takeOwner(_ *os.File, old fs.FileInfo) fs.FileMode { return old.Mode().Perm() }
