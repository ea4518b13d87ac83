package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/palettize/palettize/format"
)

// What a command may take on a mutated file of some 50,000 bytes: sizes from files are claims.
const (
	mutationTime  = 5 * time.Second
	mutationBytes = 64 << 20 // allocated in all, a bound of what is in memory at a time
)

// TestMutations gives damaged models and codebook files to the commands that read them. Each ends
// in an error that leaves no output, or in the right bytes. PALETTIZE_MUTATIONS says how many.
func TestMutations(t *testing.T) {
	n, err := strconv.Atoi(cmp.Or(os.Getenv("PALETTIZE_MUTATIONS"), "300"))
	if err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		n = min(n, 40)
	}
	dir := t.TempDir()
	var whole, books [][]byte
	for i, args := range [][]string{
		{"--scheme", "trellis"}, {"--scheme", "trellis", "--storage", "window"},
		{"--scheme", "segments", "--k", "16"}, {"--scheme", "scalar", "--k", "16", "--group", "16"},
	} {
		model := mkmodel(t, "-rows", "16", "-seed", strconv.Itoa(i))
		book := filepath.Join(dir, "book.pal")
		code, _, stderr := palettize(append([]string{"compress", model, "-o", book, "--force"},
			args...)...)
		if code != exitFine {
			t.Fatal(stderr)
		}
		whole, books = append(whole, content(t, model)), append(books, content(t, book))
	}
	m := &mutator{
		t: t, rng: rand.New(rand.NewPCG(7, 8)), dir: t.TempDir(), codes: make(map[int]int),
	}
	for i := range n {
		m.try(i, fmt.Sprintf("model %d", i), whole, m.compress)
		m.try(i, fmt.Sprintf("codebook %d", i), books, m.decompress)
	}
	t.Logf("%d mutations of each: exit codes %v, at most %v and %d bytes allocated", n, m.codes,
		m.longest, m.largest)
	if m.codes[exitFine] == 0 || m.codes[exitFailed] < n {
		t.Errorf("exit codes %v: mutations are too harsh or too mild", m.codes)
	}
}

// mutator runs commands on mutated files in a folder.
type mutator struct {
	t     *testing.T
	rng   *rand.Rand
	dir   string
	codes map[int]int // how often commands ended with it

	longest time.Duration
	largest uint64 // bytes allocated
}

// try mutates one of the files and gives its path, and what it was, to do.
func (m *mutator) try(i int, name string, files [][]byte, do func(path string, was []byte)) {
	was := files[i%len(files)]
	path := filepath.Join(m.dir, "mutated")
	content := mutate(m.rng, was, files[m.rng.IntN(len(files))])
	if err := os.WriteFile(path, content, 0o666); err != nil {
		m.t.Fatal(err)
	}
	m.t.Run(name, func(t *testing.T) {
		defer func(outer *testing.T) { m.t = outer }(m.t)
		m.t = t
		do(path, was)
	})
	if m.t.Failed() {
		m.t.Fatalf("the mutated file begins with %.300q", content)
	}
}

// mutate changes a file at one to three places, or joins the header of it and the data of another.
func mutate(rng *rand.Rand, file, other []byte) []byte {
	file = bytes.Clone(file)
	for range 1 + rng.IntN(3) {
		at := rng.IntN(len(file))
		if head := headerOf(file); rng.IntN(2) == 0 && head < len(file) { // most of it is data
			at = rng.IntN(head)
		}
		some := min(1+rng.IntN(40), len(file)-at)
		switch rng.IntN(7) {
		case 0:
			file = file[:max(at, 1)]
		case 1:
			insert := make([]byte, some)
			for i := range insert {
				insert[i] = byte(rng.Uint32())
			}
			file = slices.Insert(file, at, insert...)
		case 2:
			file = slices.Insert(file, at, file[at:at+some]...)
		case 3:
			if some < len(file) {
				file = slices.Delete(file, at, at+some)
			}
		case 4:
			file = slices.Concat(file[:headerOf(file)], other[headerOf(other):])
		default:
			file[at] ^= 1 << rng.IntN(8)
		}
	}
	return file
}

