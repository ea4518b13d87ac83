//go:build !linux && !darwin

package main

// freeSpace is unknown here.
func freeSpace(string) int64 { return -1 }
