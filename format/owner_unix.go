//go:build unix

package format

import (
	"io/fs"
	"os"
	"syscall"
)

// takeOwner gives f the owner and the group of the file old that it is to replace, as far as the
// system lets it, and returns the permissions that it can have then: those of old, unless another
// group would get what old's had.
func takeOwner(f *os.File, old fs.FileInfo) fs.FileMode {
	perm := old.Mode().Perm()
	stat, ok := old.Sys().(*syscall.Stat_t)
	if !ok {
		return perm
	}
	uid, gid := int(stat.Uid), int(stat.Gid)
	if f.Chown(uid, gid) == nil || f.Chown(-1, gid) == nil {
		return perm
	}
	const group, others = 0o070, 0o007
	return perm&^group | perm&group&(perm&others<<3)
}
