// Command compare is palettize's side of `make compare`. It answers the requests of compare.py, one
// a line of words on stdin, with one line on stdout, or with a model's name those of encoder.py,
// with more words those of decoder.py; see README.md.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/palettize/palettize/codebook"
	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/kmeans"
)

func main() {
	runtime.GOMAXPROCS(1)
	if len(os.Args) > 1 {
		do := func() error { return bert(os.Args[1]) }
		if len(os.Args) > 2 {
			do = func() error { return decoder(os.Args[1:]) }
		}
		if err := do(); err != nil {
			fmt.Println("error", strings.ReplaceAll(err.Error(), "\n", " "))
		}
		return
	}
	debug.SetGCPercent(-1) // each request collects garbage itself: none meets a measurement
	s := &side{layers: make(map[string]*codebook.Layer)}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		answer, err := s.answer(strings.Fields(in.Text()))
		if err != nil {
			answer = "error " + strings.ReplaceAll(err.Error(), "\n", " ")
		}
		fmt.Println(answer)
		debug.FreeOSMemory()
	}
}

// scheme is what a row of the table stands for; "dense", which is none, is float32.
func scheme(row string) (codebook.Scheme, error) {
	switch row {
	case "rows":
		return codebook.Scheme{Name: "rows", K: 256}, nil
	case "segments-8":
		return codebook.Scheme{Name: "segments", Width: 8, K: 256}, nil
	case "segments-4":
		return codebook.Scheme{Name: "segments", Width: 4, K: 256}, nil
	case "segments-2":
		return codebook.Scheme{Name: "segments", Width: 2, K: 256}, nil
	case "scalar-16":
		return codebook.Scheme{Name: "scalar", Width: 1, K: 16}, nil
	case "scalar-16-groups":
		return codebook.Scheme{Name: "scalar", Width: 1, K: 16, Group: 16}, nil
	case "scalar-256":
		return codebook.Scheme{Name: "scalar", Width: 1, K: 256}, nil
	case "windows-2":
		return codebook.Scheme{Name: "trellis", Width: 1, K: 256, WindowBits: 2}, nil
	case "windows-3":
		return codebook.Scheme{Name: "trellis", Width: 1, K: 256, WindowBits: 3}, nil
	case "windows-4":
		return codebook.Scheme{Name: "trellis", Width: 1, K: 256, WindowBits: 4}, nil
	}
	return codebook.Scheme{}, fmt.Errorf("no row %q", row)
}

// side holds what is measured.
type side struct {
	rows, cols int
	w, x       []float32 // w [given rows, cols], over and over up to rows; x [n, cols]
	layers     map[string]*codebook.Layer
	y          []float32 // of the last call
}

func (s *side) answer(words []string) (string, error) {
	if len(words) == 0 {
		return "", errors.New("no request")
	}
	switch args := words[1:]; {
	case words[0] == "load" && len(args) == 4: // rows, cols, file of w, file of x
		return "ok", s.load(args)
	case words[0] == "row" && len(args) == 1: // builds a row; its plans and bits
		return s.describe(args[0])
	// Row, hot | cold | batch, milliseconds, bytes when cold.
	case words[0] == "time" && len(args) == 4:
		return s.time(args[0], args[1], args[2], args[3])
	case words[0] == "output" && len(args) == 1: // writes the results of the last call to a file
		return "ok", write(args[0], s.y)
	// Row, file, rows, cols; noise, signal and bits of the compressed matrix.
	case words[0] == "error" && len(args) == 4:
		return weightError(args[0], args[1], args[2], args[3])
	// File, d, full | early, file for the centroids; seconds.
	case words[0] == "kmeans" && len(args) == 4:
		return cluster(args[0], args[1], args[2], args[3])
	}
	return "", fmt.Errorf("no request %q", strings.Join(words, " "))
}

func (s *side) load(args []string) error {
	var err error
	if s.rows, err = strconv.Atoi(args[0]); err != nil {
		return err
	}
	if s.cols, err = strconv.Atoi(args[1]); err != nil {
		return err
	}
	if s.w, err = read(args[2]); err != nil {
		return err
	}
	s.x, err = read(args[3])
	clear(s.layers)
	return err
}

// layer builds a row from the given part of the matrix and repeats it up to all rows.
func (s *side) layer(row string) (*codebook.Layer, error) {
	if l := s.layers[row]; l != nil {
		return l, nil
	}
	how, err := scheme(row)
	if err != nil {
		return nil, err
	}
	l, err := compress.Build(context.Background(), s.w, len(s.w)/s.cols, s.cols, how,
		compress.Options{Threads: 1})
	if err != nil {
		return nil, err
	}
	l = repeat(l, s.rows/l.Rows)
	s.layers[row] = l
	return l, nil
}

// repeat returns a layer some times below itself. Its stream is not one: it has about the size.
func repeat(l *codebook.Layer, times int) *codebook.Layer {
	if times == 1 {
		return l
	}
	all := *l
	all.Rows *= times
	all.Assignments = slices.Repeat(l.Assignments, times)
	all.Outliers = nil
	for i := range times {
		for _, o := range l.Outliers {
			o.Row += i * l.Rows
			all.Outliers = append(all.Outliers, o)
		}
	}
	if l.RowScales != nil {
		all.RowScales = slices.Repeat(l.RowScales, times)
	}
	if l.Multipliers != nil {
		all.Multipliers = slices.Repeat(l.Multipliers, times)
	}
	if l.Stream != nil {
		all.Stream = slices.Repeat(l.Stream, times)
	}
	return &all
}

