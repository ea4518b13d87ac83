//go:build race

package samples

// Race says that the race detector is on.
const Race = true