// headerOf is how long the header of a safetensors file says it is, or the file.
func headerOf(file []byte) int {
	if len(file) < 8 {
		return len(file)
	}
	return int(min(8+binary.LittleEndian.Uint64(file)%(1<<40), uint64(len(file))))
}

// run runs a command line within the bounds, and reports whether it succeeded. After a failure the
// folder has the files that it had, and stderr one line.
func (m *mutator) run(args ...string) bool {
	m.t.Helper()
	before := list(m.dir)
	var start, end runtime.MemStats
	runtime.ReadMemStats(&start)
	begin := time.Now()
	code, _, stderr := palettize(args...)
	took := time.Since(begin)
	runtime.ReadMemStats(&end)
	m.codes[code]++
	allocated := end.TotalAlloc - start.TotalAlloc
	m.longest, m.largest = max(m.longest, took), max(m.largest, allocated)
	if took > mutationTime {
		m.t.Errorf("%q took %v", args, took)
	}
	if allocated > mutationBytes {
		m.t.Errorf("%q allocated %d bytes", args, allocated)
	}
	if code == exitFine {
		return true
	}
	if problem := badStderr(code, stderr); code != exitFailed || problem != "" {
		m.t.Errorf("%q: exit code %d, %s", args, code, problem)
	}
	if after := list(m.dir); !slices.Equal(before, after) {
		m.t.Errorf("%q: left behind %q, there was %q", args, after, before)
	}
	return false
}

// compress gives a mutated model to the commands. Where it is a model still, what is decompressed
// has its tensors, and those that passed through bit for bit.
func (m *mutator) compress(model string, _ []byte) {
	book, dense := filepath.Join(m.dir, "book"), filepath.Join(m.dir, "dense")
	page := filepath.Join(m.dir, "page")
	defer os.Remove(book)
	defer os.Remove(dense)
	defer os.Remove(page)
	inspected := m.run("inspect", model, "--json")
	if !m.run("compress", model, "-o", book, "--quiet", "--threads", "1") {
		return
	}
	if !inspected || !m.run("verify", book, "--json") || !m.run("verify", book, model, "--json") ||
		!m.run("report", book, model, "-o", page) || !m.run("decompress", book, "-o", dense) {
		m.t.Fatal("a file that was made is refused")
	}
	want, err := format.Open(model)
	got, err2 := format.Open(dense)
	c, err3 := format.OpenCodebook(m.t.Context(), book)
	if err := errors.Join(err, err2, err3); err != nil {
		m.t.Fatal(err)
	}
	defer want.Close()
	defer got.Close()
	defer c.Close()
	if len(want.Tensors()) != len(got.Tensors()) {
		m.t.Fatalf("%d tensors became %d", len(want.Tensors()), len(got.Tensors()))
	}
	for _, tensor := range want.Tensors() {
		before, err := want.Reader(tensor.Name)
		after, err2 := got.Reader(tensor.Name)
		if err := errors.Join(err, err2); err != nil {
			m.t.Fatal(err)
		}
		x, err := io.ReadAll(before)
		y, err2 := io.ReadAll(after)
		if err := errors.Join(err, err2); err != nil {
			m.t.Fatal(err)
		}
		_, _, matrix := tensor.Matrix()
		passed := c.Original(tensor.Name).Name == "" && !(matrix && tensor.Wide()) // not as F16
		if len(x) != len(y) || passed && !bytes.Equal(x, y) {
			m.t.Errorf("tensor %q has changed", tensor.Name)
		}
	}
}

// decompress gives a mutated codebook file to the commands: none takes it unless it is the same.
func (m *mutator) decompress(book string, was []byte) {
	dense, page := filepath.Join(m.dir, "dense"), filepath.Join(m.dir, "page")
	defer os.Remove(dense)
	defer os.Remove(page)
	same := bytes.Equal(content(m.t, book), was)
	for _, args := range [][]string{
		{"inspect", book}, {"verify", book}, {"decompress", book, "-o", dense},
		{"report", book, "-o", page},
	} {
		if m.run(args...) && !same {
			m.t.Errorf("%s takes it", args[0])
		}
	}
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