func (s *side) describe(row string) (string, error) {
	if row == "dense" {
		return "ok 32 dense dense", nil
	}
	l, err := s.layer(row)
	if err != nil {
		return "", err
	}
	one, err := l.Plan(codebook.RunOptions{})
	if err != nil {
		return "", err
	}
	many, err := l.Plan(codebook.RunOptions{Batch: s.batch()})
	if err != nil {
		return "", err
	}
	bits := float64(8*l.BytesStored()) / float64(s.rows*s.cols)
	return fmt.Sprintf("ok %v %s %s", bits, one.Name(), many.Name()), nil
}

func (s *side) batch() int { return len(s.x) / s.cols }

// multiplier is a plan or a dense matrix.
type multiplier interface {
	MulMat(y, x []float32, n int) error
}

func (s *side) multiplier(row string, batch int) (m multiplier, bytes int, err error) {
	if row == "dense" {
		w := slices.Repeat(s.w, s.rows*s.cols/len(s.w))
		dense := &codebook.Dense{Rows: s.rows, Cols: s.cols, W: w}
		p, err := dense.Plan(codebook.RunOptions{Batch: batch})
		return p, 4 * s.rows * s.cols, err
	}
	l, err := s.layer(row)
	if err != nil {
		return nil, 0, err
	}
	p, err := l.Plan(codebook.RunOptions{Batch: batch})
	if err != nil {
		return nil, 0, err
	}
	return p, int(p.BitsResident() / 8), nil
}

// slot is how long a turn of a hot measurement lasts.
const slot = 2 * time.Millisecond

// time measures a row for some time and answers with the best and the median time of a call, in
// nanoseconds, the bytes of the form measured and the number of its copies.
func (s *side) time(row, regime, milliseconds, least string) (string, error) {
	ms, err := strconv.Atoi(milliseconds)
	if err != nil {
		return "", err
	}
	enough, err := strconv.Atoi(least)
	if err != nil {
		return "", err
	}
	n := 1
	if regime == "batch" {
		n = s.batch()
	}
	x := s.x[:n*s.cols]
	s.y = make([]float32, n*s.rows)
	first, bytes, err := s.multiplier(row, n)
	if err != nil {
		return "", err
	}
	copies := []multiplier{first}
	if regime == "cold" {
		for len(copies)*bytes < enough {
			m, _, err := s.multiplier(row, n)
			if err != nil {
				return "", err
			}
			copies = append(copies, m)
		}
	}
	runtime.GC()
	// A turn goes through all copies, or as often through the only one as fills a slot.
	times := 1
	turn := func() (float64, error) {
		start := time.Now()
		for range times {
			for _, m := range copies {
				if err := m.MulMat(s.y, x, n); err != nil {
					return 0, err
				}
			}
		}
		return float64(time.Since(start).Nanoseconds()) / float64(times*len(copies)), nil
	}
	ns, err := turn()
	if err == nil {
		ns, err = turn()
	}
	if err != nil {
		return "", err
	}
	times = max(1, int(float64(slot)/ns)/len(copies))
	var took []float64
	span := time.Duration(ms) * time.Millisecond
	for start := time.Now(); len(took) < 3 || time.Since(start) < span; {
		if ns, err = turn(); err != nil {
			return "", err
		}
		took = append(took, ns)
	}
	slices.Sort(took)
	return fmt.Sprintf("ok %v %v %d %d", took[0], took[len(took)/2], bytes, len(copies)), nil
}

func weightError(row, file, rowsOf, colsOf string) (string, error) {
	rows, err := strconv.Atoi(rowsOf)
	if err != nil {
		return "", err
	}
	cols, err := strconv.Atoi(colsOf)
	if err != nil {
		return "", err
	}
	how, err := scheme(row)
	if err != nil {
		return "", err
	}
	w, err := read(file)
	if err != nil {
		return "", err
	}
	l, err := compress.Build(context.Background(), w, rows, cols, how, compress.Options{Threads: 1})
	if err != nil {
		return "", err
	}
	var d codebook.Distortion
	d.Add(l.Dense(), w)
	return fmt.Sprintf("ok %v %v %d", d.Noise, d.Signal, 8*l.BytesStored()), nil
}

func cluster(file, width, stop, to string) (string, error) {
	d, err := strconv.Atoi(width)
	if err != nil {
		return "", err
	}
	points, err := read(file)
	if err != nil {
		return "", err
	}
	opts := kmeans.Options{K: 256, MaxIterations: 25, Threads: 1}
	if stop == "full" {
		opts.Tolerance = math.SmallestNonzeroFloat64
	}
	start := time.Now()
	res, err := kmeans.Run(context.Background(), points, d, nil, opts)
	if err != nil {
		return "", err
	}
	seconds := time.Since(start).Seconds()
	return fmt.Sprintf("ok %v %d", seconds, len(res.Iterations)), write(to, res.Centroids)
}

func read(file string) ([]float32, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	values := make([]float32, len(raw)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return values, nil
}

func write(file string, values []float32) error {
	raw := make([]byte, 0, 4*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return os.WriteFile(file, raw, 0o666)
}
