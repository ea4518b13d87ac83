package main

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// byteSize is a flag that takes a number of bytes: 1000000, 64KiB, 256MiB, 1GB.
type byteSize int64

var byteUnits = []struct {
	name string
	size int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1},
}

func (s *byteSize) Set(text string) error {
	number, unit := text, int64(1)
	for _, u := range byteUnits {
		if before, ok := strings.CutSuffix(text, u.name); ok {
			number, unit = strings.TrimSpace(before), u.size
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 || n > math.MaxInt64/unit {
		return fmt.Errorf("expected a number of bytes such as 268435456 or 256MiB")
	}
	*s = byteSize(n * unit)
	return nil
}

func (s *byteSize) String() string {
	if n := int64(*s); n > 0 && n%1e9 == 0 { // as a default is given
		return fmt.Sprintf("%dGB", n/1e9)
	}
	return strconv.FormatInt(int64(*s), 10)
}

func (s *byteSize) Type() string { return "BYTES" }

// coldMemory is how many working sets must fit in memory: one of dense copies, one of compiled ones
// with work space of their own, one to measure the copy bandwidth, and what the collector has not
// yet taken back.
const coldMemory = 5

// workingSet is how many bytes the copies of a form together exceed in cold measurements: what was
// asked for, or eight times the last-level cache as far as memory goes.
func workingSet(asked byteSize, cache, memory int64) (int64, error) {
	most := memory / coldMemory
	switch {
	case asked == 0:
		return min(8*cache, most), nil
	case int64(asked) > most:
		return 0, usagef("--working-set: %s bytes take %d times as many, %s are free",
			grouped(int64(asked)), coldMemory, grouped(memory))
	}
	return int64(asked), nil
}

// copiesFor is the number of copies of a form whose bytes together exceed the working set.
func copiesFor(bytes, workingSet int64) int { return int(workingSet/bytes) + 1 }

// lastLevelCache is the size of the largest cache of the first processor, as Linux tells it; 32 MiB
// elsewhere.
func lastLevelCache() int64 {
	var largest int64
	// The pattern is good, so that there is no error.
	files, _ := filepath.Glob("/sys/devices/system/cpu/cpu0/cache/index*/size")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		var size byteSize
		if size.Set(strings.TrimSpace(string(text))+"iB") == nil { // 32768K
			largest = max(largest, int64(size))
		}
	}
	if largest == 0 {
		return 32 << 20
	}
	return largest
}

// freeMemory is how many bytes this process can have, as Linux tells it: those of the machine and
// those of its control group. Elsewhere there is no telling.
func freeMemory() int64 {
	free := int64(math.MaxInt64)
	if f, err := os.Open("/proc/meminfo"); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			var kib int64
			if n, _ := fmt.Sscanf(lines.Text(), "MemAvailable: %d kB", &kib); n == 1 {
				free = kib << 10
			}
		}
	}
	if text, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil { // "max" is no number
		if limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
			free = min(free, limit)
		}
	}
	return free
}
