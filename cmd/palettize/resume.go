package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/palettize/palettize/codebook/compress"
	"github.com/palettize/palettize/format"
)

// partFlag is a flag for a part of a model: 0/4 to 3/4.
type partFlag compress.Part

func (p *partFlag) Set(text string) error {
	index, of, ok := strings.Cut(text, "/")
	i, err := strconv.Atoi(index)
	n, err2 := strconv.Atoi(of)
	if !ok || err != nil || err2 != nil || i < 0 || i >= n {
		return errors.New("expected a part and the number of parts, such as 0/4, to 3/4 for the last")
	}
	*p = partFlag{i, n}
	return nil
}

func (p *partFlag) String() string {
	if p.Of == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", p.Index, p.Of)
}

func (p *partFlag) Type() string { return "I/N" }

// runValues tell a run from others, beside its model and what a file says of its settings.
func (o *compressOptions) runValues() (map[string]string, error) {
	values := map[string]string{
		"include":         strings.Join(o.include, " "),
		"exclude":         strings.Join(o.exclude, " "),
		"allow-nonfinite": o.nonfinite,
	}
	if o.part.Of > 0 {
		values[format.RunParts] = strconv.Itoa(o.part.Of)
	}
	for flag, name := range map[string]string{"calibration": o.calibration, "plan-in": o.planIn} {
		if name == "" {
			continue
		}
		sum, err := fileSum(name)
		if err != nil {
			return nil, err
		}
		values[flag] = filepath.Base(name) + " " + sum
	}
	for name, value := range values {
		if value == "" {
			delete(values, name)
		}
	}
	return values, nil
}

// fileSum is the beginning of a file's checksum, for people to see that two are not the same.
func fileSum(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", sum.Sum(nil)[:8]), nil
}

// takeUp takes the plan of an earlier run, or keeps that of this one for a later run.
func (o *compressOptions) takeUp(dst *format.Writer, opts *compress.Options) error {
	keep := func(a *compress.Allocation) error {
		text, err := json.Marshal(a)
		if err == nil {
			err = dst.SetPlan(text)
		}
		if err == nil {
			err = o.checkSpace(dst, a)
		}
		return err
	}
	switch plan := dst.Plan(); {
	case plan != nil:
		opts.Allocation = new(compress.Allocation)
		return json.Unmarshal(plan, opts.Allocation)
	case opts.Allocation != nil:
		return keep(opts.Allocation)
	}
	opts.Allotted = keep
	return nil
}

// suspendedError is an error after which a run can go on.
type suspendedError struct {
	err  error
	left string // the folder that has what is done
}

func (e *suspendedError) Error() string { return e.err.Error() + "; " + e.hint() }
func (e *suspendedError) Unwrap() error { return e.err }

func (e *suspendedError) hint() string {
	return e.left + " has what is done: --resume goes on from there"
}

// end ends a run that has failed. What can go on later is left.
func (o *compressOptions) end(dst *format.Writer, err error) error {
	full := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EFBIG)
	if !full && !errors.Is(err, context.Canceled) && !o.resume {
		dst.Abort()
		return err
	}
	left := dst.Suspend()
	if left == "" {
		return err
	}
	if missing := o.missing(left, dst.Path()); full && missing > 0 {
		err = fmt.Errorf("%w, about %s bytes more are needed", err, grouped(missing))
	}
	return &suspendedError{err, left}
}

// missing is about how many bytes a run that goes on needs that are not free; 0 where that is not
// known.
func (o *compressOptions) missing(left, out string) int64 {
	free := freeSpaceBeside(out)
	if o.need == 0 || free < 0 {
		return 0
	}
	entries, err := os.ReadDir(left)
	if err != nil {
		return 0
	}
	missing := o.need - free
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			missing -= info.Size()
		}
	}
	return max(missing, 0)
}

// checkSpace reports an error where the layers, and then the output beside them, do not fit on the
// disk, as far as that is known.
func (o *compressOptions) checkSpace(dst *format.Writer, a *compress.Allocation) error {
	var layers []string
	bytes := 0.0
	for _, m := range a.Matrices {
		layers = append(layers, m.Tensor)
		bytes += m.Bits * float64(m.Weights) / 8
	}
	o.need = 2*int64(bytes) + dst.Rest(layers)
	if o.part.Of > 0 {
		o.need = int64(bytes) / int64(o.part.Of)
	}
	folder := filepath.Dir(dst.Path())
	if free := freeSpaceBeside(dst.Path()); free >= 0 && free < o.need {
		return fmt.Errorf("%s: %s bytes are free, about %s are needed", folder, grouped(free),
			grouped(o.need))
	}
	return nil
}

// freeSpaceBeside is how many bytes can be written to the folder that a path is in, -1 where that
// is unknown.
func freeSpaceBeside(path string) int64 { return freeSpace(filepath.Dir(path)) }
