package main

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
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

// TestBigModel compresses, verifies and decompresses a model of PALETTIZE_BIG bytes, 1 GB if that
// says nothing, in up to 1,000 layers, under a limit of 2 GB of data: memory depends on the largest
// matrix alone, but for what verify measures at a time. Two bytes of each weight that are kept are
// too much.
func TestBigModel(t *testing.T) {
	long(t)
	const limit = 2 << 30
	bytes, err := strconv.ParseInt(cmp.Or(os.Getenv("PALETTIZE_BIG"), "1000000000"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	dir := cmp.Or(os.Getenv("PALETTIZE_BIG_DIR"), t.TempDir())
	model, out := filepath.Join(dir, "big"), filepath.Join(dir, "big.pal")
	n := 1 << 10
	count := int(bytes / int64(4*n*n))
	for count > 1000 { // then there are larger ones
		n += 64
		count = int(bytes / int64(4*n*n))
	}
	writeLayers(t, model, count, n)
	dense := filepath.Join(dir, "dense")
	t.Cleanup(func() { os.RemoveAll(model); os.RemoveAll(out); os.RemoveAll(dense) })
	begin := time.Now()
	threads := min(runtime.NumCPU(), 8) // each takes some memory
	most := peakOf(t, limited(t, limit, "compress", model, "-o", out, "--quiet", "--force",
		"--threads", strconv.Itoa(threads)))
	weights := int64(count) * int64(n) * int64(n)
	t.Logf("%d layers of %d x %d, %d bytes: %.1f million weights a second, peak %d MB", count, n, n,
		4*weights, float64(weights)/1e6/time.Since(begin).Seconds(), most>>20)
	allowed := 64*n*n + (48+10*threads)<<20
	if most > allowed {
		t.Errorf("peak %d MB, want at most %d", most>>20, allowed>>20)
	}
	for _, run := range []struct {
		args    []string
		allowed int
	}{
		// A group of weights as float32, of what multiplies them, a byte each, and some garbage.
		{[]string{"verify", out, model}, int(min(weights, 1<<28))*6 + allowed},
		{[]string{"decompress", out, "-o", dense}, allowed},
	} {
		begin := time.Now()
		most := peakOf(t, limited(t, limit, run.args...))
		t.Logf("%s: %.0f s, peak %d MB", run.args[0], time.Since(begin).Seconds(), most>>20)
		if most > run.allowed {
			t.Errorf("%s: peak %d MB, want at most %d", run.args[0], most>>20, run.allowed>>20)
		}
	}
	code, stdout, stderr := palettize("inspect", out)
	if code != exitFine || !strings.Contains(stdout, fmt.Sprintf("layers    %d, ", count)) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// writeLayers writes a folder with a model of so many matrices [n, n] of float32, in files of about
// 1 GB.
func writeLayers(t *testing.T, folder string, count, n int) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	// Values that are as good as normal, and quickly made: what one matrix has, in another order.
	random := rand.New(rand.NewPCG(1, 2))
	values := make([]byte, 0, 4*(n*n+4096))
	for range n*n + 4096 {
		v := float32(random.NormFloat64())
		values = binary.LittleEndian.AppendUint32(values, math.Float32bits(v))
	}
	each := max(1_000_000_000/(4*n*n), 1)
	files := (count + each - 1) / each
	for f := range files {
		first, last := f*each, min((f+1)*each, count)
		var header strings.Builder
		for i := first; i < last; i++ {
			fmt.Fprintf(&header, `,"model.layers.%d.mlp.up_proj.weight":{"dtype":"F32",`+
				`"shape":[%d,%d],"data_offsets":[%d,%d]}`, i, n, n, 4*n*n*(i-first), 4*n*n*(i-first+1))
		}
		text := "{" + header.String()[1:] + "}"
		name := filepath.Join(folder, fmt.Sprintf("model-%05d-of-%05d.safetensors", f+1, files))
		w, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(text))))
		_, err2 := w.WriteString(text)
		err = errors.Join(err, err2)
		for range last - first {
			_, err2 := w.Write(values[4*random.IntN(4096):][:4*n*n])
			err = errors.Join(err, err2)
		}
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// limited is a command line with a limit of the memory that it may write to, in bytes. (Address
// space, which others limit, is no measure of a Go program.)
func limited(t *testing.T, limit int64, args ...string) *exec.Cmd {
	t.Helper()
	return shellLimit(t, fmt.Sprintf("ulimit -d %d", limit>>10), args...)
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
	return peakOf(t, child(t, "compress", model, "-o", filepath.Join(t.TempDir(), "out.safetensors"),
		"--threads", threads, "--quiet"))
}

// peakOf is peak of any command line.
func peakOf(t *testing.T, cmd *exec.Cmd) (most int) {
	t.Helper()
	cmd.Stderr = new(strings.Builder)
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
				t.Fatalf("%d bytes, %v: %s", most, err, cmd.Stderr)
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
