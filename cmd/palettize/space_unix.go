//go:build linux || darwin

package main

import "syscall"

// freeSpace is how many bytes a user can write to the disk of a folder, -1 where that is unknown.
func freeSpace(folder string) int64 {
	var s syscall.Statfs_t
	if syscall.Statfs(folder, &s) != nil {
		return -1
	}
	return int64(s.Bavail) * int64(s.Bsize)
}
