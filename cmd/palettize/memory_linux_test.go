package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCompressMemory: beside what the program takes for a small model, compress takes no more than
// 9 bytes for each weight of the largest matrix and 4 for the weights themselves.
func TestCompressMemory(t *testing.T) {
	long(t) // the race detector, too, takes memory of its own
	const rows, cols = 1 << 14, 1 << 9
	table := filepath.Join(t.TempDir(), "table.safetensors")
	writeTable(t, table, rows, cols)
	for _, threads := range []string{"1", "4"} {
		small := peak(t, models("model.safetensors"), threads)
		most := small + 13*rows*cols
		if got := peak(t, table, threads); got > most {
			t.Errorf("%s threads: %d MB, want at most %d", threads, got>>20, most>>20)
		} else {
			t.Logf("%s threads: %d MB, a small model takes %d", threads, got>>20, small>>20)
		}
	}
}

// writeTable writes a model of one matrix.
func writeTable(t *testing.T, name string, rows, cols int) {
	t.Helper()
	header := fmt.Sprintf(`{"table":{"dtype":"F32","shape":[%d,%d],"data_offsets":[0,%d]}}`,
		rows, cols, 4*rows*cols)
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	file = append(file, header...)
	random := rand.New(rand.NewPCG(1, 2))
	for range rows * cols {
		v := float32(random.NormFloat64())
		file = binary.LittleEndian.AppendUint32(file, math.Float32bits(v))
	}
	if err := os.WriteFile(name, file, 0o666); err != nil {
		t.Fatal(err)
	}
}

// peak is the most memory that compressing a model takes, in bytes, up to the last time that it is
// looked up before the end. (What the system says at the end counts the test's own memory too.)
func peak(t *testing.T, model, threads string) (most int) {
	t.Helper()
	cmd := child(t, "compress", model, "-o", filepath.Join(t.TempDir(), "out.safetensors"),
		"--threads", threads, "--quiet")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- cmd.Wait() }()
	status := fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)
	for {
		select {
		case err := <-ended:
			if err != nil || most == 0 {
				t.Fatalf("%d bytes, %v", most, err)
			}
			return most
		case <-time.After(time.Millisecond):
			text, _ := os.ReadFile(status) // none at the end
			if _, peak, ok := strings.Cut(string(text), "VmHWM:"); ok {
				kib := 0
				fmt.Sscan(peak, &kib)
				most = max(most, kib<<10)
			}
		}
	}
}
