//go:build !unix

package main

func failLongWrites() {}
