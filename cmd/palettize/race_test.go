//go:build race

package main

// race makes a run of the program so slow that tests of many runs leave themselves out: make check
// runs them without it.
const race = true
