package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	chunkLines = 1024     // of texts are read and worked on together,
	chunkBytes = 4 << 20  // or about as many bytes of them
	longest    = 16 << 20 // line
)

// texts reads a file line by line, so that its size does not matter.
type texts struct {
	name   string
	r      *bufio.Reader
	closer io.Closer
	line   int   // lines read
	done   int64 // bytes read
	size   int64 // of the file, 0 if unknown
}

// openTexts opens a file of texts, standard input for "-".
func (e *env) openTexts(name string) (*texts, error) {
	if name == "-" {
		return &texts{name: "standard input", r: bufio.NewReader(e.stdin)}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	t := &texts{name: name, r: bufio.NewReader(f), closer: f}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		t.size = info.Size()
	}
	return t, nil
}

func (t *texts) close() {
	if t.closer != nil {
		_ = t.closer.Close() // nothing was written
	}
}

// next reads the next line, without its end.
func (t *texts) next() (string, error) {
	var line []byte
	for {
		part, err := t.r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > longest:
			return "", fmt.Errorf("%s: line %d is longer than %d bytes", t.name, t.line+1, longest)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) == 0:
			return "", io.EOF
		case err != nil && !errors.Is(err, io.EOF):
			return "", fmt.Errorf("%s: %w", t.name, err)
		}
		t.line++
		t.done += int64(len(line))
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		return string(line), nil
	}
}

// chunks calls do with all texts, some at a time, until ctx is done. There must be one at least.
func (t *texts) chunks(ctx context.Context, do func(texts []string) error) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		var chunk []string
		var err error
		for size := 0; err == nil && len(chunk) < chunkLines && size < chunkBytes; {
			var line string
			if line, err = t.next(); err == nil {
				chunk = append(chunk, line)
				size += len(line)
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(chunk) > 0 {
			if err := do(chunk); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			if t.line == 0 {
				return fmt.Errorf("%s: has no lines", t.name)
			}
			return nil
		}
	}
}

// readTexts returns all texts of a file, which may be up to most.
func (e *env) readTexts(ctx context.Context, name string, most int) ([]string, error) {
	t, err := e.openTexts(name)
	if err != nil {
		return nil, err
	}
	defer t.close()
	var all []string
	err = t.chunks(ctx, func(texts []string) error {
		if all = append(all, texts...); len(all) > most {
			return errors.New(t.name + ": has more lines than the " + fmt.Sprint(most) +
				" that are compared with each other")
		}
		return nil
	})
	return all, err
}
